#include "image/keep_colours.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace esrgan {
namespace {

/// First pixel of part `part` of `parts` of an extent.
int begin_of(int extent, int part, int parts) {
  return static_cast<int>(static_cast<int64_t>(extent) * part / parts);
}

class MeasuredSource : public RowSource {
 public:
  MeasuredSource(std::unique_ptr<RowSource> source, std::shared_ptr<BlockMeans> means)
      : source_(std::move(source)), means_(std::move(means)) {}
  const ImageInfo& info() const override { return source_->info(); }
  bool random_access() const override { return source_->random_access(); }
  size_t memory() const override { return source_->memory(); }

  void read(int begin, int end, float* out) override {
    source_->read(begin, end, out);
    for (int y = begin; y < end; ++y)
      means_->add_row(y, out + static_cast<size_t>(y - begin) * info().row_samples());
  }

 private:
  std::unique_ptr<RowSource> source_;
  std::shared_ptr<BlockMeans> means_;
};

/// Where a position lies between the centres of blocks along one axis.
struct Between {
  int first = 0, second = 0;
  float share = 0;  // of the second
};

std::vector<Between> between_centres(int extent, int blocks) {
  std::vector<Between> places(static_cast<size_t>(extent));
  const auto centre = [&](int block) {
    return 0.5F *
           static_cast<float>(begin_of(extent, block, blocks) + begin_of(extent, block + 1, blocks) - 1);
  };
  int block = 0;
  for (int i = 0; i < extent; ++i) {
    while (block + 1 < blocks && centre(block + 1) <= static_cast<float>(i)) ++block;
    Between& place = places[static_cast<size_t>(i)];
    place.first = place.second = block;
    if (static_cast<float>(i) > centre(block) && block + 1 < blocks) {
      place.second = block + 1;
      place.share = (static_cast<float>(i) - centre(block)) / (centre(block + 1) - centre(block));
    }
  }
  return places;
}

class KeepColoursSink : public RowSink {
 public:
  KeepColoursSink(const ImageInfo& info, std::shared_ptr<const BlockMeans> original,
                  std::unique_ptr<RowSink> next)
      : info_(info),
        original_(std::move(original)),
        found_(info, original_->across(), original_->down()),
        next_(std::move(next)),
        columns_(between_centres(info.width, original_->across())),
        lines_(between_centres(info.height, original_->down())) {}

  void write(const float* rows, int count) override {
    const size_t row = info_.row_samples();
    for (int r = 0; r < count; ++r, ++received_) {
      const float* from = rows + static_cast<size_t>(r) * row;
      found_.add_row(received_, from);
      waiting_.insert(waiting_.end(), from, from + row);
      if (received_ + 1 == found_.end_of(complete_)) {
        add_corrections();
        emit();
      }
    }
  }

  void finish() override { next_->finish(); }

 private:
  /// A line of blocks is complete: by how much its means differ.
  void add_corrections() {
    std::vector<float> line;
    for (int column = 0; column < original_->across(); ++column)
      for (int c = 0; c < info_.colours(); ++c)
        line.push_back(original_->mean(column, complete_, c) - found_.mean(column, complete_, c));
    corrections_.push_back(std::move(line));
    ++complete_;
  }

  /// Hands on the rows that lie between lines whose corrections are known.
  void emit() {
    const size_t row = info_.row_samples();
    size_t done = 0;
    for (; sent_ < received_ + 1; ++sent_, ++done) {
      const Between& place = lines_[static_cast<size_t>(sent_)];
      if (place.second >= complete_) break;
      correct(waiting_.data() + done * row, place);
    }
    if (done == 0) return;
    next_->write(waiting_.data(), static_cast<int>(done));
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(done * row));
  }

  void correct(float* row, const Between& down) const {
    const std::vector<float>& above = corrections_[static_cast<size_t>(down.first)];
    const std::vector<float>& below = corrections_[static_cast<size_t>(down.second)];
    const auto channels = static_cast<size_t>(info_.channels), colours = static_cast<size_t>(info_.colours());
    for (size_t x = 0; x < static_cast<size_t>(info_.width); ++x) {
      const Between& across = columns_[x];
      for (size_t c = 0; c < colours; ++c) {
        const size_t left = static_cast<size_t>(across.first) * colours + c,
                     right = static_cast<size_t>(across.second) * colours + c;
        const float upper = above[left] + across.share * (above[right] - above[left]);
        const float lower = below[left] + across.share * (below[right] - below[left]);
        row[x * channels + c] += upper + down.share * (lower - upper);
      }
    }
  }

  ImageInfo info_;
  std::shared_ptr<const BlockMeans> original_;
  BlockMeans found_;
  std::unique_ptr<RowSink> next_;
  std::vector<Between> columns_, lines_;
  std::vector<std::vector<float>> corrections_;  // of each complete line of blocks
  std::vector<float> waiting_;                   // rows from sent_ on
  int received_ = 0, sent_ = 0, complete_ = 0;
};

}  // namespace

BlockMeans::BlockMeans(const ImageInfo& info, int across, int down)
    : width_(info.width),
      height_(info.height),
      channels_(info.channels),
      across_(across),
      down_(down),
      sums_(static_cast<size_t>(across) * static_cast<size_t>(down) * static_cast<size_t>(channels_)),
      seen_(static_cast<size_t>(height_)) {
  const auto blocks = [](int extent, int count) {
    std::vector<int> block_of(static_cast<size_t>(extent));
    for (int block = 0; block < count; ++block)
      std::fill(block_of.begin() + begin_of(extent, block, count),
                block_of.begin() + begin_of(extent, block + 1, count), block);
    return block_of;
  };
  column_of_ = blocks(width_, across);
  line_of_ = blocks(height_, down);
}

void BlockMeans::add_row(int y, const float* row) {
  if (seen_[static_cast<size_t>(y)]) return;
  seen_[static_cast<size_t>(y)] = true;
  const auto channels = static_cast<size_t>(channels_);
  double* sums = sums_.data() + static_cast<size_t>(line_of_[static_cast<size_t>(y)]) *
                                    static_cast<size_t>(across_) * channels;
  for (size_t x = 0; x < static_cast<size_t>(width_); ++x)
    for (size_t c = 0; c < channels; ++c, ++row)
      sums[static_cast<size_t>(column_of_[x]) * channels + c] += static_cast<double>(*row);
}

float BlockMeans::mean(int column, int line, int channel) const {
  const double pixels =
      static_cast<double>(begin_of(width_, column + 1, across_) - begin_of(width_, column, across_)) *
      (end_of(line) - begin_of(height_, line, down_));
  const auto place =
      (static_cast<size_t>(line) * static_cast<size_t>(across_) + static_cast<size_t>(column)) *
          static_cast<size_t>(channels_) +
      static_cast<size_t>(channel);
  return static_cast<float>(sums_[place] / pixels);
}

int BlockMeans::end_of(int line) const {
  return begin_of(height_, line + 1, down_);
}

std::unique_ptr<RowSource> make_measured_source(std::unique_ptr<RowSource> source,
                                                std::shared_ptr<BlockMeans> means) {
  return std::make_unique<MeasuredSource>(std::move(source), std::move(means));
}

std::unique_ptr<RowSink> make_keep_colours_sink(const ImageInfo& info,
                                                std::shared_ptr<const BlockMeans> original,
                                                std::unique_ptr<RowSink> next) {
  return std::make_unique<KeepColoursSink>(info, std::move(original), std::move(next));
}

size_t keep_colours_memory(const ImageInfo& info, const BlockMeans& original) {
  const int rows = 2 * (info.height / original.down() + 1);  // a vector that grows may hold twice as much
  return 2 * info.row_samples() * static_cast<size_t>(rows) * sizeof(float);
}

}  // namespace esrgan
