// The headers of PNM, PAM and PFM files, and the text they are made of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace esrgan {

/// The characters of a file, from a buffer. Comments, from '#' to the end of the line, read as the end of
/// that line.
class PnmText {
 public:
  explicit PnmText(const ByteSource& source) : source_(source) {}

  static constexpr int end = -1;
  static constexpr size_t buffer_bytes = 1U << 16U;
  static bool is_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  static bool is_digit(int c) { return c >= '0' && c <= '9'; }

  int get();
  /// Passes over space, and returns what follows it.
  int get_after_space();
  /// The next word, and the one character of space that ends it. Throws Error when there is none.
  std::string word();
  /// A whole number, ended likewise. Throws Error when it is none, or larger than a picture's side may be.
  uint32_t number();
  /// What is left of the line.
  std::string line();

  uint64_t position() const { return begin_ + at_; }
  void seek(uint64_t position);

  /// What is thrown on a header that cannot be understood.
  [[noreturn]] void fail(const std::string& expected, const std::string& found) const;

 private:
  int get_raw();
  [[noreturn]] void fail_at(const std::string& expected, int found) const;

  const ByteSource& source_;
  std::vector<uint8_t> buffer_;
  uint64_t begin_ = 0;  ///< of the buffer in the file
  size_t at_ = 0;
};

struct PnmHeader {
  enum class Samples {
    text_bits,
    text,
    packed_bits,  ///< eight a byte, rows begin with a byte
    bytes,        ///< one or two a sample, the high one first
    floats        ///< rows from bottom to top
  };

  Samples samples = Samples::bytes;
  int width = 0, height = 0;
  int channels = 0;         ///< 1 to 4, as StoredPicture has them
  uint32_t largest = 1;     ///< value of a sample; with bits, 1 is black
  bool big_endian = false;  ///< floats
  uint64_t raster = 0;      ///< where the samples begin in the file

  uint64_t row_samples() const { return static_cast<uint64_t>(width) * static_cast<uint64_t>(channels); }
  /// Bytes of a row in the file, unless it is text.
  uint64_t row_bytes() const;
};

/// Throws Error when it cannot be read, or claims more than the file has.
PnmHeader read_pnm_header(const ByteSource& source);

}  // namespace esrgan
