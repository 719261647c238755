#include "image/fading.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace esrgan {
namespace {

constexpr size_t bins = 4096;
constexpr double cut_off = 0.005;     // of the pixels, at either end
constexpr float least_range = 0.05F;  // what is flatter was no picture

class UnfadedSource : public RowSource {
 public:
  UnfadedSource(std::unique_ptr<RowSource> source, Levels levels, float strength)
      : source_(std::move(source)), levels_(std::move(levels)), strength_(strength) {}

  const ImageInfo& info() const override { return source_->info(); }
  bool random_access() const override { return source_->random_access(); }
  size_t memory() const override { return source_->memory(); }

  void read(int begin, int end, float* out) override {
    source_->read(begin, end, out);
    const auto channels = static_cast<size_t>(info().channels);
    const size_t count = static_cast<size_t>(std::max(0, end - begin)) * info().row_samples();
    for (size_t c = 0; c < levels_.colours.size(); ++c) {
      const auto [black, white] = levels_.colours[c];
      const float gain = 1 / std::max(least_range, white - black);
      for (size_t i = c; i < count; i += channels)
        out[i] += strength_ * (std::clamp((out[i] - black) * gain, 0.0F, 1.0F) - out[i]);
    }
  }

 private:
  std::unique_ptr<RowSource> source_;
  Levels levels_;
  float strength_;
};

Levels::Ends ends_of(const std::vector<uint64_t>& tones, double pixels) {
  const auto value = [](size_t bin) { return static_cast<float>(bin) / static_cast<float>(bins - 1); };
  Levels::Ends ends;
  double sum = 0;
  for (size_t bin = 0; bin < bins && sum <= cut_off * pixels; ++bin) {
    sum += static_cast<double>(tones[bin]);
    ends.black = value(bin);
  }
  sum = 0;
  for (size_t bin = bins; bin-- > 0 && sum <= cut_off * pixels;) {
    sum += static_cast<double>(tones[bin]);
    ends.white = value(bin);
  }
  return ends;
}

}  // namespace

Levels measure_levels(RowSource& source) {
  const ImageInfo& info = source.info();
  const auto colours = static_cast<size_t>(info.colours()), channels = static_cast<size_t>(info.channels);
  std::vector<std::vector<uint64_t>> tones(colours, std::vector<uint64_t>(bins));
  std::vector<float> row(info.row_samples());
  double pixels = 0;
  for (int y = 0; y < info.height; ++y) {
    source.read(y, y + 1, row.data());
    for (size_t i = 0; i < row.size(); i += channels) {
      if (info.has_alpha() && row[i + channels - 1] <= 0) continue;
      ++pixels;
      for (size_t c = 0; c < colours; ++c)
        ++tones[c][static_cast<size_t>(
            std::lround(std::clamp(row[i + c], 0.0F, 1.0F) * static_cast<float>(bins - 1)))];
    }
  }
  Levels levels;
  if (pixels > 0)
    for (const auto& of_colour : tones) levels.colours.push_back(ends_of(of_colour, pixels));
  return levels;
}

std::unique_ptr<RowSource> make_unfaded_source(std::unique_ptr<RowSource> source, Levels levels,
                                               float strength) {
  return std::make_unique<UnfadedSource>(std::move(source), std::move(levels), strength);
}

}  // namespace esrgan
