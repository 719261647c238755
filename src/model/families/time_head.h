// Convolutions in space and time (Tran et al. 2015, arXiv:1412.0767) beside a network's first one: it sees a
// window of frames then, and enlarges the middle one.
#pragma once

#include "model/family.h"

namespace esrgan {

/// What a frame's 3x3x3 convolution (time_1) makes of it and its two neighbours, and what another (time_2)
/// makes of three of those, which is added to what the first convolution makes of the middle frame: together
/// they see two frames to each side. Between them a LeakyReLU.
constexpr int frames_of_window = 5, frames_of_convolution = 3;
constexpr float time_slope = 0.1F;

/// How many maps of single frames the trunk of the network sees.
constexpr int maps_of_window = frames_of_window - frames_of_convolution + 1;

/// Whether a network's tensors have the head. The architecture's channels and features are those of the head
/// then.
bool detect_time_head(Evidence& evidence, Architecture& architecture);

/// The head, with the family's first convolution `still`. What time_1 makes of a frame has the frame's own
/// colours behind it, so that maps of frames are all that the rest needs.
MapId add_time_head(GraphBuilder& builder, const Architecture& architecture, const ConvolutionTensors& still);

/// Of a recipe: `frames`, 5 for a network with the head, and `time_features`, channels of a frame's map.
void configure_time_head(NetworkWishes& wishes, Architecture& architecture);

/// What comes of a frame and its neighbours, by the network's time_1: [height][width][3 * in_channels] to
/// [height][width][time_features + in_channels]. What the rest of the network, GraphPart::trunk, takes is
/// three of those, one behind the other.
Graph build_frame_graph(const StateDict& weights, const Architecture& architecture);

}  // namespace esrgan
