// Which channels of a network can only go together.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "weights/state_dict.h"

namespace esrgan {

/// Channels of maps that sums, gates and pixel-shuffles tie to each other: what one convolution loses, all of
/// them lose.
class ChannelTies {
 public:
  /// `weights`: of the file that the graph was built from.
  ChannelTies(const Graph& graph, const StateDict& weights);

  /// The group that a channel of a map belongs to.
  int group(MapId map, int channel) const {
    return groups_[static_cast<size_t>(map)][static_cast<size_t>(channel)];
  }
  int count() const { return static_cast<int>(removable_.size()); }
  /// Not what goes into the network or comes out, nor what a convolution makes that no file knows.
  bool is_removable(int group) const { return removable_[static_cast<size_t>(group)]; }
  /// Groups whose channels lie in the same maps.
  int family(int group) const { return families_[static_cast<size_t>(group)]; }

 private:
  std::vector<std::vector<int>> groups_;  // by map and channel
  std::vector<bool> removable_;
  std::vector<int> families_;
};

}  // namespace esrgan
