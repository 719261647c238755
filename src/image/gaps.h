// Places of pictures where there is no measurement: GDAL's nodata, DICOM's pixel padding, floats that are no
// number.
//
// A network must not see what stands there, and nothing of it may run into what is around. Rows of sources
// are filled from the nearest measurements; where the gaps were is kept beside, and laid over the enlarged
// picture as squares.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "image/rows.h"

namespace esrgan {

/// Where a picture's gaps are, each channel by itself. One thread may add rows while another looks at them.
class Gaps {
 public:
  Gaps(int width, int height, int channels) : width_(width), height_(height), channels_(channels) {}

  int width() const { return width_; }
  int height() const { return height_; }
  int channels() const { return channels_; }

  /// The next row, a value for each sample; empty when it has none.
  void add(std::vector<bool> row);
  /// A row that was added and is not forgotten; empty when it has none.
  std::vector<bool> row(int y) const;
  void forget_before(int y);

 private:
  int width_, height_, channels_;
  mutable std::mutex mutex_;
  std::deque<std::vector<bool>> rows_;
  int first_ = 0;
};

/// A picture's rows with its gaps filled, and the gaps.
struct FilledSource {
  std::unique_ptr<RowSource> source;
  std::shared_ptr<Gaps> gaps;  ///< none when the picture has none
};

/// Of a source whose info() says what is no measurement; others stay as they are. One that gives rows in any
/// order is read here.
FilledSource fill_gaps(std::unique_ptr<RowSource> source);

/// Takes the rows of an enlarged picture, and hands them on with NaN where the original's nearest pixel is a
/// gap. `info`: of the enlarged picture.
std::unique_ptr<RowSink> make_gap_sink(const ImageInfo& info, std::shared_ptr<Gaps> gaps,
                                       std::unique_ptr<RowSink> next);

/// Brings a row of floats, which were packed to samples that hold numbers like `no_data`, to these where it
/// has gaps, and to the number beside where others would be taken for gaps.
void pack_gaps(const float* row, size_t samples, SampleType type, const NoData& no_data, std::byte* packed);

}  // namespace esrgan
