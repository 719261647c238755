#include "device/cpu/layout.h"

#include <algorithm>

#include "base/overloaded.h"

namespace esrgan {
namespace {

constexpr size_t alignment = 16;  // floats

size_t aligned(size_t floats) {
  return (floats + alignment - 1) / alignment * alignment;
}

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

/// What a step computes of a band; in the last one, which may be lower, it is cut into as many parts as in
/// the others, since their number bounds the scratch.
BandShape shape_of(const Schedule& schedule, const Layout& layout, const Run& run, size_t step) {
  const int density = schedule.steps[step].density;
  return {columns_of(schedule, layout, run.stage, run.panel, step).count() * density,
          std::min(layout.cells_y, layout.stages[run.stage].band_cells) * density,
          layout.is_whole(run.stage)};
}

int parts_of(const Schedule& schedule, const PreparedOperations& prepared, const Layout& layout,
             const Run& run, size_t step, int threads) {
  const BandShape shape = shape_of(schedule, layout, run, step);
  return prepared[step] ? prepared[step]->parts(shape, threads) : std::min(shape.rows, threads);
}

/// Which parts of steps read which parts of others.
class Reading {
 public:
  Reading(const Graph& graph, const Schedule& schedule, const PreparedOperations& prepared,
          const Layout& layout, const Run& run, int threads)
      : graph_(graph), schedule_(schedule), plan_(layout.stages[run.stage]) {
    const Stage& stage = schedule.stages[run.stage];
    first_step_ = stage.begin;
    for (size_t step = stage.begin; step < stage.end; ++step) {
      const int density = schedule.steps[step].density;
      const Columns columns = columns_of(schedule, layout, run.stage, run.panel, step);
      const BandShape shape = shape_of(schedule, layout, run, step);
      const int count = parts_of(schedule, prepared, layout, run, step, threads);
      std::vector<BandPart>& parts = parts_.emplace_back();
      for (int number = 0; number < count; ++number) {
        BandPart part =
            part_of(graph.operations[step], prepared[step].get(), {step, 0, number, count}, shape);
        part.column_begin = part.column_begin == 0 ? 0 : part.column_begin + columns.begin * density;
        part.column_end += columns.begin * density;
        parts.push_back(part);
      }
    }
  }

  /// For each need of a step and each of its parts.
  std::vector<PartSet> of(size_t step) const {
    std::vector<PartSet> result;
    for (const Dependence& need : schedule_.steps[step].needs)
      for (const BandPart& part : parts(step)) result.push_back(of(step, part, need));
    return result;
  }

 private:
  /// Of a band that is not the last: rows from its corner on, columns of the picture. The first part of a
  /// panel has what was kept of the panel before, too.
  const std::vector<BandPart>& parts(size_t step) const { return parts_[step - first_step_]; }

  PartSet of(size_t step, const BandPart& own, const Dependence& need) const {
    const std::vector<BandPart>& read = parts(need.step);
    if (!need.reads || read.size() > static_cast<size_t>(most_parts_in_set)) return whole_band;
    // In the pixels of what is read, counted from the corner of the last band needed.
    const int density = schedule_.steps[step].density, read_density = schedule_.steps[need.step].density;
    const int radius = radius_of(graph_.operations[step]);
    const auto first = [&](int pixel) { return (pixel - radius) * read_density / density - 1; };
    const auto end = [&](int pixel) { return (pixel + radius) * read_density / density + 1; };
    const int bands_before = (need.ahead - 1) * plan_.band_cells * read_density;
    const int top = first(own.row_begin) - bands_before, bottom = end(own.row_end) - bands_before;
    const int left = first(own.column_begin), right = end(own.column_end);
    PartSet result = 0;
    for (size_t other = 0; other < read.size(); ++other) {
      const BandPart& there = read[other];
      if (there.row_begin < bottom && top < there.row_end && there.column_begin < right &&
          left < there.column_end)
        result |= PartSet{1} << other;
    }
    return result;
  }

  const Graph& graph_;
  const Schedule& schedule_;
  const StagePlan& plan_;
  size_t first_step_ = 0;
  std::vector<std::vector<BandPart>> parts_;  // of each step of the stage
};

/// Bands of about as many tiles for each thread; panels where one row of tiles is more than that.
StagePlan plan_stage(const Schedule& schedule, const Stage& stage, int cells_x, int cells_y, int threads) {
  constexpr int tiles_for_a_thread = 24;
  const int unit_tiles = stage.unit * stage.density / schedule_tile;  // along an axis
  const int units = ceil_div(cells_x, stage.unit), wanted = tiles_for_a_thread * threads;
  // Panels must be wider than what a step can lie to the left, and hold whole tiles.
  bool aligned_tiles = true;
  for (size_t i = stage.begin; i < stage.end; ++i)
    aligned_tiles = aligned_tiles && stage.unit * schedule.steps[i].density % schedule_tile == 0;
  const int most = units / (2 * stage.lead + 2);
  const int panels =
      aligned_tiles ? std::max(1, std::min(most, units * unit_tiles * unit_tiles / wanted)) : 1;
  StagePlan plan;
  plan.panels.push_back(0);
  for (int p = 1; p < panels; ++p)  // of the middle step's columns all panels have as many
    plan.panels.push_back((units * p / panels + stage.lead / 2) * stage.unit);
  plan.panels.push_back(cells_x);
  const int tiles = ceil_div(cells_x / panels * stage.density, schedule_tile) * unit_tiles;
  plan.band_cells = stage.unit * ceil_div(wanted, std::max(1, tiles));
  plan.band_cells = std::min(plan.band_cells, ceil_div(cells_y, stage.unit) * stage.unit);
  plan.bands = ceil_div(cells_y, plan.band_cells);
  return plan;
}

/// Gives maps, transforms and the threads' scratch their places.
class Placement {
 public:
  Placement(const Graph& graph, const Schedule& schedule, const PreparedOperations& prepared, Layout& layout,
            int threads)
      : graph_(graph), schedule_(schedule), prepared_(prepared), layout_(layout), threads_(threads) {}

  void run() {
    layout_.maps.resize(graph_.maps.size());
    layout_.kept.resize(graph_.maps.size());
    layout_.transforms.resize(schedule_.transforms.size());
    layout_.band_floats.resize(schedule_.transforms.size());
    // Maps and transforms that live in one stage lie together in one claim for each stage.
    for (size_t s = 0; s < schedule_.stages.size(); ++s) claims_.push_back({s, s, 0});
    claim_of_.resize(graph_.maps.size());
    for (size_t m = 0; m < graph_.maps.size(); ++m)
      if (!schedule_.maps[m].external) place_map(m);
    for (size_t s = 0; s < schedule_.stages.size(); ++s)
      for (const size_t t : schedule_.stages[s].transforms) place_transform(s, t);
    layout_.total = place(claims_);
    for (size_t m = 0; m < graph_.maps.size(); ++m) {
      if (schedule_.maps[m].external) continue;
      layout_.maps[m] += claims_[claim_of_[m]].offset;
      layout_.kept[m] += claims_[claim_of_[m]].offset;
    }
    for (size_t s = 0; s < schedule_.stages.size(); ++s)
      for (const size_t t : schedule_.stages[s].transforms) layout_.transforms[t] += claims_[s].offset;
    layout_.zeros = layout_.total;
    layout_.total += aligned(zeros_ + static_cast<size_t>(layout_.zeros_border));
    place_scratch();
  }

 private:
  size_t claim(size_t stage, size_t floats) {
    const size_t at = claims_[stage].floats;
    claims_[stage].floats += floats;
    return at;
  }

  /// The most columns of cells that a step computes at a time.
  template <typename ColumnsOf>
  int widest(size_t stage, const ColumnsOf& columns) const {
    int most = 0;
    for (size_t panel = 0; panel < layout_.stages[stage].panel_count(); ++panel)
      most = std::max(most, columns(panel).count());
    return most;
  }

  void place_map(size_t m) {
    const MapLife& life = schedule_.maps[m];
    const MapSpec& spec = graph_.maps[m];
    const auto channels = static_cast<size_t>(spec.channels);
    const bool windowed = life.bands > 0 && !layout_.is_whole(life.first);
    int columns = layout_.cells_x * spec.density + 2 * life.border, rows = layout_.cells_y * spec.density;
    if (windowed)
      columns = widest(life.first,
                       [&](size_t panel) {
                         return columns_of(schedule_, layout_, life.first, panel, life.writer);
                       }) *
                    spec.density +
                life.kept + life.border;
    const size_t row = static_cast<size_t>(columns) * channels;
    zeros_ = std::max(zeros_, row);
    layout_.zeros_border = std::max(layout_.zeros_border, life.border * spec.channels);
    if (life.bands == 0) {
      claim_of_[m] = claims_.size();
      claims_.push_back({life.first, life.last, aligned(row * static_cast<size_t>(rows))});
      return;
    }
    claim_of_[m] = life.first;
    if (windowed)
      layout_.kept[m] = claim(
          life.first, aligned(static_cast<size_t>(2 * life.kept) * channels * static_cast<size_t>(rows)));
    rows = std::min(rows, life.bands * layout_.stages[life.first].band_cells * spec.density);
    layout_.maps[m] = claim(life.first, aligned(row * static_cast<size_t>(rows)));
  }

  void place_transform(size_t s, size_t t) {
    const TransformSpec& transform = schedule_.transforms[t];
    const StagePlan& plan = layout_.stages[s];
    const int columns = widest(
        s, [&](size_t panel) { return columns_of_transform(schedule_, layout_, s, panel, transform); });
    layout_.band_floats[t] =
        aligned(prepared_[transform.step]->transformed_bytes(transform.channels, columns * transform.density,
                                                             plan.band_cells * transform.density) /
                    sizeof(float) +
                1);
    layout_.transforms[t] =
        claim(s, layout_.band_floats[t] * static_cast<size_t>(std::min(plan.bands, transform.bands)));
  }

  void place_scratch() {
    layout_.scratch = layout_.total;
    for (const Run& run : layout_.runs) {
      const Stage& stage = schedule_.stages[run.stage];
      for (size_t i = stage.begin; i < stage.end; ++i) {
        if (!prepared_[i]) continue;
        std::vector<int> own;
        for (const TransformUse& use : schedule_.steps[i].transforms)
          if (use.own) own.push_back(schedule_.transforms[use.transform].channels);
        const size_t bytes =
            prepared_[i]->scratch_bytes(shape_of(schedule_, layout_, run, i),
                                        parts_of(schedule_, prepared_, layout_, run, i, threads_), own);
        layout_.scratch_floats = std::max(layout_.scratch_floats, aligned(bytes / sizeof(float)));
      }
    }
    layout_.total += layout_.scratch_floats * static_cast<size_t>(threads_);
  }

  const Graph& graph_;
  const Schedule& schedule_;
  const PreparedOperations& prepared_;
  Layout& layout_;
  int threads_;
  std::vector<Claim> claims_;
  std::vector<size_t> claim_of_;  // of each map
  size_t zeros_ = 0;
};

}  // namespace

Columns columns_of(const Schedule& schedule, const Layout& layout, size_t stage, size_t panel, size_t step) {
  const StagePlan& plan = layout.stages[stage];
  const int left = (schedule.stages[stage].lead - schedule.steps[step].lead) * schedule.stages[stage].unit;
  const auto boundary = [&](size_t number) {
    return number == 0 || number == plan.panel_count() ? plan.panels[number] : plan.panels[number] - left;
  };
  return {boundary(panel), boundary(panel + 1)};
}

Columns columns_of_transform(const Schedule& schedule, const Layout& layout, size_t stage, size_t panel,
                             const TransformSpec& transform) {
  Columns columns = columns_of(schedule, layout, stage, panel, transform.step);
  columns.begin = std::max(0, columns.begin - transform.lag * schedule.stages[stage].unit);
  return columns;
}

BandPart part_of(const Operation& operation, const PreparedConvolution* prepared, const Item& item,
                 const BandShape& shape) {
  if (prepared != nullptr) return prepared->part_of(item.part, item.parts, shape);
  // A pixel-shuffle is cut between rows of the deep side.
  const int unit = std::visit(Overloaded{[](const Convolution&) { return 1; },
                                         [](const PixelShuffle& op) { return op.inverse ? 1 : op.factor; },
                                         [](const AddUpsampled&) { return 1; }, [](const Silu&) { return 1; },
                                         [](const SymmetricGate&) { return 1; }},
                              operation);
  BandPart part = part_of_rows(item.part, item.parts, {shape.width, shape.rows / unit});
  part.row_begin *= unit;
  part.row_end *= unit;
  return part;
}

Layout lay_out(const Graph& graph, const Schedule& schedule, const PreparedOperations& prepared, int cells_x,
               int cells_y, int threads) {
  Layout layout;
  layout.cells_x = cells_x;
  layout.cells_y = cells_y;
  for (size_t s = 0; s < schedule.stages.size(); ++s) {
    layout.stages.push_back(plan_stage(schedule, schedule.stages[s], cells_x, cells_y, threads));
    for (size_t panel = 0; panel < layout.stages[s].panel_count(); ++panel)
      layout.runs.push_back({s, panel, {}});
  }
  Placement(graph, schedule, prepared, layout, threads).run();
  return layout;
}

void find_reads(const Graph& graph, const Schedule& schedule, const PreparedOperations& prepared,
                Layout& layout, int threads) {
  for (Run& run : layout.runs) {
    const Stage& stage = schedule.stages[run.stage];
    const Reading reading(graph, schedule, prepared, layout, run, threads);
    for (size_t step = stage.begin; step < stage.end; ++step) run.reads.push_back(reading.of(step));
  }
}

std::vector<Item> items_of(const Schedule& schedule, const PreparedOperations& prepared, const Layout& layout,
                           const Run& run, int threads) {
  const Stage& stage = schedule.stages[run.stage];
  const StagePlan& plan = layout.stages[run.stage];
  std::vector<Item> items;
  for (int turn = 0; turn < plan.bands + stage.lead; ++turn)
    for (size_t i = stage.begin; i < stage.end; ++i) {
      const Step& step = schedule.steps[i];
      const int band = turn - (stage.lead - step.lead);
      if (band < 0 || band >= plan.bands) continue;
      const int parts = parts_of(schedule, prepared, layout, run, i, threads);
      for (int part = 0; part < parts; ++part) items.push_back({i, band, part, parts});
    }
  return items;
}

}  // namespace esrgan
