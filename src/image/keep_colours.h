// The low frequencies of the input for the result. Networks that invent detail also move the colours of whole
// areas a little.
#pragma once

#include <memory>
#include <vector>

#include "image/rows.h"

namespace esrgan {

/// Means of a picture over square blocks, taken while its rows go by.
class BlockMeans {
 public:
  /// `across` x `down` blocks of about equal size.
  BlockMeans(const ImageInfo& info, int across, int down);

  /// Row `y`; one that was there before is not counted again.
  void add_row(int y, const float* row);
  /// Mean of a channel over a block whose rows have all been added.
  float mean(int column, int line, int channel) const;
  int across() const { return across_; }
  int down() const { return down_; }
  /// The first row below a line of blocks.
  int end_of(int line) const;

 private:
  int width_, height_, channels_, across_, down_;
  std::vector<double> sums_;
  std::vector<bool> seen_;                // rows
  std::vector<int> column_of_, line_of_;  // the block of each pixel
};

/// Reads through to another source and measures on the way.
std::unique_ptr<RowSource> make_measured_source(std::unique_ptr<RowSource> source,
                                                std::shared_ptr<BlockMeans> means);

/// Takes the rows of the enlarged picture and hands them on with the colours of the original: what their
/// blocks' means differ by, interpolated between the blocks' centres, is taken off. Alpha stays. The
/// original's means must be there by the time a row of blocks is complete.
std::unique_ptr<RowSink> make_keep_colours_sink(const ImageInfo& info,
                                                std::shared_ptr<const BlockMeans> original,
                                                std::unique_ptr<RowSink> next);

/// Bytes that such a sink holds.
size_t keep_colours_memory(const ImageInfo& info, const BlockMeans& original);

/// Pixels of the original in a block, each way.
constexpr int kept_block = 32;

}  // namespace esrgan
