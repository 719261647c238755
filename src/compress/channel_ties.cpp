#include "compress/channel_ties.h"

#include <map>
#include <numeric>
#include <string>

namespace esrgan {
namespace {

/// Sets that grow together (Galler and Fischer 1964).
class Sets {
 public:
  explicit Sets(size_t count) : parents_(count) { std::iota(parents_.begin(), parents_.end(), size_t{0}); }

  size_t of(size_t i) {
    while (parents_[i] != i) i = parents_[i] = parents_[parents_[i]];
    return i;
  }
  void join(size_t a, size_t b) { parents_[of(a)] = of(b); }

 private:
  std::vector<size_t> parents_;
};

class Tying {
 public:
  explicit Tying(const Graph& graph)
      : graph_(graph), channels_(first_places(graph)), maps_(graph.maps.size()) {
    for (const Operation& operation : graph.operations)
      std::visit([this](const auto& each) { tie(each); }, operation);
  }

  size_t place(MapId map, int channel) const {
    return first_[static_cast<size_t>(map)] + static_cast<size_t>(channel);
  }
  Sets& channels() { return channels_; }
  Sets& maps() { return maps_; }

 private:
  size_t first_places(const Graph& graph) {
    size_t count = 0;
    for (const MapSpec& map : graph.maps) {
      first_.push_back(count);
      count += static_cast<size_t>(map.channels);
    }
    return count;
  }

  void tie_maps(MapId a, MapId b) { maps_.join(static_cast<size_t>(a), static_cast<size_t>(b)); }
  void tie_equal(MapId a, MapId b) {
    tie_maps(a, b);
    for (int c = 0; c < graph_.map(a).channels; ++c) channels_.join(place(a, c), place(b, c));
  }

  void tie(const Convolution& conv) {
    for (const Residual& residual : conv.residuals) tie_equal(conv.out, residual.map);
  }
  void tie(const PixelShuffle& shuffle) {
    const MapId deep = shuffle.inverse ? shuffle.out : shuffle.in,
                wide = shuffle.inverse ? shuffle.in : shuffle.out;
    tie_maps(deep, wide);
    const int places = shuffle.factor * shuffle.factor;
    for (int c = 0; c < graph_.map(deep).channels; ++c)
      channels_.join(place(deep, c), place(wide, c / places));
  }
  void tie(const AddUpsampled& sum) {
    tie_equal(sum.out, sum.in);
    tie_equal(sum.out, sum.base);
  }
  void tie(const Silu& silu) { tie_equal(silu.out, silu.in); }
  void tie(const SymmetricGate& gate) {
    tie_equal(gate.out, gate.in);
    tie_equal(gate.out, gate.residual);
  }

  const Graph& graph_;
  std::vector<size_t> first_;  // of each map's channels
  Sets channels_, maps_;
};

}  // namespace

ChannelTies::ChannelTies(const Graph& graph, const StateDict& weights) {
  Tying tying(graph);
  std::map<size_t, int> numbers;
  for (size_t m = 0; m < graph.maps.size(); ++m) {
    std::vector<int>& groups = groups_.emplace_back();
    for (int c = 0; c < graph.maps[m].channels; ++c) {
      const size_t set = tying.channels().of(tying.place(static_cast<MapId>(m), c));
      const auto [found, is_new] = numbers.try_emplace(set, static_cast<int>(numbers.size()));
      if (is_new) {
        removable_.push_back(true);
        families_.push_back(static_cast<int>(tying.maps().of(m)));
      }
      groups.push_back(found->second);
    }
  }
  const auto keep = [&](MapId map) {
    for (const int group : groups_[static_cast<size_t>(map)]) removable_[static_cast<size_t>(group)] = false;
  };
  keep(graph.input);
  keep(graph.output);
  for (const Operation& operation : graph.operations)
    if (const auto* conv = std::get_if<Convolution>(&operation);
        conv != nullptr && !weights.has_layer(conv->name))
      keep(conv->out);
}

}  // namespace esrgan
