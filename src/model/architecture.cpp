#include "model/architecture.h"

#include "model/family.h"

namespace esrgan {

std::string Architecture::summary() const {
  std::string text = std::string(family->name) + " x" + std::to_string(scale) + ", " +
                     std::to_string(blocks) + " " + family->blocks_name + ", " + std::to_string(features) +
                     " features";
  if (frames > 1) text += ", " + std::to_string(frames) + " frames";
  if (tasks) text += ", with strengths to choose";
  if (unshuffle > 1) text += ", pixel-unshuffle " + std::to_string(unshuffle);
  if (details) text += details->summary();
  return text;
}

std::string Architecture::channels_text() const {
  return std::to_string(in_channels) + " in and " + std::to_string(out_channels) + " out";
}

}  // namespace esrgan
