#include "image/grain.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <numbers>
#include <numeric>
#include <utility>

#include "base/mixed_bits.h"
#include "image/samples.h"

namespace esrgan {
namespace {

constexpr auto side = static_cast<size_t>(grain_block);
constexpr double pi = std::numbers::pi;
constexpr float floor_of_range = 2.0F / 255, ceiling_of_range = 253.0F / 255;

using Block = std::array<double, side * side>;
using Rings = std::array<double, grain_rings>;

double middle_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Of a place in the spectrum of a block, from 0, which counts down again beyond the middle.
double folded(size_t k) {
  return static_cast<double>(std::min(k, side - k));
}

/// The mean of all but what is far above the middle: the picture's own structure.
double usual_of(const std::vector<double>& values) {
  constexpr double far = 3;
  const double limit = far * middle_of(values);
  double sum = 0, count = 0;
  for (const double value : values)
    if (value <= limit) sum += value, ++count;
  return sum / count;
}

size_t ring_of(size_t u, size_t v) {
  return std::min(grain_rings - 1, static_cast<size_t>(std::lround(std::hypot(folded(u), folded(v)))));
}

size_t components_of(int channels) {
  return channels >= 3 ? 3 : 1;
}

/// Orthonormal, so that the way back is its transpose.
std::array<double, 3> components_of_pixel(const float* pixel, size_t count) {
  if (count == 1) return {static_cast<double>(*pixel), 0, 0};
  const auto r = static_cast<double>(pixel[0]), g = static_cast<double>(pixel[1]),
             b = static_cast<double>(pixel[2]);
  return {(r + g + b) / std::sqrt(3.0), (r - b) / std::sqrt(2.0), (r - 2 * g + b) / std::sqrt(6.0)};
}

/// Takes the plane that fits best away.
void level_out(Block& block) {
  constexpr double centre = (grain_block - 1) / 2.0;
  double mean = 0, across = 0, down = 0, squares = 0;
  for (size_t y = 0; y < side; ++y)
    for (size_t x = 0; x < side; ++x) {
      const double value = block[y * side + x], dx = static_cast<double>(x) - centre,
                   dy = static_cast<double>(y) - centre;
      mean += value;
      across += dx * value;
      down += dy * value;
      squares += dx * dx;
    }
  mean /= static_cast<double>(block.size());
  for (size_t y = 0; y < side; ++y)
    for (size_t x = 0; x < side; ++x)
      block[y * side + x] -=
          mean +
          ((static_cast<double>(x) - centre) * across + (static_cast<double>(y) - centre) * down) / squares;
}

/// Variance of the means of 8 x 8 pixels.
double unevenness(const Block& block) {
  constexpr size_t parts = 4, part = side / parts;
  double sum = 0;
  for (size_t py = 0; py < parts; ++py)
    for (size_t px = 0; px < parts; ++px) {
      double mean = 0;
      for (size_t y = py * part; y < (py + 1) * part; ++y)
        for (size_t x = px * part; x < (px + 1) * part; ++x) mean += block[y * side + x];
      mean /= static_cast<double>(part * part);
      sum += mean * mean;
    }
  return sum / static_cast<double>(parts * parts);
}

/// exp(-2 pi i j k / side).
const std::array<std::complex<double>, side * side>& turns() {
  static const auto table = [] {
    std::array<std::complex<double>, side * side> made;
    for (size_t j = 0; j < side; ++j)
      for (size_t k = 0; k < side; ++k)
        made[j * side + k] =
            std::polar(1.0, -2 * pi * static_cast<double>(j * k % side) / static_cast<double>(side));
    return made;
  }();
  return table;
}

/// The periodogram of a level block under Hann's window, mean over each ring.
Rings periodogram(const Block& block) {
  static const auto window = [] {
    std::array<double, side> made{};
    double squares = 0;
    for (size_t i = 0; i < side; ++i) {
      made[i] = 0.5 - 0.5 * std::cos(2 * pi * (static_cast<double>(i) + 0.5) / static_cast<double>(side));
      squares += made[i] * made[i];
    }
    for (double& value : made) value /= std::sqrt(squares);
    return made;
  }();
  std::vector<std::complex<double>> rows(side * side), columns(side * side);
  for (size_t y = 0; y < side; ++y)
    for (size_t u = 0; u < side; ++u)
      for (size_t x = 0; x < side; ++x)
        rows[y * side + u] += window[y] * window[x] * block[y * side + x] * turns()[u * side + x];
  Rings sums{}, counts{};
  for (size_t u = 0; u < side; ++u)
    for (size_t v = 0; v < side; ++v) {
      std::complex<double> sum;
      for (size_t y = 0; y < side; ++y) sum += rows[y * side + u] * turns()[v * side + y];
      sums.at(ring_of(u, v)) += std::norm(sum);
      counts.at(ring_of(u, v)) += 1;
    }
  for (size_t r = 0; r < sums.size(); ++r) sums.at(r) /= counts.at(r);
  return sums;
}

/// A block of a picture by components, level.
struct SeenBlock {
  std::vector<Block> components;
  double tone = 0;
  bool clipped = false;

  /// `row(y)`: the picture's pixels of a row from the block's left on.
  template <typename RowAt>
  SeenBlock(int channels, const RowAt& row) : components(components_of(channels)) {
    size_t beyond = 0;
    for (size_t y = 0; y < side; ++y) {
      const float* pixel = row(y);
      for (size_t x = 0; x < side; ++x, pixel += channels) {
        const auto values = components_of_pixel(pixel, components.size());
        for (size_t c = 0; c < components.size(); ++c) components[c][y * side + x] = values.at(c);
        const auto ends = std::minmax_element(pixel, pixel + components.size());
        if (*ends.first < floor_of_range || *ends.second > ceiling_of_range) ++beyond;
        tone += values[0];
      }
    }
    tone /= static_cast<double>(side * side) * std::sqrt(static_cast<double>(components.size()));
    clipped = beyond > side * side / 100;
    for (Block& block : components) level_out(block);
  }
};

size_t tone_of(double value) {
  return std::min(grain_tones - 1,
                  static_cast<size_t>(std::max(0.0, value) * static_cast<double>(grain_tones)));
}

struct Candidate {
  GrainPlace place;
  double unevenness = 0, tone = 0;
};

/// All blocks whose values are within the range, evenest first.
std::vector<Candidate> candidates(RowSource& source) {
  const ImageInfo& info = source.info();
  std::vector<Candidate> found;
  std::vector<float> rows(info.row_samples() * side);
  for (int y = 0; y + grain_block <= info.height; y += grain_block) {
    source.read(y, y + grain_block, rows.data());
    for (int x = 0; x + grain_block <= info.width; x += grain_block) {
      const SeenBlock seen(info.channels, [&](size_t row) {
        return rows.data() + row * info.row_samples() + static_cast<size_t>(x * info.channels);
      });
      if (!seen.clipped) found.push_back({{x, y}, unevenness(seen.components[0]), seen.tone});
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Candidate& a, const Candidate& b) { return a.unevenness < b.unevenness; });
  return found;
}

GrainSpectrum usual_spectrum(const std::vector<std::vector<Rings>>& blocks) {
  GrainSpectrum spectrum;
  if (blocks.empty()) return spectrum;
  for (size_t c = 0; c < blocks.front().size(); ++c) {
    Rings rings{};
    for (size_t r = 0; r < grain_rings; ++r) {
      std::vector<double> values;
      values.reserve(blocks.size());
      for (const auto& block : blocks) values.push_back(block[c].at(r));
      rings.at(r) = usual_of(values);
    }
    rings[0] = rings[1];  // the mean was taken away
    spectrum.components.push_back(rings);
  }
  return spectrum;
}

std::vector<Rings> periodograms(const SeenBlock& seen) {
  std::vector<Rings> found;
  for (const Block& block : seen.components) found.push_back(periodogram(block));
  return found;
}

/// Power of the first component where a picture's own structure hardly is.
double fine_power(const std::vector<Rings>& block) {
  constexpr size_t first_fine = 4;
  return std::accumulate(block[0].begin() + first_fine, block[0].end(), 0.0);
}

/// White noise of a place: normal, with mean 0 and variance 1 (Box and Muller 1958).
float noise_at(uint64_t x, uint64_t y, uint64_t component) {
  const uint64_t bits = mixed_bits(mixed_bits(x + 0x9E3779B97F4A7C15U * (y + 1)) + component);
  const float first = static_cast<float>((bits >> 40U) + 1) * 0x1p-24F,
              second = static_cast<float>(bits & 0xFFFFFFU) * 0x1p-24F;
  return std::sqrt(-2 * std::log(first)) * std::cos(2 * std::numbers::pi_v<float> * second);
}

constexpr int reach = 8;
constexpr auto taps = static_cast<size_t>(2 * reach + 1);

using GrainFilter = std::array<float, taps * taps>;

double turn_of(size_t u, size_t v, int x, int y) {
  return 2 * pi * (static_cast<double>(u) * x + static_cast<double>(v) * y) / static_cast<double>(side);
}

/// From amplitudes over the frequencies of a block, by the taps that lie near the middle.
GrainFilter filter_of_amplitudes(const Rings& power) {
  const auto amplitude = [&](double radius) {
    const auto below = std::min(static_cast<size_t>(radius), grain_rings - 1),
               above = std::min(below + 1, grain_rings - 1);
    const double share = radius - static_cast<double>(below);
    return (1 - share) * std::sqrt(power.at(below)) + share * std::sqrt(power.at(above));
  };
  Block values;
  for (size_t v = 0; v < side; ++v)
    for (size_t u = 0; u < side; ++u) values[v * side + u] = amplitude(std::hypot(folded(u), folded(v)));
  GrainFilter filter{};
  const auto taper = [](int k) { return 0.5 + 0.5 * std::cos(pi * k / (reach + 1)); };
  for (int y = -reach; y <= reach; ++y)
    for (int x = -reach; x <= reach; ++x) {
      double sum = 0;
      for (size_t v = 0; v < side; ++v)
        for (size_t u = 0; u < side; ++u) sum += values[v * side + u] * std::cos(turn_of(u, v, x, y));
      filter.at(static_cast<size_t>(y + reach) * taps + static_cast<size_t>(x + reach)) =
          static_cast<float>(taper(x) * taper(y) * sum / static_cast<double>(side * side));
    }
  return filter;
}

/// Power of a filter by ring.
Rings power_of(const GrainFilter& filter) {
  Rings sums{}, counts{};
  for (size_t v = 0; v < side; ++v)
    for (size_t u = 0; u < side; ++u) {
      double response = 0;  // the filter is symmetrical
      for (int y = -reach; y <= reach; ++y)
        for (int x = -reach; x <= reach; ++x)
          response += static_cast<double>(
                          filter.at(static_cast<size_t>(y + reach) * taps + static_cast<size_t>(x + reach))) *
                      std::cos(turn_of(u, v, x, y));
      sums.at(ring_of(u, v)) += response * response;
      counts.at(ring_of(u, v)) += 1;
    }
  for (size_t r = 0; r < grain_rings; ++r) sums.at(r) /= counts.at(r);
  return sums;
}

/// The filter that gives white noise this spectrum. So few taps blur it; what they make of it is divided out
/// some times.
GrainFilter filter_of(const Rings& wanted) {
  constexpr int rounds = 6;
  constexpr double most = 4;
  Rings asked = wanted;
  GrainFilter filter = filter_of_amplitudes(asked);
  for (int round = 0; round < rounds; ++round) {
    const Rings found = power_of(filter);
    for (size_t r = 0; r < grain_rings; ++r)
      if (found.at(r) > 0) asked.at(r) *= std::clamp(wanted.at(r) / found.at(r), 1 / most, most);
    filter = filter_of_amplitudes(asked);
  }
  return filter;
}

class GrainSink : public RowSink {
 public:
  GrainSink(ImageInfo info, std::shared_ptr<const Grain> grain, std::unique_ptr<RowSink> next)
      : info_(std::move(info)), grain_(std::move(grain)), next_(std::move(next)) {}

  void write(const float* rows, int count) override {
    if (filters_.empty())
      for (const Rings& rings : grain_->spectrum.components) filters_.push_back(filter_of(rings));
    const size_t row = info_.row_samples();
    std::vector<float> changed(rows, rows + row * static_cast<size_t>(count));
    for (int y = 0; y < count; ++y, ++row_) add(changed.data() + static_cast<size_t>(y) * row);
    next_->write(changed.data(), count);
  }

  void finish() override { next_->finish(); }

 private:
  /// Noise of a component for the rows around the next one.
  struct Field {
    std::deque<std::vector<float>> rows;
    int end = -reach;  // noise goes on beyond the edges
  };

  void add(float* pixels) {
    fields_.resize(filters_.size());
    std::vector<std::vector<float>> noise;
    for (size_t c = 0; c < filters_.size(); ++c) noise.push_back(filtered(c));
    const auto channels = static_cast<size_t>(info_.channels);
    constexpr float third = 0.57735027F, half = 0.70710678F, sixth = 0.40824829F;
    for (size_t x = 0; x < static_cast<size_t>(info_.width); ++x, pixels += channels) {
      if (noise.size() == 1) {
        const float added = strength(*pixels) * noise[0][x];
        for (int c = 0; c < info_.colours(); ++c) pixels[c] += added;
        continue;
      }
      const float scale = strength((pixels[0] + pixels[1] + pixels[2]) / 3);
      const float a = scale * third * noise[0][x], b = scale * half * noise[1][x],
                  c = scale * sixth * noise[2][x];
      pixels[0] += a + b + c;
      pixels[1] += a - 2 * c;
      pixels[2] += a - b + c;
    }
  }

  std::vector<float> filtered(size_t component) {
    Field& field = fields_[component];
    const auto width = static_cast<size_t>(info_.width);
    while (field.end <= row_ + reach) {
      if (field.rows.size() == taps) field.rows.pop_front();
      std::vector<float> made(width + 2 * reach);
      for (size_t x = 0; x < made.size(); ++x)
        made[x] = noise_at(x, static_cast<uint64_t>(field.end + reach), component);
      field.rows.push_back(std::move(made));
      ++field.end;
    }
    std::vector<float> sum(width);
    const auto& filter = filters_[component];
    for (size_t t = 0; t < taps; ++t) {
      for (size_t k = 0; k < taps; ++k) {
        const float weight = filter.at(t * taps + k);
        const float* values = field.rows[t].data() + k;
        for (size_t x = 0; x < width; ++x) sum[x] += weight * values[x];
      }
    }
    return sum;
  }

  /// By tone, between the tones' middles.
  float strength(float tone) const {
    const float place =
        std::clamp(tone * static_cast<float>(grain_tones) - 0.5F, 0.0F, static_cast<float>(grain_tones - 1));
    const auto below = static_cast<size_t>(place);
    const size_t above = std::min(below + 1, grain_tones - 1);
    const float share = place - static_cast<float>(below);
    return (1 - share) * grain_->by_tone.at(below) + share * grain_->by_tone.at(above);
  }

  ImageInfo info_;
  std::shared_ptr<const Grain> grain_;
  std::unique_ptr<RowSink> next_;
  std::vector<GrainFilter> filters_;
  std::vector<Field> fields_;
  int row_ = 0;
};

/// How many of the candidates, evenest first, are even: no more uneven than chance makes those that are as
/// even as the evenest tenth. Chance alone spreads it by as much.
size_t even_ones(const std::vector<Candidate>& all) {
  constexpr size_t tenth = 10, least = 4;
  constexpr double spread = 3.5;
  if (all.size() < least) return 0;
  const size_t evenest = std::max(least, all.size() / tenth);
  const double most = spread * all[evenest / 2].unevenness;
  const auto end = std::find_if(all.begin() + static_cast<ptrdiff_t>(evenest), all.end(),
                                [&](const Candidate& candidate) { return candidate.unevenness > most; });
  return static_cast<size_t>(end - all.begin());
}

/// Amplitudes by tone in relation to all blocks'. A tone of which too little is known has the strength of the
/// nearest that is.
std::array<float, grain_tones> strengths_by_tone(const std::vector<std::pair<double, double>>& blocks) {
  constexpr size_t enough = 3;
  constexpr double most = 2;
  std::vector<std::vector<double>> of_tones(grain_tones);
  std::vector<double> all;
  for (const auto& [tone, power] : blocks) {
    of_tones[tone_of(tone)].push_back(power);
    all.push_back(power);
  }
  std::array<float, grain_tones> strengths{};
  strengths.fill(1);
  const double usual = middle_of(all);
  std::vector<size_t> known;
  for (size_t tone = 0; tone < grain_tones && usual > 0; ++tone)
    if (of_tones[tone].size() >= enough) {
      known.push_back(tone);
      strengths.at(tone) = static_cast<float>(std::min(most, std::sqrt(middle_of(of_tones[tone]) / usual)));
    }
  for (size_t tone = 0; tone < grain_tones && !known.empty(); ++tone) {
    const auto away = [&](size_t other) { return other > tone ? other - tone : tone - other; };
    strengths.at(tone) = strengths.at(
        *std::min_element(known.begin(), known.end(), [&](size_t a, size_t b) { return away(a) < away(b); }));
  }
  return strengths;
}

}  // namespace

Grain measure_grain(RowSource& source) {
  constexpr size_t most = 400;
  Grain grain;
  const ImageInfo& info = source.info();
  const std::vector<Candidate> all = candidates(source);
  const size_t even = even_ones(all), step = even / most + 1;
  std::vector<std::vector<Rings>> blocks;
  std::vector<std::pair<double, double>> powers;
  std::vector<float> rows(info.row_samples() * side);
  for (size_t i = 0; i < even; i += step) {
    const GrainPlace& place = all[i].place;
    source.read(place.y, place.y + grain_block, rows.data());
    blocks.push_back(periodograms(SeenBlock(info.channels, [&](size_t row) {
      return rows.data() + row * info.row_samples() + static_cast<size_t>(place.x * info.channels);
    })));
    powers.emplace_back(all[i].tone, fine_power(blocks.back()));
    grain.places.push_back(place);
  }
  if (blocks.empty()) return grain;
  grain.spectrum = usual_spectrum(blocks);
  grain.by_tone = strengths_by_tone(powers);
  return grain;
}

GrainSpectrum spectrum_of_blocks(const FloatImage& picture, const std::vector<GrainPlace>& places) {
  std::vector<std::vector<Rings>> blocks;
  blocks.reserve(places.size());
  for (const GrainPlace& place : places)
    blocks.push_back(periodograms(SeenBlock(picture.channels, [&](size_t row) {
      return picture.row(place.y + static_cast<int>(row)) +
             static_cast<size_t>(place.x) * static_cast<size_t>(picture.channels);
    })));
  return usual_spectrum(blocks);
}

GrainSpectrum missing_grain(const GrainSpectrum& wanted, const GrainSpectrum& there, SampleType stored) {
  const double rounding = step_of(stored) * step_of(stored) / 12;
  GrainSpectrum missing = wanted;
  for (size_t c = 0; c < std::min(wanted.components.size(), there.components.size()); ++c)
    for (size_t r = 0; r < grain_rings; ++r)
      missing.components[c].at(r) =
          std::max(0.0, wanted.components[c].at(r) - there.components[c].at(r) - rounding);
  return missing;
}

std::unique_ptr<RowSink> make_grain_sink(const ImageInfo& info, std::shared_ptr<const Grain> grain,
                                         std::unique_ptr<RowSink> next) {
  return std::make_unique<GrainSink>(info, std::move(grain), std::move(next));
}

size_t grain_sink_memory(const ImageInfo& info) {
  return components_of(info.channels) * (taps + 2) * static_cast<size_t>(info.width) * sizeof(float) +
         info.row_samples() * sizeof(float);
}

}  // namespace esrgan
