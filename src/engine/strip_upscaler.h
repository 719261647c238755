// Enlarges a picture strip by strip: rows of tiles from a source to a sink.
#pragma once

#include <array>
#include <vector>

#include "engine/tile_plan.h"
#include "engine/tile_runner.h"
#include "image/rows.h"

namespace esrgan {

/// What upscale_strips() works in, to be used again for pictures of the same size.
struct StripMemory {
  std::vector<float> window, canvas;
  std::array<std::vector<float>, 2> tiles;  // one is computed while the next is there already
};

/// Reads every row of `source` once, top to bottom (with wrapped edges the source must allow random access),
/// and writes the enlarged rows to `sink` in order; holds one row of tiles in memory, and the tile that comes
/// next. Does not call sink.finish().
void upscale_strips(RowSource& source, RowSink& sink, TileRunner& runner, const TilePlan& plan, int scale,
                    bool wrap, StripMemory& memory, const RunControl& control);

/// Bytes that upscale_strips() holds beside what the source, the sink and the network's weights take.
MemoryNeed strips_memory(const ImageInfo& info, const TileRunner& runner, const TilePlan& plan, int scale);

}  // namespace esrgan
