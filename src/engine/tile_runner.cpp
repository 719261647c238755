#include "engine/tile_runner.h"

#include <esrgan/error.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <utility>

#include "base/log.h"
#include "engine/plain_enlargement.h"

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
void turn(const float* plain, int width, int height, int channels, Symmetry symmetry,
          std::vector<float>& turned) {
  turned.resize(static_cast<size_t>(width) * static_cast<size_t>(height) * static_cast<size_t>(channels));
  const int turned_width = symmetry.transpose ? height : width,
            turned_height = symmetry.transpose ? width : height;
  float* to = turned.data();
  for (int y = 0; y < turned_height; ++y)
    for (int x = 0; x < turned_width; ++x, to += channels) {
      const auto [sx, sy] = symmetry.source(x, y, width, height);
      std::copy_n(plain + (static_cast<ptrdiff_t>(sy) * width + sx) * channels, channels, to);
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

struct Appearance {
  bool finite = true, above_zero = false;
};

/// By the bits of the floats, which compilers turn into vectors of integers.
Appearance look_at(const float* values, size_t count) {
  constexpr uint32_t exponent = 0x7F800000;
  uint32_t not_finite = 0, above_zero = 0;
  for (size_t i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<uint32_t>(values[i]);
    not_finite |= static_cast<uint32_t>((bits & exponent) == exponent);
    above_zero |= static_cast<uint32_t>(static_cast<int32_t>(bits) > 0);
  }
  return {not_finite == 0, above_zero != 0};
}

Appearance look_at(const std::vector<float>& output, ThreadPool& pool) {
  constexpr size_t part = 1U << 18U;
  std::atomic<bool> finite{true}, above_zero{false};
  pool.parallel_for((output.size() + part - 1) / part, [&](size_t index, int) {
    const size_t begin = index * part;
    const Appearance found = look_at(output.data() + begin, std::min(part, output.size() - begin));
    if (!found.finite) finite = false;
    if (found.above_zero) above_zero = true;
  });
  return {finite, above_zero};
}

/// Whether a result is finite, and not black where the input is not.
bool is_plausible(const Appearance& result, const float* input, size_t inputs) {
  constexpr float dark = 1.0F / 16;
  return result.finite &&
         (result.above_zero || inputs == 0 || *std::max_element(input, input + inputs) <= dark);
}

/// Whether one channel of all pixels has one value: opaque alpha, mostly.
bool is_uniform(const std::vector<float>& tile, int channels, int channel) {
  const auto stride = static_cast<size_t>(channels), offset = static_cast<size_t>(channel);
  for (size_t i = offset; i < tile.size(); i += stride)
    if (tile[i] != tile[offset]) return false;
  return true;
}

}  // namespace

int TileRunner::passes(const PictureChannels& channels) const {
  return static_cast<int>(channel_passes(channels).size()) * (self_ensemble_ ? 8 : 1);
}

bool TileRunner::is_network_output(const std::vector<ChannelPass>& passes,
                                   const PictureChannels& channels) const {
  return passes.size() == 1 &&
         keeps_channels(passes[0].outputs, network_.out_channels(), out_channels(channels));
}

MemoryNeed TileRunner::memory_for(int width, int height, const PictureChannels& channels) const {
  const auto pixels = static_cast<size_t>(width) * static_cast<size_t>(height);
  const auto upscaled =
      pixels * static_cast<size_t>(network_.scale()) * static_cast<size_t>(network_.scale());
  const auto in = static_cast<size_t>(network_.in_channels()),
             out = static_cast<size_t>(network_.out_channels());
  const auto image = static_cast<size_t>(channels.count);
  const size_t copies = self_ensemble_ ? 2 : 1;
  const size_t results =
      is_network_output(channel_passes(channels), channels) ? 0 : static_cast<size_t>(out_channels(channels));
  MemoryNeed need = network_.memory_for(width, height);
  if (self_ensemble_) {
    const MemoryNeed turned = network_.memory_for(height, width);
    need = {std::max(need.host, turned.host), std::max(need.device, turned.device)};
  }
  need.host += sizeof(float) * (pixels * (in * copies + image) + upscaled * (out * copies + results));
  return need;
}

void TileRunner::run_network(const float* in, int width, int height, const RunControl& control) {
  const auto scale = static_cast<size_t>(network_.scale());
  output_.resize(static_cast<size_t>(width) * static_cast<size_t>(height) * scale * scale *
                 static_cast<size_t>(network_.out_channels()));
  run_network(network_, in, width, height, control);
  const size_t inputs =
      static_cast<size_t>(width) * static_cast<size_t>(height) * static_cast<size_t>(network_.in_channels());
  Appearance result = look_at(output_, pool_);
  if (full_network_ && !is_plausible(result, in, inputs)) {
    ++fallbacks_;
    log_warning("a tile came out black or not finite; it is computed again in full precision");
    run_network(full_network_(), in, width, height, control);
    result = look_at(output_, pool_);
  }
  if (!result.finite)
    throw Error(ErrorKind::bad_data, "",
                "the network's result is not finite, in full precision: the model is damaged");
}

void TileRunner::run_network(Executor& network, const float* in, int width, int height,
                             const RunControl& control) {
  if (self_ensemble_)
    run_ensemble(network, in, width, height, control);
  else
    network.run(in, width, height, output_.data(), control);
}

void TileRunner::run_ensemble(Executor& network, const float* in, int width, int height,
                              const RunControl& control) {
  const int scale = network.scale();
  std::fill(output_.begin(), output_.end(), 0.0F);
  turned_output_.resize(output_.size());
  for (int number = 0; number < 8; ++number) {
    const Symmetry symmetry(number);
    turn(in, width, height, network.in_channels(), symmetry, turned_input_);
    network.run(turned_input_.data(), symmetry.transpose ? height : width,
                symmetry.transpose ? width : height, turned_output_.data(), control);
    add_turned_back(turned_output_, width * scale, height * scale, network.out_channels(), symmetry, output_);
  }
}

void TileRunner::run_pass(const ChannelPass& pass, const std::vector<float>& tile, int width, int height,
                          const PictureChannels& channels, const RunControl& control) {
  const size_t pixels = static_cast<size_t>(width) * static_cast<size_t>(height);
  const auto scale = static_cast<size_t>(network_.scale());
  const size_t upscaled = pixels * scale * scale;
  const int results = out_channels(channels);
  if (pass.alpha >= 0 && is_uniform(tile, channels.count, pass.alpha)) {
    const float value = tile[static_cast<size_t>(pass.alpha)];
    mix_channels({{pass.outputs[0].to, {}, value}}, tile.data(), 0, result_.data(), results, upscaled, pool_);
    // Work that was reckoned with and need not be done.
    if (control.done)
      control.done(network_.macs_per_pixel() * static_cast<double>(pixels) * (self_ensemble_ ? 8 : 1));
    return;
  }
  if (keeps_channels(pass.inputs, channels.count, network_.in_channels())) {
    run_network(tile.data(), width, height, control);
  } else {
    input_.resize(pixels * static_cast<size_t>(network_.in_channels()));
    mix_channels(pass.inputs, tile.data(), channels.count, input_.data(), network_.in_channels(), pixels,
                 pool_);
    run_network(input_.data(), width, height, control);
  }
  if (!result_.empty())
    mix_channels(pass.outputs, output_.data(), network_.out_channels(), result_.data(), results, upscaled,
                 pool_);
}

void TileRunner::announce(const std::vector<float>& tile, int width, int height,
                          const PictureChannels& channels) {
  // What is mixed, turned, or not computed at all is made when it is needed.
  const std::vector<ChannelPass> passes = channel_passes(channels);
  if (!self_ensemble_ && strength_ > 0 &&
      keeps_channels(passes.front().inputs, channels.count, network_.in_channels()))
    network_.announce(tile.data(), width, height);
}

std::vector<float>& TileRunner::run(const std::vector<float>& tile, int width, int height,
                                    const PictureChannels& channels, const RunControl& control) {
  const std::vector<ChannelPass> passes = channel_passes(channels);
  const bool as_it_is = is_network_output(passes, channels);
  const auto scale = static_cast<size_t>(network_.scale());
  result_.resize(as_it_is ? 0
                          : static_cast<size_t>(width) * static_cast<size_t>(height) * scale * scale *
                                static_cast<size_t>(out_channels(channels)));
  returned_ = as_it_is ? &output_ : &result_;
  const auto outputs = static_cast<size_t>(out_channels(channels));
  if (strength_ > 0)
    for (const ChannelPass& pass : passes) run_pass(pass, tile, width, height, channels, control);
  else
    returned_->resize(static_cast<size_t>(width) * static_cast<size_t>(height) * scale * scale * outputs);
  // Of a window it is the middle frame that is enlarged.
  if (strength_ < 1)
    lay_plain_over({tile, width, height, channels.count, (channels.count - static_cast<int>(outputs)) / 2},
                   network_.scale(), strength_, *returned_, static_cast<int>(outputs), pool_);
  return *returned_;
}

}  // namespace esrgan
