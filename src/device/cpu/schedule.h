// In which order the operations of a graph run, and where their maps lie.
//
// Operations of a stage advance together, a band of rows at a time: a band of the first, then of the second
// as far as the first has come, and so on. What one writes the next reads while it is still in the caches,
// and of a map that is used in its stage only the latest bands are held. All threads take bands, or parts of
// bands, in one fixed order and wait for what these need; no operation waits for the whole of another, and
// within a picture no part of a band for more of the band before than it reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "device/cpu/kernels/convolutions.h"
#include "graph/graph.h"

namespace esrgan {

/// A step may run its band b when bands up to b + ahead - 1 of another step are done. Of the last of them a
/// part needs only those parts that it reads, where `reads`: the others have read what it writes over.
struct Dependence {
  size_t step;
  int ahead;
  bool reads;
};

/// Where a step finds one of its inputs transformed.
struct TransformUse {
  size_t transform;
  bool fill;
};

/// One operation: step i is operation i.
struct Step {
  int density = 1;                ///< of the output
  int lead = 0;                   ///< bands that it runs ahead of the last of its stage
  int reach = 0;                  ///< bands that it looks up and down
  std::vector<Dependence> needs;  ///< within the stage
  std::vector<TransformUse> transforms;
};

/// The transformed form of a map, shared by several convolutions of a stage.
struct TransformSpec {
  MapId map = 0;
  size_t step = 0;  ///< that makes it
  int bands = 0;    ///< held
  int channels = 0, density = 1;
};

struct Stage {
  size_t begin = 0, end = 0;  ///< steps
  int unit = 1;               ///< bands are a multiple of this many rows of cells
  int lead = 0;               ///< of the step that is farthest ahead
  int density = 1;            ///< the least of its outputs'
  std::vector<size_t> transforms;
};

/// Life of a map: in stages.
struct MapLife {
  size_t first = 0, last = 0;
  int bands = 0;          ///< held of a map that lives in one stage; 0 when all of it is
  int border = 0;         ///< columns of zeros on either side
  bool external = false;  ///< the caller's memory: the network's output
};

/// What does not depend on the size of the picture.
struct Schedule {
  std::vector<Stage> stages;
  std::vector<Step> steps;
  std::vector<TransformSpec> transforms;
  std::vector<MapLife> maps;
};

using PreparedOperations =
    std::vector<std::unique_ptr<PreparedConvolution>>;  // null where it is no convolution

Schedule make_schedule(const Graph& graph, const PreparedOperations& prepared);

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
  /// Of each step, for each of its needs and then each of its parts: what this reads of the last band needed,
  /// in a picture without end. Set by find_reads().
  std::vector<std::vector<PartSet>> reads;
};

/// Where everything lies when the grid has cells_x x cells_y cells. Offsets in floats.
struct Layout {
  int cells_x = 0, cells_y = 0;
  std::vector<StagePlan> stages;
  std::vector<size_t> maps;         ///< where the memory of a map starts, its border included
  std::vector<size_t> transforms;   ///< where the first band of a transform lies
  std::vector<size_t> band_floats;  ///< of each transform
  size_t zeros = 0;                 ///< where the row of zeros starts
  int zeros_border = 0;             ///< pixels of it before its pixel 0, in floats
  size_t scratch = 0;               ///< where the threads' scratch starts
  size_t scratch_floats = 0;        ///< of one thread
  size_t total = 0;
};

/// Memory alone: quick, for planning.
Layout lay_out(const Graph& graph, const Schedule& schedule, const PreparedOperations& prepared, int cells_x,
               int cells_y, int threads);

/// What is needed to run as well.
void find_reads(const Graph& graph, const Schedule& schedule, const PreparedOperations& prepared,
                Layout& layout, int threads);

/// What an item computes of its band of width x rows.
BandPart part_of(const Operation& operation, const PreparedConvolution* prepared, const Item& item, int width,
                 int rows);

/// Everything that a stage computes, in the order in which it is to be taken.
std::vector<Item> items_of(const Schedule& schedule, const PreparedOperations& prepared, const Layout& layout,
                           size_t stage, int threads);

}  // namespace esrgan
