// Pictures as streams of rows, so that none needs to be in memory as a whole.
#pragma once

#include <esrgan/image.h>

#include <memory>
#include <vector>

namespace esrgan {

/// Rows of floats in [0, 1], channels interleaved; of pictures with gaps see gaps.h.
class RowSource {
 public:
  RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;
  RowSource(RowSource&&) = delete;
  RowSource& operator=(RowSource&&) = delete;
  virtual ~RowSource() = default;

  virtual const ImageInfo& info() const = 0;
  /// Reads rows [begin, end) to `out`, info().row_samples() floats each.
  virtual void read(int begin, int end, float* out) = 0;
  /// Whether rows may be read in any order; otherwise each call must begin where the last one ended.
  virtual bool random_access() const = 0;
  /// Bytes held in memory.
  virtual size_t memory() const = 0;
};

/// Takes the rows of a picture from top to bottom.
class RowSink {
 public:
  RowSink() = default;
  RowSink(const RowSink&) = delete;
  RowSink& operator=(const RowSink&) = delete;
  RowSink(RowSink&&) = delete;
  RowSink& operator=(RowSink&&) = delete;
  virtual ~RowSink() = default;

  /// `count` rows of floats; values outside [0, 1] are clamped where the sample type is an integer.
  virtual void write(const float* rows, int count) = 0;
  /// All rows of the picture, in a vector that the sink may swap for another to save a copy.
  virtual void write_all(std::vector<float>& picture, int count) { write(picture.data(), count); }
  /// After the last row. Without it, what was written is discarded.
  virtual void finish() = 0;
};

/// Throws Error when the samples of a picture are not as many as its size and type say.
void check_samples(const Image& image);

/// Serves the rows of a picture in memory.
std::unique_ptr<RowSource> make_source(std::shared_ptr<const Image> image);

/// Fills `image`, whose info tells the size and type; `image` must outlive the sink.
std::unique_ptr<RowSink> make_sink(Image& image);

}  // namespace esrgan
