// How the steps of a schedule go through a picture of one size, and where its maps lie in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "device/cpu/schedule.h"

namespace esrgan {

/// Part of a band of a step.
struct Item {
  size_t step;
  int band, part, parts;
};

/// Some parts of a band, a bit for each.
using PartSet = uint64_t;
constexpr PartSet whole_band = ~PartSet{0};
constexpr int most_parts_in_set = 63;

struct StagePlan {
  int band_cells = 0;  ///< rows of cells in a band
  int bands = 0;
  /// Where each panel begins, in cells, of the step that is farthest ahead; behind them the picture's width.
  std::vector<int> panels;

  size_t panel_count() const { return panels.size() - 1; }
};

/// A stage's work on one panel.
struct Run {
  size_t stage = 0, panel = 0;
  /// Of each step, for each of its needs and then each of its parts: what this reads of the last band needed,
  /// in a picture without end. Set by find_reads().
  std::vector<std::vector<PartSet>> reads;
};

struct Columns {
  int begin = 0, end = 0;

  int count() const { return end - begin; }
};

/// Where everything lies when the grid has cells_x x cells_y cells. Offsets in floats.
struct Layout {
  int cells_x = 0, cells_y = 0;
  std::vector<StagePlan> stages;
  std::vector<Run> runs;            ///< in their order
  std::vector<size_t> maps;         ///< where the memory of a map starts, its border included
  std::vector<size_t> kept;         ///< where the columns start that are kept for the next panel: twice
                                    ///< [height][kept][channels], for panels with even and odd numbers
  std::vector<size_t> transforms;   ///< where the first band of a transform lies
  std::vector<size_t> band_floats;  ///< of each transform
  size_t zeros = 0;                 ///< where the row of zeros starts
  int zeros_border = 0;             ///< pixels of it before its pixel 0, in floats
  size_t scratch = 0;               ///< where the threads' scratch starts
  size_t scratch_floats = 0;        ///< of one thread
  size_t total = 0;

  /// Whether a stage does the whole width at once.
  bool is_whole(size_t stage) const { return stages[stage].panel_count() == 1; }
};

/// Memory alone: quick, for planning.
Layout lay_out(const Graph& graph, const Schedule& schedule, const PreparedOperations& prepared, int cells_x,
               int cells_y, int threads);

/// What is needed to run as well.
void find_reads(const Graph& graph, const Schedule& schedule, const PreparedOperations& prepared,
                Layout& layout, int threads);

/// The columns of cells that a step computes of a panel.
Columns columns_of(const Schedule& schedule, const Layout& layout, size_t stage, size_t panel, size_t step);

/// Of a transform, the columns of cells that are held in a panel.
Columns columns_of_transform(const Schedule& schedule, const Layout& layout, size_t stage, size_t panel,
                             const TransformSpec& transform);

/// What an item computes of its band.
BandPart part_of(const Operation& operation, const PreparedConvolution* prepared, const Item& item,
                 const BandShape& shape);

/// Everything that a run computes, in the order in which it is to be taken.
std::vector<Item> items_of(const Schedule& schedule, const PreparedOperations& prepared, const Layout& layout,
                           const Run& run, int threads);

}  // namespace esrgan
