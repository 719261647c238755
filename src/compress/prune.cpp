#include "compress/prune.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "compress/channel_ties.h"

namespace esrgan {
namespace {

/// Channels that leave together: `multiple` groups of the same maps, those that matter least first.
struct Unit {
  std::vector<int> groups;
  double importance = 0;
};

class Pruning {
 public:
  Pruning(const Model& model, const ChannelImportance& importance, const PruneOptions& options)
      : model_(model),
        options_(options),
        graph_(build_graph(model)),
        ties_(graph_, model.weights),
        kept_(static_cast<size_t>(ties_.count())),
        maps_(kept_.size()) {
    weigh(importance);
    for (size_t m = 0; m < graph_.maps.size(); ++m)
      for (int c = 0; c < graph_.maps[m].channels; ++c)
        maps_[static_cast<size_t>(ties_.group(static_cast<MapId>(m), c))].push_back(static_cast<MapId>(m));
    keep_all();
  }

  Model run() {
    const double whole = macs(), wanted = options_.keep * whole;
    options_.per_layer ? remove_share(whole) : remove_least(wanted);
    return detect_model(weights());
  }

 private:
  /// The importance of a group is the sum of its channels'.
  void weigh(const ChannelImportance& importance) {
    importance_.assign(kept_.size(), 0);
    for (const Operation& operation : graph_.operations) {
      const auto* conv = std::get_if<Convolution>(&operation);
      if (conv == nullptr) continue;
      const auto found = importance.find(conv->name);
      if (found == importance.end()) continue;
      for (int c = 0; c < conv->out_channels; ++c)
        importance_[static_cast<size_t>(ties_.group(conv->out, c))] +=
            found->second.at(static_cast<size_t>(c));
    }
  }

  int channels_left(MapId map) const { return left_[static_cast<size_t>(map)]; }

  void keep_all() {
    std::fill(kept_.begin(), kept_.end(), true);
    left_.clear();
    for (const MapSpec& map : graph_.maps) left_.push_back(map.channels);
  }

  /// Of each cell of the grid.
  double macs() const {
    double sum = 0;
    for (const Operation& operation : graph_.operations) {
      const auto* conv = std::get_if<Convolution>(&operation);
      if (conv == nullptr) continue;
      double inputs = 0;
      for (const MapId input : conv->inputs) inputs += channels_left(input);
      const double share = inputs / conv->in_channels * channels_left(conv->out) / conv->out_channels;
      sum += share * macs_per_cell(operation, graph_);
    }
    return sum;
  }

  /// The groups of each family, those that matter least first, in sets of `multiple`; the last set stays.
  std::vector<std::vector<Unit>> units() const {
    std::map<int, std::vector<int>> families;
    for (int group = 0; group < ties_.count(); ++group)
      if (ties_.is_removable(group)) families[ties_.family(group)].push_back(group);
    std::vector<std::vector<Unit>> all;
    for (auto& [family, groups] : families) {
      std::stable_sort(groups.begin(), groups.end(), [&](int a, int b) {
        return importance_[static_cast<size_t>(a)] < importance_[static_cast<size_t>(b)];
      });
      std::vector<Unit>& own = all.emplace_back();
      const auto multiple = static_cast<size_t>(options_.multiple);
      // What is no multiple leaves first.
      size_t size = groups.size() % multiple;
      for (size_t begin = 0;
           begin + multiple < groups.size() || (begin == 0 && size > 0 && size < groups.size());) {
        Unit unit;
        for (const size_t end = begin + (size > 0 ? size : multiple); begin < end; ++begin) {
          unit.groups.push_back(groups[begin]);
          unit.importance += importance_[static_cast<size_t>(groups[begin])];
        }
        size = 0;
        own.push_back(std::move(unit));
      }
    }
    return all;
  }

  void remove(const Unit& unit) { set_kept(unit, false); }
  void restore(const Unit& unit) { set_kept(unit, true); }
  void set_kept(const Unit& unit, bool kept) {
    for (const int group : unit.groups) {
      kept_[static_cast<size_t>(group)] = kept;
      for (const MapId map : maps_[static_cast<size_t>(group)])
        left_[static_cast<size_t>(map)] += kept ? 1 : -1;
    }
  }

  void remove_share(double whole) {
    const std::vector<std::vector<Unit>> all = units();
    // Work falls with the product of what goes in and comes out.
    const int most = static_cast<int>(100 * std::sqrt(options_.keep));
    for (int percent = most; percent > 0; --percent) {
      const double share = percent / 100.0;
      keep_all();
      for (const std::vector<Unit>& own : all) {
        const auto leaving =
            static_cast<size_t>(std::llround((1 - share) * static_cast<double>(own.size() + 1)));
        for (size_t i = 0; i < std::min(leaving, own.size()); ++i) remove(own[i]);
      }
      if (macs() <= options_.keep * whole) return;
    }
    refuse();
  }

  /// The unit that matters least for the work that it saves, again and again.
  void remove_least(double wanted) {
    const std::vector<std::vector<Unit>> all = units();
    std::vector<size_t> next(all.size(), 0);
    for (double now = macs(); now > wanted;) {
      size_t best = all.size();
      double least = 0, left = 0;
      for (size_t f = 0; f < all.size(); ++f) {
        if (next[f] == all[f].size()) continue;
        remove(all[f][next[f]]);
        const double then = macs(), price = all[f][next[f]].importance / (now - then);
        restore(all[f][next[f]]);
        if (best < all.size() && price >= least) continue;
        best = f, least = price, left = then;
      }
      if (best == all.size()) refuse();
      remove(all[best][next[best]++]);
      now = left;
    }
  }

  [[noreturn]] void refuse() const {
    throw Error(ErrorKind::invalid_argument, "", "--keep",
                "more: " + std::to_string(options_.multiple) +
                    " channels stay everywhere, and what goes in and comes out",
                text_of(options_.keep));
  }

  // ---- what is left ----

  std::vector<size_t> places_left(const std::vector<MapId>& maps) const {
    std::vector<size_t> places;
    size_t place = 0;
    for (const MapId map : maps)
      for (int c = 0; c < graph_.map(map).channels; ++c, ++place)
        if (kept_[static_cast<size_t>(ties_.group(map, c))]) places.push_back(place);
    return places;
  }

  static std::vector<float> taken(const std::vector<float>& values, const std::vector<size_t>& places) {
    std::vector<float> result;
    result.reserve(places.size());
    for (const size_t place : places) result.push_back(values[place]);
    return result;
  }

  void add_layer(const Convolution& conv, StateDict& state) const {
    const std::vector<size_t> outs = places_left({conv.out}), ins = places_left(conv.inputs);
    const auto taps = static_cast<size_t>(conv.kernel * conv.kernel),
               row = static_cast<size_t>(conv.in_channels);
    std::vector<float> weights;
    weights.reserve(outs.size() * ins.size() * taps);
    for (const size_t out : outs)
      for (const size_t in : ins) {
        const auto begin = conv.weights.begin() + static_cast<std::ptrdiff_t>((out * row + in) * taps);
        weights.insert(weights.end(), begin, begin + static_cast<std::ptrdiff_t>(taps));
      }
    const auto extent = [](size_t count) { return static_cast<int64_t>(count); };
    state.add(conv.name + ".weight",
              {{extent(outs.size()), extent(ins.size()), conv.kernel, conv.kernel}, std::move(weights)});
    state.add(conv.name + ".bias", {{extent(outs.size())}, taken(conv.bias, outs)});
    if (conv.slope_name.empty()) return;
    const bool one = model_.weights.at(conv.slope_name + ".weight").values.size() == 1;
    std::vector<float> slopes = one ? std::vector<float>{conv.slope.front()} : taken(conv.slope, outs);
    const int64_t count = extent(slopes.size());
    state.add(conv.slope_name + ".weight", {{count}, std::move(slopes)});
  }

  StateDict weights() const {
    StateDict state{model_.weights.file, model_.weights.format, {}, model_.weights.metadata};
    for (const Operation& operation : graph_.operations)
      if (const auto* conv = std::get_if<Convolution>(&operation);
          conv != nullptr && model_.weights.has_layer(conv->name))
        add_layer(*conv, state);
    for (const std::string& name : model_.weights.lone_numbers()) state.add(name, model_.weights.at(name));
    return state;
  }

  const Model& model_;
  PruneOptions options_;
  Graph graph_;
  ChannelTies ties_;
  std::vector<bool> kept_;                // by group
  std::vector<std::vector<MapId>> maps_;  // of a group's channels
  std::vector<int> left_;                 // channels of each map
  std::vector<double> importance_;
};

}  // namespace

ChannelImportance gamma_importance(const Model& model) {
  ChannelImportance importance;
  const Graph graph = build_graph(model);
  for (const Operation& operation : graph.operations) {
    const auto* conv = std::get_if<Convolution>(&operation);
    if (conv == nullptr) continue;
    std::string norm = conv->name;  // conv1 and bn1, conv_body and bn_body
    const size_t place = norm.rfind("conv");
    if (place == std::string::npos) continue;
    norm.replace(place, std::string_view("conv").size(), "bn");
    if (!model.weights.contains(norm + ".weight")) continue;
    std::vector<double>& own = importance[conv->name];
    for (const float gamma : model.weights.at(norm + ".weight").values)
      own.push_back(std::abs(static_cast<double>(gamma)));
  }
  return importance;
}

ChannelImportance magnitude_importance(const Model& model) {
  ChannelImportance importance;
  const Graph graph = build_graph(model);
  for (const Operation& operation : graph.operations) {
    const auto* conv = std::get_if<Convolution>(&operation);
    if (conv == nullptr) continue;
    std::vector<double>& own = importance[conv->name];
    own.assign(static_cast<size_t>(conv->out_channels), 0);
    const size_t row = conv->weights.size() / own.size();
    for (size_t i = 0; i < conv->weights.size(); ++i)
      own[i / row] += std::abs(static_cast<double>(conv->weights[i]));
  }
  return importance;
}

Model prune(const Model& model, const ChannelImportance& importance, const PruneOptions& options) {
  if (model.architecture.frames > 1)
    throw Error(ErrorKind::unsupported, model.weights.file, "cannot be pruned",
                "a network that sees one picture", "one that sees several frames");
  return Pruning(model, importance, options).run();
}

}  // namespace esrgan
