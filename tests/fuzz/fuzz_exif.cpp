// libFuzzer: any bytes are an EXIF block, or none. A block that is read and written says the same when it is
// read once more; one that is changed, added to or made smaller is still one, and says what it was told to.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/memory_source.h"
#include "image/exif.h"
#include "image/metadata/exif_tree.h"

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

bool says_something(std::span<const uint8_t> bytes) {
  const std::optional<ExifTree> tree = read_exif_tree(MemorySource(bytes));
  return tree && !write_exif_block(*tree).empty();
}

void change(std::span<const uint8_t> bytes, int orientation) {
  ImageMetadata metadata;
  metadata.exif.assign(bytes.begin(), bytes.end());
  metadata.xmp.assign(bytes.begin(), bytes.end());
  const bool spoke = says_something(bytes);
  orientation_of(metadata);
  reset_orientation(metadata, orientation);
  if (orientation_of(metadata) != 1) found("an orientation that stayed");
  set_picture_size(metadata, 640, 480);
  set_exif_resolution(metadata, 300);
  exif_resolution(metadata);
  if (spoke && !is_exif(metadata.exif)) found("a block that went");
}

void add(std::span<const uint8_t> bytes) {
  ImageMetadata metadata;
  metadata.exif.assign(bytes.begin(), bytes.end());
  const bool was = is_exif(metadata.exif) || metadata.exif.empty();
  if (add_user_comment(metadata, "text")) {
    if (!was) found("a comment in no block");
    if (add_user_comment(metadata, "another")) found("a comment that was not found again");
  }
  put_resolution_into_exif(metadata, {300, 300, Resolution::Unit::inch});
  if (says_something(bytes) && !is_exif(metadata.exif)) found("a block that went");
}

void shrink(std::span<const uint8_t> bytes) {
  for (const size_t most : {bytes.size() / 2, size_t{256}}) {
    ImageMetadata metadata;
    metadata.exif.assign(bytes.begin(), bytes.end());
    shrink_exif(metadata, most);
    if (metadata.exif.size() > most) found("a block larger than asked for");
  }
}

}  // namespace
}  // namespace esrgan::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  esrgan::fuzz::write_and_read({data, size});
  for (const int orientation : {2, 6}) esrgan::fuzz::change({data, size}, orientation);
  esrgan::fuzz::add({data, size});
  esrgan::fuzz::shrink({data, size});
  return 0;
}
