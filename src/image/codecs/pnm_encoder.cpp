#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>

#include "image/codecs/pnm.h"

namespace esrgan {
namespace {

constexpr size_t block_bytes = 1U << 18U;  // are written at once, or a row

struct Kind {
  std::string_view extension;
  std::string_view channels;  ///< that it holds, as digits
  bool floats;
};

constexpr Kind kinds[] = {{"ppm", "3", false},
                          {"pgm", "1", false},
                          {"pnm", "13", false},
                          {"pam", "1234", false},
                          {"pfm", "13", true}};

std::string listed(std::string_view digits) {
  std::string text(1, digits[0]);
  for (const char digit : digits.substr(1)) text += std::string(" or ") + digit;
  return text;
}

uint32_t largest_of(const StoredPicture& picture) {
  if (picture.type == SampleType::u8) return 255;
  return picture.bits == 10 || picture.bits == 12 || picture.bits == 14
             ? (1U << static_cast<unsigned>(picture.bits)) - 1
             : 65535;
}

std::string pam_header(const StoredPicture& picture) {
  constexpr std::array<std::string_view, 4> types{"GRAYSCALE", "GRAYSCALE_ALPHA", "RGB", "RGB_ALPHA"};
  return "P7\nWIDTH " + std::to_string(picture.width) + "\nHEIGHT " + std::to_string(picture.height) +
         "\nDEPTH " + std::to_string(picture.channels) + "\nMAXVAL " + std::to_string(largest_of(picture)) +
         "\nTUPLTYPE " + std::string(types[static_cast<size_t>(picture.channels - 1)]) + "\nENDHDR\n";
}

std::string header(const StoredPicture& picture, std::string_view extension) {
  if (extension == "pam") return pam_header(picture);
  const std::string size = std::to_string(picture.width) + " " + std::to_string(picture.height) + "\n";
  const bool gray = picture.channels == 1;
  if (extension == "pfm") return (gray ? "Pf\n" : "PF\n") + size + "-1.0\n";  // negative: little-endian
  return (gray ? "P5\n" : "P6\n") + size + std::to_string(largest_of(picture)) + "\n";
}

/// 16 bits in the machine's order to those of the file, the high byte first.
void pack_words(const std::byte* from, size_t count, uint32_t largest, uint8_t* to) {
  for (size_t i = 0; i < count; ++i) {
    uint16_t sample = 0;
    std::memcpy(&sample, from + 2 * i, sizeof sample);
    const uint32_t value = largest == 65535 ? sample : (sample * largest + 32767) / 65535;
    *to++ = static_cast<uint8_t>(value >> 8U);
    *to++ = static_cast<uint8_t>(value);
  }
}

void pack_floats(const std::byte* from, size_t bytes, uint8_t* to) {
  std::memcpy(to, from, bytes);
  if constexpr (std::endian::native == std::endian::big)
    for (size_t i = 0; i < bytes; i += sizeof(float)) std::reverse(to + i, to + i + sizeof(float));
}

class PnmEncoder final : public Encoder {
 public:
  PnmEncoder(ByteSink& sink, const Kind& kind) : sink_(sink), kind_(kind) {}

  void begin(const StoredPicture& picture) override {
    check(picture);
    picture_ = picture;
    const std::string text = header(picture, kind_.extension);
    sink_.write({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    raster_ = sink_.size();
    if (picture.type == SampleType::u8) return;
    block_.assign(std::max(block_bytes, picture.row_bytes()), 0);
    if (kind_.floats) write_zeros();
  }

  void write(const std::byte* rows, int count) override {
    const size_t row_bytes = picture_.row_bytes();
    if (picture_.type == SampleType::u8) {
      sink_.write({reinterpret_cast<const uint8_t*>(rows), row_bytes * static_cast<size_t>(count)});
      return;
    }
    const int most = static_cast<int>(block_.size() / row_bytes);
    while (count > 0) {
      const int some = std::min(count, most);
      if (kind_.floats)
        write_floats(rows, some);
      else
        write_words(rows, some);
      rows += row_bytes * static_cast<size_t>(some);
      next_row_ += some;
      count -= some;
    }
  }

  void end() override {}
  void finish() override {}

  uint64_t memory(const StoredPicture& picture) const override {
    return picture.type == SampleType::u8 ? 0 : std::max(block_bytes, picture.row_bytes());
  }

 private:
  void check(const StoredPicture& picture) const {
    const bool type = kind_.floats ? picture.type == SampleType::f32
                                   : picture.type == SampleType::u8 || picture.type == SampleType::u16;
    const std::string channels = std::to_string(picture.channels);
    if (type && channels.size() == 1 && kind_.channels.find(channels) != std::string_view::npos) return;
    throw Error(
        ErrorKind::unsupported, sink_.name(), "." + std::string(kind_.extension) + " cannot hold the picture",
        std::string(kind_.floats ? "floats" : "8 or 16 bits") + ", channels " + listed(kind_.channels),
        std::string(name_of(picture.type)) + ", channels " + channels);
  }

  /// The file begins with the lowest row, which comes last: there must be something to write over.
  void write_zeros() {
    for (uint64_t left = picture_.row_bytes() * static_cast<uint64_t>(picture_.height); left > 0;) {
      const auto some = static_cast<size_t>(std::min<uint64_t>(left, block_.size()));
      sink_.write({block_.data(), some});
      left -= some;
    }
  }

  void write_floats(const std::byte* rows, int count) {
    const size_t row_bytes = picture_.row_bytes();
    for (int i = 0; i < count; ++i)
      pack_floats(rows + row_bytes * static_cast<size_t>(i), row_bytes,
                  &block_[row_bytes * static_cast<size_t>(count - 1 - i)]);
    const int lowest = picture_.height - next_row_ - count;
    sink_.write_at(raster_ + row_bytes * static_cast<uint64_t>(lowest),
                   {block_.data(), row_bytes * static_cast<size_t>(count)});
  }

  void write_words(const std::byte* rows, int count) {
    const size_t bytes = picture_.row_bytes() * static_cast<size_t>(count);
    pack_words(rows, bytes / 2, largest_of(picture_), block_.data());
    sink_.write({block_.data(), bytes});
  }

  ByteSink& sink_;
  const Kind& kind_;
  StoredPicture picture_;
  uint64_t raster_ = 0;  ///< where the samples begin in the sink
  int next_row_ = 0;
  std::vector<uint8_t> block_;  ///< rows as the file has them
};

}  // namespace

std::unique_ptr<Encoder> create_pnm(ByteSink& sink, const EncodeOptions& options) {
  for (const Kind& kind : kinds)
    if (kind.extension == options.extension) return std::make_unique<PnmEncoder>(sink, kind);
  throw Error(ErrorKind::unsupported, sink.name(), "the format is not written", "ppm, pgm, pnm, pam or pfm",
              options.extension);
}

}  // namespace esrgan
