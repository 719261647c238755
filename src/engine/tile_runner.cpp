#include "engine/tile_runner.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/log.h"

namespace esrgan {
namespace {

/// One of the eight symmetries of a rectangle's grid: first transposed, then mirrored.
struct Symmetry {
  bool transpose, mirror_x, mirror_y;

  explicit Symmetry(int number)
      : transpose((number & 1) != 0), mirror_x((number & 2) != 0), mirror_y((number & 4) != 0) {}

  /// Where the pixel of the turned picture at (x, y) lies in the plain one of `width` x `height`.
  std::pair<int, int> source(int x, int y, int width, int height) const {
    if (transpose) std::swap(x, y);
    return {mirror_x ? width - 1 - x : x, mirror_y ? height - 1 - y : y};
  }
};

/// turned[y][x] = plain[source(x, y)].
void turn(const std::vector<float>& plain, int width, int height, int channels, Symmetry symmetry,
          std::vector<float>& turned) {
  turned.resize(plain.size());
  const int turned_width = symmetry.transpose ? height : width,
            turned_height = symmetry.transpose ? width : height;
  float* to = turned.data();
  for (int y = 0; y < turned_height; ++y)
    for (int x = 0; x < turned_width; ++x, to += channels) {
      const auto [sx, sy] = symmetry.source(x, y, width, height);
      std::copy_n(plain.data() + (static_cast<ptrdiff_t>(sy) * width + sx) * channels, channels, to);
    }
}

/// plain[source(x, y)] += turned[y][x] / 8.
void add_turned_back(const std::vector<float>& turned, int width, int height, int channels, Symmetry symmetry,
                     std::vector<float>& plain) {
  const int turned_width = symmetry.transpose ? height : width,
            turned_height = symmetry.transpose ? width : height;
  const float* from = turned.data();
  for (int y = 0; y < turned_height; ++y)
    for (int x = 0; x < turned_width; ++x, from += channels) {
      const auto [sx, sy] = symmetry.source(x, y, width, height);
      float* to = plain.data() + (static_cast<ptrdiff_t>(sy) * width + sx) * channels;
      for (int c = 0; c < channels; ++c) to[c] += from[c] / 8;
    }
}

/// Whether a result is finite, and not black where the input is not.
bool is_plausible(const std::vector<float>& input, const std::vector<float>& output) {
  constexpr float dark = 1.0F / 16;
  if (!std::all_of(output.begin(), output.end(), [](float value) { return std::isfinite(value); }))
    return false;
  const auto brightest = [](const std::vector<float>& values) {
    return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
  };
  return brightest(output) > 0 || brightest(input) <= dark;
}

}  // namespace

int TileRunner::passes(int channels) const {
  const bool alpha = channels == 2 || channels == 4;
  const int colours = alpha ? channels - 1 : channels;
  const int runs = network_.in_channels() == 1 ? channels : (colours > 0 ? 1 : 0) + (alpha ? 1 : 0);
  return runs * (self_ensemble_ ? 8 : 1);
}

size_t TileRunner::memory_for(int width, int height, int channels) const {
  const auto pixels = static_cast<size_t>(width) * static_cast<size_t>(height);
  const auto enlarged =
      pixels * static_cast<size_t>(network_.scale()) * static_cast<size_t>(network_.scale());
  const auto in = static_cast<size_t>(network_.in_channels()),
             out = static_cast<size_t>(network_.out_channels());
  const auto image = static_cast<size_t>(channels);
  const size_t copies = self_ensemble_ ? 2 : 1;
  const size_t results = is_network_output(channels) ? 0 : image;
  size_t network = network_.memory_for(width, height);
  if (self_ensemble_) network = std::max(network, network_.memory_for(height, width));
  return network + sizeof(float) * (pixels * (in * copies + image) + enlarged * (out * copies + results));
}

void TileRunner::run_network(int width, int height, const RunControl& control) {
  const auto scale = static_cast<size_t>(network_.scale());
  output_.resize(static_cast<size_t>(width) * static_cast<size_t>(height) * scale * scale *
                 static_cast<size_t>(network_.out_channels()));
  run_network(network_, width, height, control);
  if (!full_network_ || is_plausible(input_, output_)) return;
  ++fallbacks_;
  log_warning("a tile came out black or not finite; it is computed again in full precision");
  run_network(full_network_(), width, height, control);
}

void TileRunner::run_network(Network& network, int width, int height, const RunControl& control) {
  if (self_ensemble_)
    run_ensemble(network, width, height, control);
  else
    network.run(input_.data(), width, height, output_.data(), control);
}

void TileRunner::run_ensemble(Network& network, int width, int height, const RunControl& control) {
  const int scale = network.scale();
  std::fill(output_.begin(), output_.end(), 0.0F);
  turned_output_.resize(output_.size());
  for (int number = 0; number < 8; ++number) {
    const Symmetry symmetry(number);
    turn(input_, width, height, network.in_channels(), symmetry, turned_input_);
    network.run(turned_input_.data(), symmetry.transpose ? height : width,
                symmetry.transpose ? width : height, turned_output_.data(), control);
    add_turned_back(turned_output_, width * scale, height * scale, network.out_channels(), symmetry, output_);
  }
}

/// Sends image channels [first, first + count) through the network; count is 1 (gray or alpha) or the
/// network's own.
void TileRunner::run_planes(const std::vector<float>& tile, int width, int height, int channels, int first,
                            int count, const RunControl& control) {
  const auto in = static_cast<size_t>(network_.in_channels()),
             out = static_cast<size_t>(network_.out_channels());
  const auto stride = static_cast<size_t>(channels), offset = static_cast<size_t>(first);
  const auto planes = static_cast<size_t>(count);
  const size_t pixels = static_cast<size_t>(width) * static_cast<size_t>(height);
  const size_t enlarged =
      pixels * static_cast<size_t>(network_.scale()) * static_cast<size_t>(network_.scale());

  const auto uniform = [&] {  // opaque alpha, mostly
    for (size_t i = 1; i < pixels; ++i)
      if (tile[i * stride + offset] != tile[offset]) return false;
    return true;
  };
  const bool alpha = count == 1 && first > 0 && first == channels - 1;
  if (alpha && uniform()) {
    result_.resize(enlarged * stride);
    for (size_t i = 0; i < enlarged; ++i) result_[i * stride + offset] = tile[offset];
    return;
  }
  input_.resize(pixels * in);
  for (size_t i = 0; i < pixels; ++i)
    for (size_t c = 0; c < in; ++c) input_[i * in + c] = tile[i * stride + offset + (planes == 1 ? 0 : c)];
  run_network(width, height, control);
  if (is_network_output(channels)) return;
  result_.resize(enlarged * stride);
  for (size_t i = 0; i < enlarged; ++i) {
    if (planes == out) {
      for (size_t c = 0; c < out; ++c) result_[i * stride + offset + c] = output_[i * out + c];
      continue;
    }
    float sum = 0;
    for (size_t c = 0; c < out; ++c) sum += output_[i * out + c];
    result_[i * stride + offset] = sum / static_cast<float>(out);
  }
}

std::vector<float>& TileRunner::run(const std::vector<float>& tile, int width, int height, int channels,
                                    const RunControl& control) {
  const int in = network_.in_channels();
  if (in != network_.out_channels() || (in != 1 && in != 3))
    throw Error("", "channels of the network", "1 or 3 in and as many out",
                std::to_string(in) + " in and " + std::to_string(network_.out_channels()) + " out");
  const bool alpha = channels == 2 || channels == 4;
  const int colours = alpha ? channels - 1 : channels;
  if (colours == in || colours == 1) {
    run_planes(tile, width, height, channels, 0, colours, control);
  } else {
    for (int c = 0; c < colours; ++c) run_planes(tile, width, height, channels, c, 1, control);
  }
  if (alpha) run_planes(tile, width, height, channels, channels - 1, 1, control);
  return is_network_output(channels) ? output_ : result_;
}

}  // namespace esrgan
