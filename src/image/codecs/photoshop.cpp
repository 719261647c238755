#include "image/codecs/photoshop.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

namespace esrgan {
namespace {

constexpr uint16_t iptc_block = 0x0404, thumbnail_block = 0x040C, old_thumbnail_block = 0x0409,
                   resolution_block = 0x03ED;
constexpr size_t block_start = 4 + 2;  // "8BIM" and the identifier

size_t even(size_t count) {
  return count + count % 2;
}

/// A block at the front of some bytes: as a whole, and its data.
struct Block {
  uint16_t identifier = 0;
  size_t begin = 0, size = 0, whole = 0;  ///< of the data, the data's, the block's
};

std::optional<Block> first_block(std::span<const uint8_t> bytes) {
  if (bytes.size() < block_start + 2 + 4 || std::memcmp(bytes.data(), "8BIM", 4) != 0) return std::nullopt;
  Block block;
  block.identifier = static_cast<uint16_t>(bytes[4] << 8U | bytes[5]);
  block.begin = block_start + even(size_t{1} + bytes[block_start]) + 4;
  if (block.begin > bytes.size()) return std::nullopt;
  const uint8_t* length = bytes.data() + block.begin - 4;
  block.size = size_t{length[0]} << 24U | size_t{length[1]} << 16U | size_t{length[2]} << 8U | length[3];
  if (block.size > bytes.size() - block.begin) return std::nullopt;
  block.whole = std::min(bytes.size(), block.begin + even(block.size));
  return block;
}

}  // namespace

void take_photoshop_blocks(std::span<const uint8_t> bytes, ImageMetadata& metadata) {
  while (const auto block = first_block(bytes)) {
    const auto data = bytes.subspan(block->begin, block->size);
    const auto whole = bytes.first(block->whole);
    if (block->identifier == iptc_block) {
      metadata.iptc.insert(metadata.iptc.end(), data.begin(), data.end());
    } else if (block->identifier != thumbnail_block && block->identifier != old_thumbnail_block) {
      metadata.photoshop.insert(metadata.photoshop.end(), whole.begin(), whole.end());
      if (metadata.photoshop.size() % 2 != 0) metadata.photoshop.push_back(0);
    }
    bytes = bytes.subspan(whole.size());
  }
}

void set_photoshop_resolution(ImageMetadata& metadata, double dots_per_inch) {
  // Twice: pixels per inch (16.16 bits), the unit to show it in, the unit to show the side in.
  constexpr size_t half = 8, needed = 2 * half;
  const auto fixed = static_cast<uint32_t>(std::lround(std::clamp(dots_per_inch, 0.0, 65535.0) * 65536));
  std::span<uint8_t> bytes = metadata.photoshop;
  while (const auto block = first_block(bytes)) {
    if (block->identifier == resolution_block && block->size >= needed)
      for (const size_t at : {block->begin, block->begin + half})
        for (size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<uint8_t>(fixed >> (24 - 8 * i));
    bytes = bytes.subspan(block->whole);
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
