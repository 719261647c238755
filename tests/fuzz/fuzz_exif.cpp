// libFuzzer: any bytes are an EXIF block, or none. A block that is read and written says the same when it is
// read once more; one that is changed where it stands keeps its size.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/memory_source.h"
#include "image/exif.h"
#include "image/exif_tree.h"

namespace esrgan::fuzz {
namespace {

[[noreturn]] void found(const char* what) {
  std::fprintf(stderr, "FINDING: %s\n", what);
  std::abort();
}

void write_and_read(std::span<const uint8_t> bytes) {
  const MemorySource source(bytes);
  const std::optional<ExifTree> tree = read_exif_tree(source);
  if (!tree) return;
  const std::vector<uint8_t> block = write_exif_block(*tree);
  if (block.empty()) return;
  const std::optional<ExifTree> again = read_exif_tree(MemorySource(block));
  if (!again) found("a block that was written is none");
  if (write_exif_block(*again) != block) found("a block that was written says something else");
  const std::vector<uint8_t> big = lay_out_tree(*tree, 16, true);
  if (directory_link(big, true) + 8 > big.size()) found("a directory without an end");
}

void change(std::span<const uint8_t> bytes, int orientation) {
  ImageMetadata metadata;
  metadata.exif.assign(bytes.begin(), bytes.end());
  metadata.xmp.assign(bytes.begin(), bytes.end());
  orientation_of(metadata);
  reset_orientation(metadata, orientation);
  if (orientation_of(metadata) != 1) found("an orientation that stayed");
  set_picture_size(metadata, 640, 480);
  set_exif_resolution(metadata, 300);
  exif_resolution(metadata);
  if (metadata.exif.size() != bytes.size()) found("a block of another size");
}

}  // namespace
}  // namespace esrgan::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  esrgan::fuzz::write_and_read({data, size});
  for (const int orientation : {2, 6}) esrgan::fuzz::change({data, size}, orientation);
  return 0;
}
