// In which order the operations of a graph run.
//
// Operations of a stage advance together, a band of rows at a time: a band of the first, then of the second
// as far as the first has come, and so on. What one writes the next reads while it is still in the caches,
// and of a map that is used in its stage only the latest bands are held. All threads take bands, or parts of
// bands, in one fixed order and wait for what these need; no operation waits for the whole of another, and
// within a picture no part of a band for more of the band before than it reads.
//
// A wide picture is cut into panels of columns, which a stage does one after the other, so that what is held
// of its bands fits the caches. An operation's panel lies as many units farther to the left as it runs behind
// in rows: what it reads on the right is there, and what it reads on the left, of the panel before, was kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "device/cpu/kernels/convolutions.h"
#include "graph/graph.h"

namespace esrgan {

/// Bands and panels end where the tiles of transforms do: pixels.
constexpr int schedule_tile = 4;

inline int ceil_div(int value, int by) {
  return (value + by - 1) / by;
}

/// A step may run its band b when bands up to b + ahead - 1 of another step are done. Of the last of them a
/// part needs only those parts that it reads, where `reads`: the others have read what it writes over.
struct Dependence {
  size_t step;
  int ahead;
  bool reads;
};

/// Where a step finds one of its inputs transformed. Its own: no other step uses it, and it lies in scratch.
struct TransformUse {
  size_t transform;
  bool fill, own;
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
  int lag = 0;  ///< units that the last of its users runs behind its maker
};

struct Stage {
  size_t begin = 0, end = 0;  ///< steps
  int unit = 1;               ///< bands and panels are a multiple of this many cells
  int lead = 0;               ///< of the step that is farthest ahead
  int density = 1;            ///< the least of its outputs'
  std::vector<size_t> transforms;
};

/// Life of a map: in stages.
struct MapLife {
  size_t first = 0, last = 0;
  int bands = 0;          ///< held of a map that lives in one stage; 0 when all of it is
  int border = 0;         ///< columns of zeros on either side
  size_t writer = 0;      ///< step
  int kept = 0;           ///< columns that are read of the panel before
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

}  // namespace esrgan
