#include "image/consistency.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "image/resize.h"

namespace esrgan {
namespace {

class PassingSource : public RowSource {
 public:
  PassingSource(std::unique_ptr<RowSource> source, std::shared_ptr<PassedRows> rows)
      : source_(std::move(source)), rows_(std::move(rows)) {}

  const ImageInfo& info() const override { return source_->info(); }
  bool random_access() const override { return source_->random_access(); }
  size_t memory() const override { return source_->memory(); }

  void read(int begin, int end, float* out) override {
    source_->read(begin, end, out);
    const size_t samples = info().row_samples();
    for (int y = begin; y < end; ++y, out += samples) rows_->add(y, out, samples);
  }

 private:
  std::unique_ptr<RowSource> source_;
  std::shared_ptr<PassedRows> rows_;
};

constexpr int cubic_reach = 2, bend_reach = 2;
constexpr size_t cubic_taps = 4;

/// The cubic for the pixel `phase` of `scale` that one becomes: the first of the four numbers is `first`
/// pixels away.
struct Taps {
  int first;
  std::array<float, cubic_taps> weights;
};

Taps taps_of(int phase, int scale) {
  const double place = (phase + 0.5) / scale - 0.5;
  Taps taps{static_cast<int>(std::floor(place)) - 1, {}};
  for (size_t i = 0; i < cubic_taps; ++i)
    taps.weights.at(i) = static_cast<float>(cubic_weight(place - taps.first - static_cast<double>(i)));
  return taps;
}

/// A row of numbers of one colour, going on in a straight line beyond its ends.
class Line {
 public:
  explicit Line(int width) : values_(static_cast<size_t>(width + 2 * reach)) {}

  float* data() { return values_.data() + reach; }
  float at(int x) const { return values_[static_cast<size_t>(x + reach)]; }

  void extend() {
    const int width = static_cast<int>(values_.size()) - 2 * reach;
    float* v = data();
    const float left = width > 1 ? v[0] - v[1] : 0, right = width > 1 ? v[width - 1] - v[width - 2] : 0;
    for (int k = 1; k <= reach; ++k) {
      v[-k] = v[0] + static_cast<float>(k) * left;
      v[width - 1 + k] = v[width - 1] + static_cast<float>(k) * right;
    }
  }

  static constexpr int reach = std::max(cubic_reach, bend_reach + 1);

 private:
  std::vector<float> values_;
};

class ConsistentSink : public RowSink {
 public:
  ConsistentSink(const ImageInfo& info, int scale, std::shared_ptr<PassedRows> original,
                 const Consistency& consistency, std::unique_ptr<RowSink> next)
      : info_(info),
        scale_(scale),
        width_(info.width / scale),
        height_(info.height / scale),
        original_(std::move(original)),
        quanta_(consistency.quanta),
        limits_(consistency.limits),
        next_(std::move(next)) {
    for (int phase = 0; phase < scale; ++phase) taps_.push_back(taps_of(phase, scale));
  }

  void write(const float* rows, int count) override {
    const size_t row = info_.row_samples();
    waiting_.insert(waiting_.end(), rows, rows + row * static_cast<size_t>(count));
    const size_t block = row * static_cast<size_t>(scale_);
    size_t used = 0;
    for (; waiting_.size() - used >= block; used += block) take_line(waiting_.data() + used);
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(used));
  }

  void finish() override {
    advance();
    next_->finish();
  }

 private:
  /// A line of blocks: the enlarged rows of one row of numbers, and what their means lack.
  struct Block {
    std::vector<float> pixels;  // scale rows
    std::vector<Line> missing;  // of each colour
  };

  void take_line(const float* pixels) {
    const size_t row = info_.row_samples();
    Block block;
    block.pixels.assign(pixels, pixels + row * static_cast<size_t>(scale_));
    raw_.push_back(std::move(block));
    ++received_;
    advance();
  }

  /// As far as the numbers around are known.
  void advance() {
    while (limited_ < received_ && original_->has(std::min(height_ - 1, limited_ + Line::reach)))
      limit(limited_++);
    while (emitted_ < limited_ - cubic_reach || (limited_ == height_ && emitted_ < height_)) emit();
  }

  Block& block(int line) { return raw_[static_cast<size_t>(line - first_)]; }

  /// A row of numbers of a colour; beyond the picture's ends in a straight line.
  Line numbers(int y, int colour) const {
    Line line(width_);
    const int inside = std::clamp(y, 0, height_ - 1), away = y - inside;
    const int beside = height_ > 1 ? inside + (away > 0 ? -1 : 1) : inside;
    const auto channels = static_cast<size_t>(info_.channels);
    const float* near = original_->row(inside) + colour;
    const float* far = away == 0 ? near : original_->row(beside) + colour;
    const auto distance = static_cast<float>(std::abs(away));
    for (size_t x = 0; x < static_cast<size_t>(width_); ++x)
      line.data()[x] = near[x * channels] + distance * (near[x * channels] - far[x * channels]);
    line.extend();
    return line;
  }

  void limit(int y) {
    Block& own = block(y);
    for (int colour = 0; colour < info_.colours(); ++colour) {
      std::vector<Line> lines;
      for (int dy = -Line::reach; dy <= Line::reach; ++dy) lines.push_back(numbers(y + dy, colour));
      limit_colour(own, y, colour, lines);
    }
  }

  /// `lines`: from Line::reach above to as many below.
  void limit_colour(Block& own, int y, int colour, const std::vector<Line>& lines) {
    const auto at = [&](int x, int dy) { return lines[static_cast<size_t>(dy + Line::reach)].at(x); };
    // How much the numbers bend, from one pixel beyond to one beyond.
    const auto bend = [&](int x, int dy) {
      const float middle = at(x, dy);
      return std::max(
          {std::abs(at(x - 1, dy) - 2 * middle + at(x + 1, dy)),
           std::abs(at(x, dy - 1) - 2 * middle + at(x, dy + 1)),
           std::abs(at(x + 1, dy + 1) - at(x + 1, dy - 1) - at(x - 1, dy + 1) + at(x - 1, dy - 1)) / 4});
    };
    // Of the picture's own pixels: beyond its ends the lines' differences have grown.
    std::vector<float> columns(static_cast<size_t>(width_ + 2 * bend_reach));
    for (int x = 0; x < width_; ++x)
      for (int dy = std::max(-bend_reach, -y); dy <= std::min(bend_reach, height_ - 1 - y); ++dy) {
        float& most = columns[static_cast<size_t>(x + bend_reach)];
        most = std::max(most, bend(x, dy));
      }
    Line missing(width_);
    const auto channels = static_cast<size_t>(info_.channels);
    const size_t row = info_.row_samples();
    for (int x = 0; x < width_; ++x) {
      const float most = *std::max_element(columns.begin() + x, columns.begin() + x + 2 * bend_reach + 1);
      const float limit = std::max(0.0F, most - 2 * quanta_.at(static_cast<size_t>(colour)));
      float sum = 0;
      for (int py = 0; py < scale_; ++py)
        for (int px = 0; px < scale_; ++px) {
          float& value =
              own.pixels[static_cast<size_t>(py) * row + static_cast<size_t>(x * scale_ + px) * channels +
                         static_cast<size_t>(colour)];
          const float plain = cubic(at, x, px, py);
          value = plain + std::clamp(value - plain, -limit, limit);
          sum += value;
        }
      missing.data()[x] = at(x, 0) - sum / static_cast<float>(scale_ * scale_);
    }
    missing.extend();
    own.missing.push_back(std::move(missing));
  }

  template <typename At>
  float cubic(const At& at, int x, int px, int py) const {
    const Taps &across = taps_[static_cast<size_t>(px)], &down = taps_[static_cast<size_t>(py)];
    float sum = 0;
    for (size_t j = 0; j < cubic_taps; ++j) {
      float line = 0;
      for (size_t i = 0; i < cubic_taps; ++i)
        line += across.weights.at(i) *
                at(x + across.first + static_cast<int>(i), down.first + static_cast<int>(j));
      sum += down.weights.at(j) * line;
    }
    return sum;
  }

  /// What is missing is laid over smoothly, what then still is, evenly.
  void emit() {
    const int y = emitted_++;
    Block& own = block(y);
    const auto channels = static_cast<size_t>(info_.channels);
    const size_t row = info_.row_samples();
    for (int colour = 0; colour < info_.colours(); ++colour) {
      const auto at = [&](int x, int dy) {
        const int line = std::clamp(y + dy, 0, height_ - 1);
        return block(line).missing[static_cast<size_t>(colour)].at(x);
      };
      const auto count = static_cast<float>(scale_ * scale_);
      std::vector<float> made(static_cast<size_t>(scale_ * scale_));
      for (int x = 0; x < width_; ++x) {
        const auto place = [&](int i) {
          return static_cast<size_t>(i / scale_) * row +
                 static_cast<size_t>(x * scale_ + i % scale_) * channels + static_cast<size_t>(colour);
        };
        float sum = 0, before = 0;
        for (int i = 0; i < scale_ * scale_; ++i) {
          const float added = cubic(at, x, i % scale_, i / scale_);
          sum += added;
          before += own.pixels[place(i)];
          made[static_cast<size_t>(i)] = own.pixels[place(i)] + added;
        }
        for (float& value : made) value += at(x, 0) - sum / count;
        if (!limits_.empty()) bring_within(colour, before / count + at(x, 0), made);
        for (int i = 0; i < scale_ * scale_; ++i) own.pixels[place(i)] = made[static_cast<size_t>(i)];
      }
    }
    next_->write(own.pixels.data(), scale_);
    while (first_ < emitted_ - cubic_reach) {
      raw_.pop_front();
      ++first_;
    }
    original_->forget_before(std::max(0, limited_ - Line::reach - 1));
  }

  /// What is cut off of some pixels of a number goes to those that have room for it.
  void bring_within(int colour, float mean, std::vector<float>& pixels) const {
    const float least = limits_[static_cast<size_t>(colour)][0],
                most = limits_[static_cast<size_t>(colour)][1];
    const float little = std::max(quanta_[static_cast<size_t>(colour)] / 100, 1e-6F);
    if (std::all_of(pixels.begin(), pixels.end(), [&](float v) { return least <= v && v <= most; })) return;
    for (size_t round = 0; round < pixels.size(); ++round) {
      float sum = 0;
      for (float& value : pixels) sum += value = std::clamp(value, least, most);
      const float lacking = mean * static_cast<float>(pixels.size()) - sum;
      const auto has_room = [&](float value) { return lacking > 0 ? value < most : value > least; };
      const auto free = std::count_if(pixels.begin(), pixels.end(), has_room);
      if (std::abs(lacking) < little || free == 0) return;
      for (float& value : pixels)
        if (has_room(value)) value += lacking / static_cast<float>(free);
    }
    for (float& value : pixels) value = std::clamp(value, least, most);
  }

  ImageInfo info_;
  int scale_, width_, height_;
  std::shared_ptr<PassedRows> original_;
  std::vector<float> quanta_;
  std::vector<std::array<float, 2>> limits_;
  std::unique_ptr<RowSink> next_;
  std::vector<Taps> taps_;
  std::vector<float> waiting_;
  std::deque<Block> raw_;  // from first_ on
  int first_ = 0, received_ = 0, limited_ = 0, emitted_ = 0;
};

}  // namespace

bool PassedRows::has(int y) const {
  const std::lock_guard lock(mutex_);
  return y < end_;
}

const float* PassedRows::row(int y) const {
  const std::lock_guard lock(mutex_);
  return rows_[static_cast<size_t>(y - first_)].data();
}

void PassedRows::add(int y, const float* row, size_t samples) {
  const std::lock_guard lock(mutex_);
  if (y < end_) return;
  rows_.emplace_back(row, row + samples);
  ++end_;
}

void PassedRows::forget_before(int y) {
  const std::lock_guard lock(mutex_);
  for (; first_ < y && !rows_.empty(); ++first_) rows_.pop_front();
}

std::unique_ptr<RowSource> make_passing_source(std::unique_ptr<RowSource> source,
                                               std::shared_ptr<PassedRows> rows) {
  return std::make_unique<PassingSource>(std::move(source), std::move(rows));
}

std::unique_ptr<RowSink> make_consistent_sink(const ImageInfo& info, int scale,
                                              std::shared_ptr<PassedRows> original,
                                              const Consistency& consistency, std::unique_ptr<RowSink> next) {
  return std::make_unique<ConsistentSink>(info, scale, std::move(original), consistency, std::move(next));
}

size_t consistent_sink_memory(const ImageInfo& info, int scale) {
  const size_t line = info.row_samples() * static_cast<size_t>(scale) * sizeof(float);
  return line * static_cast<size_t>(2 * cubic_reach + Line::reach + 2) +
         line / static_cast<size_t>(scale) * static_cast<size_t>(2 * Line::reach + 3);
}

}  // namespace esrgan
