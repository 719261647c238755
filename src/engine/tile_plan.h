// How a picture is cut into tiles.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "device/device.h"

namespace esrgan {

/// Widest blending to either side of a boundary, in input pixels; a wider ramp changes nothing that can be
/// seen.
constexpr int largest_blend = 8;

/// A tile along one axis, in input pixels. The network sees [begin, end); the tile answers for [core_begin,
/// core_end), blended with its neighbours `blend` pixels to either side of an inner boundary. With wrapped
/// edges begin may be negative and end may exceed the picture.
struct TileSpan {
  int core_begin, core_end;
  int begin, end;
};

struct AxisPlan {
  std::vector<TileSpan> tiles;
  int blend = 0;    ///< input pixels
  int largest = 0;  ///< largest end - begin
};

/// Cuts `extent` pixels into tiles of about `tile` (0: one), all about equally large. The bounds of what the
/// network sees are multiples of `multiple`; beyond the picture's end it is padded.
AxisPlan plan_axis(int extent, int tile, int halo, int multiple, bool wrap);

struct TilePlan {
  AxisPlan x, y;
};

/// What bounds the choice of a tile size.
struct TileLimits {
  int width, height;  ///< of the picture
  int halo;
  int multiple;
  bool wrap;
  MemoryNeed memory;  ///< that there is
  /// What is needed when the plan is carried out.
  std::function<MemoryNeed(const TilePlan&)> cost;

  bool fits(const MemoryNeed& need) const { return need.host <= memory.host && need.device <= memory.device; }
  /// For people: of the memory that does not suffice, how much there is, and how much is needed.
  std::string text_of_ceiling(const MemoryNeed& need) const;
  std::string text_of_need(const MemoryNeed& need) const;
};

/// Of all plans that fit into memory the one that computes least; Error when none fits.
TilePlan choose_tiles(const TileLimits& limits);

/// The plan for tiles of a given size; 0 for the whole picture.
TilePlan fixed_tiles(const TileLimits& limits, int tile);

/// Weight in (0, 1] of a tile's output pixel at `position` (output pixels along the axis): 1 in the core,
/// falling linearly across inner boundaries so that neighbours add up to 1, 0 outside.
float blend_weight(const AxisPlan& plan, size_t tile, int position, int scale);

}  // namespace esrgan
