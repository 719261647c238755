#include "image/gaps.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "image/samples.h"

namespace esrgan {
namespace {

/// How far up and down measurements are looked for; along a row they may be anywhere.
constexpr int reach = 16;

/// What is no measurement, in the unit of rows.
class NoDataTest {
 public:
  explicit NoDataTest(const ImageInfo& info) {
    const double step = step_of(info.type);  // of values of their own, gaps are NaN already
    if (!info.no_data || step == 0) return;
    least_ = static_cast<float>((info.no_data->least - 0.5) * step);
    most_ = static_cast<float>((info.no_data->most + 0.5) * step);
  }
  bool operator()(float value) const { return std::isnan(value) || (least_ < value && value < most_); }

 private:
  float least_ = 0, most_ = 0;
};

/// A row, and for each of its samples where the nearest measurement of its channel lies in it.
struct GapRow {
  std::vector<float> values;
  std::vector<bool> gaps;    // empty when there are none
  std::vector<int> nearest;  // pixels; none: -1
};

class GapFiller {
 public:
  explicit GapFiller(const ImageInfo& info)
      : width_(info.width),
        height_(info.height),
        channels_(info.channels),
        is_none_(info),
        last_(info.row_samples(), 0.5F) {}

  /// The row behind the last.
  void add(const float* row) {
    GapRow added;
    added.values.assign(row, row + last_.size());
    for (size_t i = 0; i < last_.size(); ++i)
      if (is_none_(row[i])) {
        added.gaps.resize(last_.size());
        added.gaps[i] = true;
      }
    if (!added.gaps.empty()) find_nearest(added);
    rows_.push_back(std::move(added));
    ++end_;
  }

  /// Whether all rows are there that row `y` is filled from.
  bool can_fill(int y) const { return std::min(y + reach, height_ - 1) < end_; }
  /// Rows are asked for from top to bottom.
  std::vector<bool> fill(int y, float* out) {
    for (; first_ < y - reach; ++first_) rows_.pop_front();
    const GapRow& row = at(y);
    std::copy(row.values.begin(), row.values.end(), out);
    for (size_t i = 0; i < row.gaps.size(); ++i)
      if (row.gaps[i]) out[i] = value_for(y, i);
    last_.assign(out, out + last_.size());
    return row.gaps;
  }

  size_t memory() const {
    return static_cast<size_t>(2 * reach + 2) * last_.size() * (sizeof(float) + sizeof(int));
  }

 private:
  const GapRow& at(int y) const { return rows_[static_cast<size_t>(y - first_)]; }

  void find_nearest(GapRow& row) const {
    const auto channels = static_cast<size_t>(channels_);
    row.nearest.assign(last_.size(), -1);
    for (size_t c = 0; c < channels; ++c) {
      int known = -1;
      const auto place = [&](int x) { return static_cast<size_t>(x) * channels + c; };
      for (int x = 0; x < width_; ++x) row.nearest[place(x)] = known = row.gaps[place(x)] ? known : x;
      known = -1;
      for (int x = width_ - 1; x >= 0; --x) {
        int& nearest = row.nearest[place(x)];
        if (nearest == x) known = x;
        if (known >= 0 && (nearest < 0 || known - x < x - nearest)) nearest = known;
      }
    }
  }

  /// The nearest measurement's; where there is none in reach, what was taken above.
  float value_for(int y, size_t sample) const {
    const auto channels = static_cast<size_t>(channels_);
    const int x = static_cast<int>(sample / channels);
    int64_t least = std::numeric_limits<int64_t>::max();
    float value = last_[sample];
    for (int away = 0; away <= reach && int64_t{away} * away < least; ++away)
      for (const int dy : {-away, away}) {
        if (y + dy < first_ || y + dy >= end_) continue;
        const GapRow& row = at(y + dy);
        const int nearest = row.gaps.empty() ? x : row.nearest[sample];
        const int64_t dx = nearest - x, distance = dx * dx + int64_t{away} * away;
        if (nearest < 0 || distance >= least) continue;
        least = distance;
        value = row.values[static_cast<size_t>(nearest) * channels + sample % channels];
      }
    return value;
  }

  int width_, height_, channels_;
  NoDataTest is_none_;
  std::deque<GapRow> rows_;  // from first_ to end_
  int first_ = 0, end_ = 0;
  std::vector<float> last_;
};

/// Of rows that come in order.
class FillingSource : public RowSource {
 public:
  FillingSource(std::unique_ptr<RowSource> source, std::shared_ptr<Gaps> gaps)
      : source_(std::move(source)),
        gaps_(std::move(gaps)),
        filler_(source_->info()),
        row_(source_->info().row_samples()) {}

  const ImageInfo& info() const override { return source_->info(); }
  bool random_access() const override { return false; }
  size_t memory() const override { return source_->memory() + filler_.memory(); }

  void read(int begin, int end, float* out) override {
    for (int y = begin; y < end; ++y, out += row_.size()) {
      for (; !filler_.can_fill(y); ++read_) {
        source_->read(read_, read_ + 1, row_.data());
        filler_.add(row_.data());
      }
      gaps_->add(filler_.fill(y, out));
    }
  }

 private:
  std::unique_ptr<RowSource> source_;
  std::shared_ptr<Gaps> gaps_;
  GapFiller filler_;
  std::vector<float> row_;
  int read_ = 0;
};

class GapSink : public RowSink {
 public:
  GapSink(ImageInfo info, std::shared_ptr<Gaps> gaps, std::unique_ptr<RowSink> next)
      : info_(std::move(info)), gaps_(std::move(gaps)), next_(std::move(next)) {}

  void write(const float* rows, int count) override {
    const size_t samples = info_.row_samples();
    for (int y = 0; y < count; ++y, ++row_) {
      const int line = source_of(row_, gaps_->height(), info_.height);
      const std::vector<bool> gaps = gaps_->row(line);
      gaps_->forget_before(line);
      const float* const row = rows + static_cast<size_t>(y) * samples;
      if (gaps.empty()) {
        next_->write(row, 1);
        continue;
      }
      marked_.assign(row, row + samples);
      mark(gaps);
      next_->write(marked_.data(), 1);
    }
  }

  void finish() override { next_->finish(); }

 private:
  /// The pixel that lies under the centre of `place`.
  static int source_of(int place, int from, int to) {
    return static_cast<int>((2 * int64_t{place} + 1) * from / (2 * int64_t{to}));
  }

  /// A network from gray to colours makes several channels of one.
  void mark(const std::vector<bool>& gaps) {
    const auto channels = static_cast<size_t>(info_.channels), from = static_cast<size_t>(gaps_->channels());
    for (int x = 0; x < info_.width; ++x) {
      const auto source = static_cast<size_t>(source_of(x, gaps_->width(), info_.width)) * from;
      for (size_t c = 0; c < channels; ++c)
        if (gaps[source + std::min(c, from - 1)])
          marked_[static_cast<size_t>(x) * channels + c] = std::numeric_limits<float>::quiet_NaN();
    }
  }

  ImageInfo info_;
  std::shared_ptr<Gaps> gaps_;
  std::unique_ptr<RowSink> next_;
  std::vector<float> marked_;
  int row_ = 0;
};

bool has_gaps(RowSource& source) {
  const NoDataTest is_none(source.info());
  std::vector<float> row(source.info().row_samples());
  for (int y = 0; y < source.info().height; ++y) {
    source.read(y, y + 1, row.data());
    if (std::any_of(row.begin(), row.end(), is_none)) return true;
  }
  return false;
}

/// In memory, for rows in any order.
FilledSource filled_whole(std::unique_ptr<RowSource> source) {
  const ImageInfo& info = source->info();
  if (!has_gaps(*source)) return {std::move(source), nullptr};
  auto filled = std::make_shared<Image>(Image{info, {}});
  filled->info.type = SampleType::f32;
  filled->samples.resize(filled->info.bytes());
  auto gaps = std::make_shared<Gaps>(info.width, info.height, info.channels);
  GapFiller filler(info);
  std::vector<float> row(info.row_samples());
  for (int y = 0, read = 0; y < info.height; ++y) {
    for (; !filler.can_fill(y); ++read) {
      source->read(read, read + 1, row.data());
      filler.add(row.data());
    }
    gaps->add(filler.fill(y, filled->data<float>() + static_cast<size_t>(y) * row.size()));
  }
  return {make_source(std::move(filled)), std::move(gaps)};
}

}  // namespace

void Gaps::add(std::vector<bool> row) {
  const std::lock_guard lock(mutex_);
  rows_.push_back(std::move(row));
}

std::vector<bool> Gaps::row(int y) const {
  const std::lock_guard lock(mutex_);
  return rows_.at(static_cast<size_t>(y - first_));
}

void Gaps::forget_before(int y) {
  const std::lock_guard lock(mutex_);
  for (; first_ < y && !rows_.empty(); ++first_) rows_.pop_front();
}

FilledSource fill_gaps(std::unique_ptr<RowSource> source) {
  const ImageInfo& info = source->info();
  if (!info.no_data || info.has_alpha()) return {std::move(source), nullptr};
  if (source->random_access()) return filled_whole(std::move(source));
  auto gaps = std::make_shared<Gaps>(info.width, info.height, info.channels);
  auto filling = std::make_unique<FillingSource>(std::move(source), gaps);
  return {std::move(filling), std::move(gaps)};
}

void pack_gaps(const float* row, size_t samples, SampleType type, const NoData& no_data, std::byte* packed) {
  std::vector<double> numbers(samples);
  unpack_values(packed, type, samples, numbers.data());
  const auto beside = [&](double from, double to) {
    const double next =
        is_floating(type)
            ? static_cast<double>(std::nextafter(static_cast<float>(from), static_cast<float>(to)))
            : from + (to > from ? 1 : -1);
    std::array<std::byte, sizeof(double)> kept{};
    double found = 0;
    pack_values(&next, 1, type, kept.data());
    unpack_values(kept.data(), type, 1, &found);
    return found;
  };
  for (size_t i = 0; i < samples; ++i) {
    if (std::isnan(row[i])) {
      numbers[i] = no_data.value;
    } else if (no_data.contains(numbers[i])) {
      const double more = beside(no_data.most, HUGE_VAL), less = beside(no_data.least, -HUGE_VAL);
      numbers[i] = no_data.contains(more) ? less : more;
    }
  }
  pack_values(numbers.data(), samples, type, packed);
}

std::unique_ptr<RowSink> make_gap_sink(const ImageInfo& info, std::shared_ptr<Gaps> gaps,
                                       std::unique_ptr<RowSink> next) {
  return std::make_unique<GapSink>(info, std::move(gaps), std::move(next));
}

}  // namespace esrgan
