// The run-length compression of BMP files, RLE4 and RLE8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "image/codecs/bmp_header.h"

namespace esrgan {

/// Holds the compressed bytes and where each row begins in them, so that rows can be had in any order: files
/// begin with the lowest.
class BmpRuns {
 public:
  /// Throws Error when the bytes end before the picture does.
  BmpRuns(const ByteSource& source, const BmpHeader& header);

  /// Indices into the palette of a row, one a byte; rows count in the order of the file.
  void row(int y, uint8_t* indices) const;
  uint64_t memory() const { return bytes_.size() + starts_.size() * sizeof(Start); }

 private:
  struct Start {
    size_t at;  ///< into bytes_; past the end for a row without pixels
    int x;
  };
  struct Step;

  Step step(size_t at) const;
  void find_rows(const ByteSource& source, int height);
  void put(const Step& step, int x, uint8_t* indices) const;

  std::vector<uint8_t> bytes_;
  std::vector<Start> starts_;
  int width_;
  bool nibbles_;  ///< RLE4
};

}  // namespace esrgan
