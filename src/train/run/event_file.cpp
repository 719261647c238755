#include "train/run/event_file.h"

#include <esrgan/error.h>

#include <array>
#include <bit>
#include <chrono>

#include "base/platform_process.h"

namespace esrgan::train {
namespace {

// Protocol buffers' wire format: a key of field number and wire type, then the value.
constexpr unsigned varint_type = 0, double_type = 1, bytes_type = 2, float_type = 5;

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>(value | 0x80U);
  return bytes + static_cast<char>(value);
}

std::string key(unsigned field, unsigned type) {
  return varint(field << 3U | type);
}

template <typename Integer>
std::string little_endian(Integer value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFFU);
  return bytes;
}

std::string number(unsigned field, uint64_t value) {
  return key(field, varint_type) + varint(value);
}
std::string number(unsigned field, double value) {
  return key(field, double_type) + little_endian(std::bit_cast<uint64_t>(value));
}
std::string number(unsigned field, float value) {
  return key(field, float_type) + little_endian(std::bit_cast<uint32_t>(value));
}
std::string text(unsigned field, const std::string& value) {
  return key(field, bytes_type) + varint(value.size()) + value;
}

/// TFRecord's checksum of some bytes.
std::string checksum(const std::string& bytes) {
  const uint32_t crc = crc32c(bytes);
  return little_endian(((crc >> 15U) | (crc << 17U)) + 0xA282EAD8U);
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

uint32_t crc32c(const std::string& bytes) {
  static const auto table = [] {
    std::array<uint32_t, 256> made{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0x82F63B78U : 0U);
      made[i] = value;
    }
    return made;
  }();
  uint32_t crc = ~0U;
  for (const char byte : bytes) crc = (crc >> 8U) ^ table[(crc ^ static_cast<uint8_t>(byte)) & 0xFFU];
  return ~crc;
}

EventFile::EventFile(const std::filesystem::path& folder, int64_t step)
    : file_(folder / ("events.out.tfevents." + std::to_string(static_cast<int64_t>(now())) + "." +
                      std::to_string(process_id()))),
      stream_(file_, std::ios::binary | std::ios::app) {
  constexpr unsigned file_version = 3, session_log = 7, status = 1;
  constexpr uint64_t start = 1;
  event(0, text(file_version, "brain.Event:2"));
  event(step + 1, text(session_log, number(status, start)));
}

void EventFile::event(int64_t step, const std::string& what) {
  const std::string event = number(1, now()) + number(2, static_cast<uint64_t>(step)) + what;
  const std::string length = little_endian(static_cast<uint64_t>(event.size()));
  stream_ << length << checksum(length) << event << checksum(event) << std::flush;
  if (!stream_) throw Error(ErrorKind::io, file_.string(), "cannot be written to (is the disk full?)");
}

// Event.summary = 5; Summary.value = 1; Value: tag = 1, simple_value = 2, image = 4.
void EventFile::scalar(const std::string& tag, int64_t step, double value) {
  event(step, text(5, text(1, text(1, tag) + number(2, static_cast<float>(value)))));
}

// Image: height = 1, width = 2, colorspace = 3, encoded_image_string = 4.
void EventFile::image(const std::string& tag, int64_t step, int width, int height,
                      const std::vector<uint8_t>& png) {
  constexpr uint64_t rgb = 3;
  const std::string image = number(1, static_cast<uint64_t>(height)) +
                            number(2, static_cast<uint64_t>(width)) + number(3, rgb) +
                            text(4, std::string(png.begin(), png.end()));
  event(step, text(5, text(1, text(1, tag) + text(4, image))));
}

}  // namespace esrgan::train
