#include "device/cpu/schedule.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace esrgan {
namespace {

class Scheduler {
 public:
  Scheduler(const Graph& graph, const PreparedOperations& prepared) : graph_(graph), prepared_(prepared) {}

  Schedule run() {
    const size_t none = graph_.operations.size();
    writer_.assign(graph_.maps.size(), none);
    readers_.resize(graph_.maps.size());
    schedule_.maps.resize(graph_.maps.size());
    make_steps();
    for (size_t s = 0; s < schedule_.stages.size(); ++s) {
      find_transforms(s);
      find_leads(s);
      find_needs(s);
    }
    return std::move(schedule_);
  }

 private:
  void make_steps() {
    const size_t count = graph_.operations.size();
    for (size_t s = 0; s < graph_.stages.size(); ++s) {
      Stage stage;
      stage.begin = graph_.stages[s];
      stage.end = s + 1 < graph_.stages.size() ? graph_.stages[s + 1] : count;
      if (stage.begin == stage.end) continue;
      stage.density = graph_.output_density();
      for (size_t i = stage.begin; i < stage.end; ++i)
        stage.density = std::min(stage.density, graph_.map(output_of(graph_.operations[i])).density);
      stage.unit = std::max(1, schedule_tile / stage.density);
      schedule_.stages.push_back(stage);
    }
    schedule_.steps.resize(count);
    for (size_t s = 0; s < schedule_.stages.size(); ++s)
      for (size_t i = schedule_.stages[s].begin; i < schedule_.stages[s].end; ++i) make_step(s, i);
    MapLife& input = schedule_.maps[static_cast<size_t>(graph_.input)];
    input.first = 0;
    schedule_.maps[static_cast<size_t>(graph_.output)].external = true;
    for (size_t m = 0; m < graph_.maps.size(); ++m) {
      MapLife& life = schedule_.maps[m];
      life.bands = life.first == life.last && m != static_cast<size_t>(graph_.input) ? 1 : 0;
    }
  }

  void make_step(size_t stage, size_t i) {
    const Operation& operation = graph_.operations[i];
    Step& step = schedule_.steps[i];
    const auto out = static_cast<size_t>(output_of(operation));
    step.density = graph_.maps[out].density;
    step.reach = ceil_div(radius_of(operation), schedule_.stages[stage].unit * step.density);
    writer_[out] = i;
    schedule_.maps[out].first = schedule_.maps[out].last = stage;
    schedule_.maps[out].writer = i;
    for (const MapId in : inputs_of(operation)) {
      const auto m = static_cast<size_t>(in);
      readers_[m].push_back(i);
      schedule_.maps[m].last = stage;
      if (const auto* conv = std::get_if<Convolution>(&operation))
        if (std::find(conv->inputs.begin(), conv->inputs.end(), in) != conv->inputs.end())
          schedule_.maps[m].border = std::max(schedule_.maps[m].border, prepared_[i]->border());
    }
  }

  void find_transforms(size_t s) {
    Stage& stage = schedule_.stages[s];
    std::map<std::pair<MapId, TransformForm>, size_t> known;
    std::set<size_t> shared;
    for (size_t i = stage.begin; i < stage.end; ++i) {
      const auto* conv = std::get_if<Convolution>(&graph_.operations[i]);
      if (conv == nullptr || prepared_[i]->transform_form() == 0) continue;
      for (const MapId in : conv->inputs) {
        const TransformForm form = prepared_[i]->transform_form();
        const auto [found, is_new] = known.try_emplace({in, form}, schedule_.transforms.size());
        if (is_new)
          schedule_.transforms.push_back({in, i, 1, graph_.map(in).channels, schedule_.steps[i].density});
        else
          shared.insert(found->second);
        schedule_.steps[i].transforms.push_back({found->second, is_new, false});
      }
    }
    stage.transforms.assign(shared.begin(), shared.end());
    for (size_t i = stage.begin; i < stage.end; ++i)
      for (TransformUse& use : schedule_.steps[i].transforms) use.own = !shared.contains(use.transform);
  }

  bool in_stage(const Stage& stage, size_t step) const { return step >= stage.begin && step < stage.end; }

  /// From the last step back: whoever is read must be far enough ahead.
  void find_leads(size_t s) {
    Stage& stage = schedule_.stages[s];
    for (size_t i = stage.end; i-- > stage.begin;) {
      const Step& step = schedule_.steps[i];
      for (const MapId in : inputs_of(graph_.operations[i])) {
        const size_t producer = writer_[static_cast<size_t>(in)];
        if (in_stage(stage, producer)) {
          int& lead = schedule_.steps[producer].lead;
          lead = std::max(lead, step.lead + step.reach);
        }
      }
      for (const TransformUse& use : step.transforms) {
        int& lead = schedule_.steps[schedule_.transforms[use.transform].step].lead;
        lead = std::max(lead, step.lead);
      }
      stage.lead = std::max(stage.lead, step.lead);
    }
  }

  /// What must be done before a band may be read, and before what lay in its place may be written over.
  void find_needs(size_t s) {
    Stage& stage = schedule_.stages[s];
    for (size_t i = stage.begin; i < stage.end; ++i) {
      Step& step = schedule_.steps[i];
      for (const MapId in : inputs_of(graph_.operations[i]))
        if (in_stage(stage, writer_[static_cast<size_t>(in)]))
          step.needs.push_back({writer_[static_cast<size_t>(in)], step.reach + 1, true});
      for (const TransformUse& use : step.transforms)
        if (const size_t maker = schedule_.transforms[use.transform].step; maker != i)
          step.needs.push_back({maker, 1, true});
      const auto out = static_cast<size_t>(output_of(graph_.operations[i]));
      MapLife& life = schedule_.maps[out];
      if (life.bands == 0 || life.external) continue;
      for (const size_t r : readers_[out]) {
        const Step& reader = schedule_.steps[r];
        life.bands = std::max(life.bands, step.lead - reader.lead + reader.reach + 1);
        const int radius = ceil_div(radius_of(graph_.operations[r]) * step.density, reader.density);
        life.kept = std::max(life.kept, (step.lead - reader.lead) * stage.unit * step.density + radius);
      }
      for (const size_t r : readers_[out])
        step.needs.push_back({r, schedule_.steps[r].reach + 1 - life.bands, false});
      // A part that nobody reads in this panel must be done as well before another band takes its place.
      step.needs.push_back({i, 1 - life.bands, false});
    }
    for (const size_t t : stage.transforms) {
      TransformSpec& transform = schedule_.transforms[t];
      Step& maker = schedule_.steps[transform.step];
      const auto uses = [&](size_t i) {
        const auto& list = schedule_.steps[i].transforms;
        return std::any_of(list.begin(), list.end(), [&](const TransformUse& u) { return u.transform == t; });
      };
      for (size_t i = stage.begin; i < stage.end; ++i)
        if (uses(i)) transform.lag = std::max(transform.lag, maker.lead - schedule_.steps[i].lead);
      transform.bands = transform.lag + 1;
      for (size_t i = stage.begin; i < stage.end; ++i)
        if (uses(i)) maker.needs.push_back({i, 1 - transform.bands, false});
    }
  }

  const Graph& graph_;
  const PreparedOperations& prepared_;
  Schedule schedule_;
  std::vector<size_t> writer_;                // of each map
  std::vector<std::vector<size_t>> readers_;  // likewise
};

}  // namespace

Schedule make_schedule(const Graph& graph, const PreparedOperations& prepared) {
  return Scheduler(graph, prepared).run();
}

}  // namespace esrgan
