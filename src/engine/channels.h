// How the channels of pictures go through networks.
#pragma once

#include <esrgan/image.h>

#include <cstddef>
#include <vector>

#include "base/thread_pool.h"

namespace esrgan {

/// Whether a network with these channels enlarges pictures: gray to gray, colours to colours, colours and
/// alpha to the same, or gray to colours.
bool takes_pictures(int network_in, int network_out);

/// Channels of a picture, as in ImageInfo; of a window of frames, all of them, more than a picture has.
struct PictureChannels {
  int count;
  int bands = 0;
};

inline PictureChannels channels_of(const ImageInfo& info) {
  return {info.channels, info.bands};
}

/// Channels of the result for a picture with `channels`.
int upscaled_channels(int network_in, int network_out, const PictureChannels& channels);

/// A channel as a weighted sum of others and a constant.
struct ChannelMix {
  struct Term {
    int from;
    float weight;
    bool operator==(const Term&) const = default;
  };
  int to;
  std::vector<Term> terms = {};
  float constant = 0;
};

/// One run of the network for a picture; without mixes what goes in and comes out is taken as it is.
struct ChannelPass {
  std::vector<ChannelMix> inputs;   ///< the network's channels of the picture's
  std::vector<ChannelMix> outputs;  ///< channels of the result of the network's
  int alpha = -1;                   ///< the picture's channel, when it is alpha and the network sees no other
};

/// What a network sees of a picture, and what becomes of its results. Gray and alpha go through a network for
/// colours as three equal channels, whose mean is taken; one for gray sees each channel by itself; one from
/// gray to colours sees their luma (ITU-R BT.601). A network with a channel for alpha is given the picture's,
/// or 1. Bands go through it as gray does, one by one, but for the colours before them. A network for a
/// window of frames sees as many copies of a picture; a window, which has more channels than a picture, goes
/// to it as it is.
std::vector<ChannelPass> channel_passes(int network_in, int network_out, const PictureChannels& of_picture);

/// Whether the mixes, if there are any, leave `channels` channels as they are.
bool keeps_channels(const std::vector<ChannelMix>& mixes, int from_channels, int to_channels);

/// Mixes `pixels` pixels of `from`, channels interleaved, into those of `to`, whose other channels stay.
void mix_channels(const std::vector<ChannelMix>& mixes, const float* from, int from_channels, float* to,
                  int to_channels, size_t pixels, ThreadPool& pool);

}  // namespace esrgan
