#include "image/codecs/photoshop.h"

#include <cstring>

namespace esrgan {
namespace {

constexpr uint16_t iptc_block = 0x0404, thumbnail_block = 0x040C, old_thumbnail_block = 0x0409;
constexpr size_t block_start = 4 + 2;  // "8BIM" and the identifier

size_t even(size_t count) {
  return count + count % 2;
}

}  // namespace

void take_photoshop_blocks(std::span<const uint8_t> bytes, ImageMetadata& metadata) {
  while (bytes.size() >= block_start + 2 + 4 && std::memcmp(bytes.data(), "8BIM", 4) == 0) {
    const uint16_t identifier = static_cast<uint16_t>(bytes[4] << 8U | bytes[5]);
    const size_t name = even(size_t{1} + bytes[block_start]);
    const size_t begin = block_start + name + 4;
    if (begin > bytes.size()) return;
    const uint8_t* length = bytes.data() + begin - 4;
    const size_t size =
        size_t{length[0]} << 24U | size_t{length[1]} << 16U | size_t{length[2]} << 8U | length[3];
    if (size > bytes.size() - begin) return;
    const auto data = bytes.subspan(begin, size);
    const auto whole = bytes.first(std::min(bytes.size(), begin + even(size)));
    if (identifier == iptc_block) {
      metadata.iptc.insert(metadata.iptc.end(), data.begin(), data.end());
    } else if (identifier != thumbnail_block && identifier != old_thumbnail_block) {
      metadata.photoshop.insert(metadata.photoshop.end(), whole.begin(), whole.end());
      if (metadata.photoshop.size() % 2 != 0) metadata.photoshop.push_back(0);
    }
    bytes = bytes.subspan(whole.size());
  }
}

std::vector<uint8_t> photoshop_blocks(const ImageMetadata& metadata) {
  std::vector<uint8_t> blocks = metadata.photoshop;
  if (metadata.iptc.empty()) return blocks;
  const size_t size = metadata.iptc.size();
  for (const uint8_t byte : {uint8_t{'8'}, uint8_t{'B'}, uint8_t{'I'}, uint8_t{'M'},
                             uint8_t{iptc_block >> 8U}, uint8_t{iptc_block & 0xFFU}, uint8_t{0}, uint8_t{0}})
    blocks.push_back(byte);
  for (const unsigned shift : {24U, 16U, 8U, 0U}) blocks.push_back(static_cast<uint8_t>(size >> shift));
  blocks.insert(blocks.end(), metadata.iptc.begin(), metadata.iptc.end());
  if (size % 2 != 0) blocks.push_back(0);
  return blocks;
}

}  // namespace esrgan
