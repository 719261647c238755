#include "engine/channels.h"

#include <algorithm>

namespace esrgan {
namespace {

constexpr std::array<float, 4> luma{0.299F, 0.587F, 0.114F, 0};  // ITU-R BT.601

constexpr int most_colours = 3, most_channels = 4;  // of a picture; a window of frames has more

ChannelMix copy_of(int to, int from) {
  ChannelMix mix{to};
  mix.weights[static_cast<size_t>(from)] = 1;
  return mix;
}

ChannelMix mean_of_colours(int to) {
  constexpr float third = 1.0F / 3;
  return {to, {third, third, third, 0}};
}

bool has_alpha(int channels) {
  return channels == 2 || channels == 4;
}

int colours_of(int channels) {
  return has_alpha(channels) ? channels - 1 : channels;
}

}  // namespace

bool takes_pictures(int network_in, int network_out) {
  return (network_in == network_out && (network_in == 1 || network_in == 3 || network_in == 4)) ||
         (network_in == 1 && network_out == 3);
}

int upscaled_channels(int network_in, int network_out, int channels) {
  if (channels > most_channels) return network_out;
  const bool coloured = network_in == 1 && network_out == 3;
  return coloured && colours_of(channels) == 1 ? channels + 2 : channels;
}

std::vector<ChannelPass> channel_passes(int network_in, int network_out, int channels) {
  std::vector<ChannelPass> passes;
  if (channels > most_channels) return {{}};
  const int alpha = has_alpha(channels) ? channels - 1 : -1;
  if (network_in == 1 && network_out == 1) {
    for (int c = 0; c < channels; ++c)
      passes.push_back({{copy_of(0, c)}, {copy_of(c, 0)}, c == alpha ? alpha : -1});
    return passes;
  }
  const int colours = colours_of(channels), results = upscaled_channels(network_in, network_out, channels);
  ChannelPass seen;
  for (int c = 0; c < colours_of(network_in); ++c)
    seen.inputs.push_back(network_in == 1 && colours == 3
                              ? ChannelMix{0, luma}
                              : copy_of(c, std::min(c % most_colours, colours - 1)));
  for (int c = 0; c < colours_of(results); ++c)
    seen.outputs.push_back(colours_of(results) == 3 ? copy_of(c, c) : mean_of_colours(c));
  if (has_alpha(network_in)) {
    seen.inputs.push_back(alpha >= 0 ? copy_of(3, alpha) : ChannelMix{3, {}, 1});
    if (alpha >= 0) seen.outputs.push_back(copy_of(results - 1, 3));
  }
  passes.push_back(seen);
  if (alpha < 0 || has_alpha(network_in)) return passes;
  ChannelPass own{{}, {mean_of_colours(results - 1)}, alpha};
  for (int c = 0; c < network_in; ++c) own.inputs.push_back(copy_of(c, alpha));
  passes.push_back(own);
  return passes;
}

bool keeps_channels(const std::vector<ChannelMix>& mixes, int from_channels, int to_channels) {
  if (mixes.empty()) return true;
  if (from_channels != to_channels || mixes.size() != static_cast<size_t>(to_channels)) return false;
  for (size_t i = 0; i < mixes.size(); ++i) {
    const ChannelMix same = copy_of(static_cast<int>(i), static_cast<int>(i));
    if (mixes[i].to != same.to || mixes[i].weights != same.weights || mixes[i].constant != 0) return false;
  }
  return true;
}

void mix_channels(const std::vector<ChannelMix>& mixes, const float* from, int from_channels, float* to,
                  int to_channels, size_t pixels, ThreadPool& pool) {
  constexpr size_t part = 1U << 16U;
  pool.parallel_for((pixels + part - 1) / part, [&](size_t index, int) {
    for (size_t pixel = index * part; pixel < std::min(pixels, (index + 1) * part); ++pixel) {
      const float* in = from + pixel * static_cast<size_t>(from_channels);
      float* out = to + pixel * static_cast<size_t>(to_channels);
      for (const ChannelMix& mix : mixes) {
        float sum = mix.constant;
        for (int c = 0; c < from_channels; ++c) sum += mix.weights[static_cast<size_t>(c)] * in[c];
        out[mix.to] = sum;
      }
    }
  });
}

}  // namespace esrgan
