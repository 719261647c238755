// Enlarged pictures of measured numbers: what a network adds must be hinted at by the numbers, and the mean
// of what becomes of one of them must be that number again.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "image/rows.h"

namespace esrgan {

/// The rows of a picture as they went by, until they are forgotten. One thread may add them while another
/// looks at them.
class PassedRows {
 public:
  /// Row `y`, the one behind the last, or one that is known.
  void add(int y, const float* row, size_t samples);
  bool has(int y) const;
  /// A row that is there; valid until it is forgotten.
  const float* row(int y) const;
  void forget_before(int y);

 private:
  mutable std::mutex mutex_;
  std::deque<std::vector<float>> rows_;
  int first_ = 0, end_ = 0;
};

/// Reads through to another source; its rows are kept on the way.
std::unique_ptr<RowSource> make_passing_source(std::unique_ptr<RowSource> source,
                                               std::shared_ptr<PassedRows> rows);

struct Consistency {
  /// The step of each channel's numbers, in the rows' unit; 0 for floating point. A rounded ramp is a ramp.
  std::vector<float> quanta;
  /// The least and the largest number that each channel can have, in the same unit; empty for no such limits.
  std::vector<std::array<float, 2>> limits = {};
};

/// Takes the rows of a picture enlarged `scale` times, and hands them on so that
/// - they differ from the plain (cubic) enlargement by no more than the numbers bend: the largest second
///   difference within two pixels. Even parts stay even, and ramps ramps, to the picture's edges;
/// - the mean of the scale x scale pixels of each number is the number (back-projection, Irani and Peleg
///   1991), to rounding of floats, and no pixel is beyond what can be stored.
/// `info`: of the enlarged picture. `original`: its rows must be there by the time the network's are, and are
/// forgotten here. Alpha is taken as it is.
std::unique_ptr<RowSink> make_consistent_sink(const ImageInfo& info, int scale,
                                              std::shared_ptr<PassedRows> original,
                                              const Consistency& consistency, std::unique_ptr<RowSink> next);

/// Bytes that such a sink holds beside the original's rows.
size_t consistent_sink_memory(const ImageInfo& info, int scale);

}  // namespace esrgan
