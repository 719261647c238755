#include "device/cpu/schedule.h"

#include <algorithm>
#include <map>

#include "base/overloaded.h"

namespace esrgan {
namespace {

constexpr int tile_rows = 4;      // bands end where a transform's tiles do
constexpr size_t alignment = 16;  // floats

size_t aligned(size_t floats) {
  return (floats + alignment - 1) / alignment * alignment;
}

int ceil_div(int value, int by) {
  return (value + by - 1) / by;
}

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
      stage.unit = std::max(1, tile_rows / stage.density);
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
    for (size_t i = stage.begin; i < stage.end; ++i) {
      const auto* conv = std::get_if<Convolution>(&graph_.operations[i]);
      if (conv == nullptr || prepared_[i]->transform_form() == 0) continue;
      for (const MapId in : conv->inputs) {
        const TransformForm form = prepared_[i]->transform_form();
        const auto [found, is_new] = known.try_emplace({in, form}, schedule_.transforms.size());
        if (is_new) {
          stage.transforms.push_back(schedule_.transforms.size());
          schedule_.transforms.push_back({in, i, 1, graph_.map(in).channels, schedule_.steps[i].density});
        }
        schedule_.steps[i].transforms.push_back({found->second, is_new});
      }
    }
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
        if (!use.fill) step.needs.push_back({schedule_.transforms[use.transform].step, 1, true});
      const auto out = static_cast<size_t>(output_of(graph_.operations[i]));
      MapLife& life = schedule_.maps[out];
      if (life.bands == 0 || life.external) continue;
      for (const size_t r : readers_[out]) {
        const Step& reader = schedule_.steps[r];
        life.bands = std::max(life.bands, step.lead - reader.lead + reader.reach + 1);
      }
      for (const size_t r : readers_[out])
        step.needs.push_back({r, schedule_.steps[r].reach + 1 - life.bands, false});
    }
    for (const size_t t : stage.transforms) {
      TransformSpec& transform = schedule_.transforms[t];
      Step& maker = schedule_.steps[transform.step];
      const auto uses = [&](size_t i) {
        const auto& list = schedule_.steps[i].transforms;
        return std::any_of(list.begin(), list.end(), [&](const TransformUse& u) { return u.transform == t; });
      };
      for (size_t i = stage.begin; i < stage.end; ++i)
        if (uses(i)) transform.bands = std::max(transform.bands, maker.lead - schedule_.steps[i].lead + 1);
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

/// Something that needs memory during some stages.
struct Claim {
  size_t first, last, floats;
  size_t offset = 0;
};

/// First fit, the largest first: each claim gets the lowest place that is free during its whole life.
size_t place(std::vector<Claim>& claims) {
  std::vector<size_t> order(claims.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return claims[a].floats > claims[b].floats; });
  size_t total = 0;
  for (size_t n = 0; n < order.size(); ++n) {
    Claim& claim = claims[order[n]];
    std::vector<std::pair<size_t, size_t>> taken;
    for (size_t k = 0; k < n; ++k) {
      const Claim& other = claims[order[k]];
      if (other.first <= claim.last && claim.first <= other.last)
        taken.emplace_back(other.offset, other.offset + other.floats);
    }
    std::sort(taken.begin(), taken.end());
    for (const auto& [begin, end] : taken) {
      if (claim.offset + claim.floats <= begin) break;
      claim.offset = std::max(claim.offset, end);
    }
    total = std::max(total, claim.offset + claim.floats);
  }
  return total;
}

/// How many parts a band of a step is cut into: as many in the last one, which may be lower, as in the
/// others, since their number bounds the scratch.
int parts_of(const Schedule& schedule, const PreparedOperations& prepared, const Layout& layout,
             const StagePlan& plan, size_t step, int threads) {
  const int density = schedule.steps[step].density,
            rows = std::min(layout.cells_y, plan.band_cells) * density;
  return prepared[step] ? prepared[step]->parts(layout.cells_x * density, rows, threads)
                        : std::min(rows, threads);
}

/// Which parts of steps read which parts of others.
class Reading {
 public:
  Reading(const Graph& graph, const Schedule& schedule, const PreparedOperations& prepared,
          const Layout& layout, const StagePlan& plan, int threads)
      : graph_(graph),
        schedule_(schedule),
        prepared_(prepared),
        layout_(layout),
        plan_(plan),
        threads_(threads) {}

  /// For each need of a step and each of its parts.
  std::vector<PartSet> of(size_t step) const {
    std::vector<PartSet> result;
    const int parts = count(step);
    for (const Dependence& need : schedule_.steps[step].needs)
      for (int part = 0; part < parts; ++part) result.push_back(of(step, part, parts, need));
    return result;
  }

 private:
  int count(size_t step) const { return parts_of(schedule_, prepared_, layout_, plan_, step, threads_); }

  BandPart part(size_t step, int part, int parts) const {
    const int density = schedule_.steps[step].density;
    return part_of(graph_.operations[step], prepared_[step].get(), {step, 0, part, parts},
                   layout_.cells_x * density, plan_.band_cells * density);
  }

  PartSet of(size_t step, int number, int parts, const Dependence& need) const {
    const int read_parts = count(need.step);
    if (!need.reads || read_parts > most_parts_in_set) return whole_band;
    // In the pixels of what is read, counted from the corner of the last band needed.
    const int density = schedule_.steps[step].density, read_density = schedule_.steps[need.step].density;
    const int radius = radius_of(graph_.operations[step]);
    const auto first = [&](int pixel) { return (pixel - radius) * read_density / density - 1; };
    const auto end = [&](int pixel) { return (pixel + radius) * read_density / density + 1; };
    const BandPart own = part(step, number, parts);
    const int bands_before = (need.ahead - 1) * plan_.band_cells * read_density;
    PartSet result = 0;
    for (int other = 0; other < read_parts; ++other) {
      const BandPart there = part(need.step, other, read_parts);
      if (there.row_begin + bands_before < end(own.row_end) &&
          first(own.row_begin) < there.row_end + bands_before && there.column_begin < end(own.column_end) &&
          first(own.column_begin) < there.column_end)
        result |= PartSet{1} << static_cast<unsigned>(other);
    }
    return result;
  }

  const Graph& graph_;
  const Schedule& schedule_;
  const PreparedOperations& prepared_;
  const Layout& layout_;
  const StagePlan& plan_;
  int threads_;
};

}  // namespace

BandPart part_of(const Operation& operation, const PreparedConvolution* prepared, const Item& item, int width,
                 int rows) {
  if (prepared != nullptr) return prepared->part_of(item.part, item.parts, width, rows);
  // A pixel-shuffle is cut between rows of the deep side.
  const int unit = std::visit(Overloaded{[](const Convolution&) { return 1; },
                                         [](const PixelShuffle& op) { return op.inverse ? 1 : op.factor; },
                                         [](const AddUpsampled&) { return 1; }, [](const Silu&) { return 1; },
                                         [](const SymmetricGate&) { return 1; }},
                              operation);
  BandPart part = part_of_rows(item.part, item.parts, width, rows / unit);
  part.row_begin *= unit;
  part.row_end *= unit;
  return part;
}

Schedule make_schedule(const Graph& graph, const PreparedOperations& prepared) {
  return Scheduler(graph, prepared).run();
}

Layout lay_out(const Graph& graph, const Schedule& schedule, const PreparedOperations& prepared, int cells_x,
               int cells_y, int threads) {
  constexpr int tiles_for_a_thread = 32;
  Layout layout;
  layout.cells_x = cells_x;
  layout.cells_y = cells_y;
  for (const Stage& stage : schedule.stages) {
    const int tiles = ceil_div(cells_x * stage.density, tile_rows) * (stage.unit * stage.density / tile_rows);
    StagePlan plan;
    plan.band_cells = stage.unit * ceil_div(tiles_for_a_thread * threads, std::max(1, tiles));
    plan.band_cells = std::min(plan.band_cells, ceil_div(cells_y, stage.unit) * stage.unit);
    plan.bands = ceil_div(cells_y, plan.band_cells);
    layout.stages.push_back(std::move(plan));
  }

  layout.maps.resize(graph.maps.size());
  layout.transforms.resize(schedule.transforms.size());
  layout.band_floats.resize(schedule.transforms.size());
  // Maps and transforms that live in one stage lie together in one claim for each stage.
  std::vector<Claim> claims;
  for (size_t s = 0; s < schedule.stages.size(); ++s) claims.push_back({s, s, 0});
  std::vector<size_t> claim_of(graph.maps.size(), 0);
  size_t zeros = 0;
  for (size_t m = 0; m < graph.maps.size(); ++m) {
    const MapLife& life = schedule.maps[m];
    const MapSpec& spec = graph.maps[m];
    if (life.external) continue;
    const size_t row =
        static_cast<size_t>(cells_x * spec.density + 2 * life.border) * static_cast<size_t>(spec.channels);
    zeros = std::max(zeros, row);
    layout.zeros_border = std::max(layout.zeros_border, life.border * spec.channels);
    int rows = cells_y * spec.density;
    if (life.bands > 0)
      rows = std::min(rows, life.bands * layout.stages[life.first].band_cells * spec.density);
    const size_t floats = aligned(row * static_cast<size_t>(rows));
    if (life.bands > 0) {
      claim_of[m] = life.first;
      layout.maps[m] = claims[life.first].floats;
      claims[life.first].floats += floats;
    } else {
      claim_of[m] = claims.size();
      claims.push_back({life.first, life.last, floats});
    }
  }
  for (size_t s = 0; s < schedule.stages.size(); ++s)
    for (const size_t t : schedule.stages[s].transforms) {
      const TransformSpec& transform = schedule.transforms[t];
      const StagePlan& plan = layout.stages[s];
      layout.band_floats[t] =
          aligned(prepared[transform.step]->transformed_bytes(transform.channels, cells_x * transform.density,
                                                              plan.band_cells * transform.density) /
                      sizeof(float) +
                  1);
      layout.transforms[t] = claims[s].floats;
      claims[s].floats += layout.band_floats[t] * static_cast<size_t>(std::min(plan.bands, transform.bands));
    }
  layout.total = place(claims);
  for (size_t m = 0; m < graph.maps.size(); ++m)
    if (!schedule.maps[m].external) layout.maps[m] += claims[claim_of[m]].offset;
  for (size_t s = 0; s < schedule.stages.size(); ++s)
    for (const size_t t : schedule.stages[s].transforms) layout.transforms[t] += claims[s].offset;

  layout.zeros = layout.total;
  layout.total += aligned(zeros + static_cast<size_t>(layout.zeros_border));
  layout.scratch = layout.total;
  for (size_t s = 0; s < schedule.stages.size(); ++s)
    for (size_t i = schedule.stages[s].begin; i < schedule.stages[s].end; ++i) {
      if (!prepared[i]) continue;
      const int width = cells_x * schedule.steps[i].density,
                rows = std::min(cells_y, layout.stages[s].band_cells) * schedule.steps[i].density;
      const size_t bytes = prepared[i]->scratch_bytes(
          width, rows, parts_of(schedule, prepared, layout, layout.stages[s], i, threads));
      layout.scratch_floats = std::max(layout.scratch_floats, aligned(bytes / sizeof(float)));
    }
  layout.total += layout.scratch_floats * static_cast<size_t>(threads);
  return layout;
}

void find_reads(const Graph& graph, const Schedule& schedule, const PreparedOperations& prepared,
                Layout& layout, int threads) {
  for (size_t s = 0; s < schedule.stages.size(); ++s) {
    StagePlan& plan = layout.stages[s];
    const Reading reading(graph, schedule, prepared, layout, plan, threads);
    for (size_t step = schedule.stages[s].begin; step < schedule.stages[s].end; ++step)
      plan.reads.push_back(reading.of(step));
  }
}

std::vector<Item> items_of(const Schedule& schedule, const PreparedOperations& prepared, const Layout& layout,
                           size_t stage_index, int threads) {
  const Stage& stage = schedule.stages[stage_index];
  const StagePlan& plan = layout.stages[stage_index];
  std::vector<Item> items;
  for (int turn = 0; turn < plan.bands + stage.lead; ++turn)
    for (size_t i = stage.begin; i < stage.end; ++i) {
      const Step& step = schedule.steps[i];
      const int band = turn - (stage.lead - step.lead);
      if (band < 0 || band >= plan.bands) continue;
      const int parts = parts_of(schedule, prepared, layout, plan, i, threads);
      for (int part = 0; part < parts; ++part) items.push_back({i, band, part, parts});
    }
  return items;
}

}  // namespace esrgan
