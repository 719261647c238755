#include "engine/channels.h"

#include <algorithm>

namespace esrgan {
namespace {

constexpr int most_colours = 3, most_channels = 4;  // of a picture; a window of frames has more

ChannelMix copy_of(int to, int from) {
  return {to, {{from, 1}}};
}

ChannelMix mean_of_colours(int to) {
  constexpr float third = 1.0F / 3;
  return {to, {{0, third}, {1, third}, {2, third}}};
}

/// ITU-R BT.601.
ChannelMix luma(int to) {
  return {to, {{0, 0.299F}, {1, 0.587F}, {2, 0.114F}}};
}

bool has_alpha(int channels) {
  return channels == 2 || channels == 4;
}

int colours_of(int channels) {
  return has_alpha(channels) ? channels - 1 : channels;
}

/// One channel, as a network for gray or colours sees it; what it makes goes to channel `to`.
ChannelPass pass_of(int network_in, int network_out, int from, int to) {
  ChannelPass pass;
  for (int c = 0; c < colours_of(network_in); ++c) pass.inputs.push_back(copy_of(c, from));
  if (has_alpha(network_in)) pass.inputs.push_back({network_in - 1, {}, 1});
  pass.outputs.push_back(network_out == 1 ? copy_of(to, 0) : mean_of_colours(to));
  return pass;
}

}  // namespace

bool takes_pictures(int network_in, int network_out) {
  return (network_in == network_out && (network_in == 1 || network_in == 3 || network_in == 4)) ||
         (network_in == 1 && network_out == 3);
}

int upscaled_channels(int network_in, int network_out, const PictureChannels& channels) {
  if (channels.bands > 0) return channels.count;
  if (channels.count > most_channels) return network_out;
  const bool coloured = network_in == 1 && network_out == 3;
  return coloured && colours_of(channels.count) == 1 ? channels.count + 2 : channels.count;
}

namespace {

/// Of bands behind no colours, or three.
std::vector<ChannelPass> band_passes(int network_in, int network_out, const PictureChannels& channels) {
  const int colours = channels.count - channels.bands;
  std::vector<ChannelPass> passes;
  if (colours > 0) passes = channel_passes(network_in, network_out, {colours});
  for (int c = colours; c < channels.count; ++c) passes.push_back(pass_of(network_in, network_out, c, c));
  return passes;
}

}  // namespace

std::vector<ChannelPass> channel_passes(int network_in, int network_out, const PictureChannels& of_picture) {
  if (of_picture.bands > 0) return band_passes(network_in, network_out, of_picture);
  const int channels = of_picture.count;
  std::vector<ChannelPass> passes;
  if (channels > most_channels) return {{}};
  const int alpha = has_alpha(channels) ? channels - 1 : -1;
  if (network_in == 1 && network_out == 1) {
    for (int c = 0; c < channels; ++c)
      passes.push_back({{copy_of(0, c)}, {copy_of(c, 0)}, c == alpha ? alpha : -1});
    return passes;
  }
  const int colours = colours_of(channels), results = upscaled_channels(network_in, network_out, {channels});
  ChannelPass seen;
  for (int c = 0; c < colours_of(network_in); ++c)
    seen.inputs.push_back(
        network_in == 1 && colours == 3 ? luma(0) : copy_of(c, std::min(c % most_colours, colours - 1)));
  for (int c = 0; c < colours_of(results); ++c)
    seen.outputs.push_back(colours_of(results) == 3 ? copy_of(c, c) : mean_of_colours(c));
  if (has_alpha(network_in)) {
    seen.inputs.push_back(alpha >= 0 ? copy_of(3, alpha) : ChannelMix{3, {}, 1});
    if (alpha >= 0) seen.outputs.push_back(copy_of(results - 1, 3));
  }
  passes.push_back(seen);
  if (alpha < 0 || has_alpha(network_in)) return passes;
  passes.push_back(pass_of(network_in, 3, alpha, results - 1));
  passes.back().alpha = alpha;
  return passes;
}

bool keeps_channels(const std::vector<ChannelMix>& mixes, int from_channels, int to_channels) {
  if (mixes.empty()) return true;
  if (from_channels != to_channels || mixes.size() != static_cast<size_t>(to_channels)) return false;
  for (size_t i = 0; i < mixes.size(); ++i) {
    const ChannelMix same = copy_of(static_cast<int>(i), static_cast<int>(i));
    if (mixes[i].to != same.to || mixes[i].terms != same.terms || mixes[i].constant != 0) return false;
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
        for (const ChannelMix::Term& term : mix.terms) sum += term.weight * in[term.from];
        out[mix.to] = sum;
      }
    }
  });
}

}  // namespace esrgan
