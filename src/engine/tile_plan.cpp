#include "engine/tile_plan.h"

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/memory.h"

namespace esrgan {
namespace {

int round_down(int value, int multiple) {
  const int remainder = ((value % multiple) + multiple) % multiple;
  return value - remainder;
}

int round_up(int value, int multiple) {
  return round_down(value + multiple - 1, multiple);
}

/// Pixels that the network computes in all.
double work(const TilePlan& plan) {
  double x = 0, y = 0;
  for (const TileSpan& tile : plan.x.tiles) x += tile.end - tile.begin;
  for (const TileSpan& tile : plan.y.tiles) y += tile.end - tile.begin;
  return x * y;
}

}  // namespace

AxisPlan plan_axis(int extent, int tile, int halo, int multiple, bool wrap) {
  const int count = tile <= 0 ? 1 : std::max(1, (extent + tile - 1) / tile);
  AxisPlan plan;
  plan.blend = count > 1 ? std::min({largest_blend, halo / 2, extent / count / 2}) : 0;
  for (int i = 0; i < count; ++i) {
    TileSpan span{};
    span.core_begin = static_cast<int>(static_cast<int64_t>(extent) * i / count);
    span.core_end = static_cast<int>(static_cast<int64_t>(extent) * (i + 1) / count);
    const int low = span.core_begin - halo, high = span.core_end + halo;
    span.begin = round_down(wrap ? low : std::max(low, 0), multiple);
    span.end = round_up(wrap ? high : std::min(high, extent), multiple);
    plan.largest = std::max(plan.largest, span.end - span.begin);
    plan.tiles.push_back(span);
  }
  return plan;
}

namespace {

TilePlan plan_tiles(const TileLimits& limits, int width, int height) {
  return {plan_axis(limits.width, width, limits.halo, limits.multiple, limits.wrap),
          plan_axis(limits.height, height, limits.halo, limits.multiple, limits.wrap)};
}

}  // namespace

TilePlan fixed_tiles(const TileLimits& limits, int tile) {
  return plan_tiles(limits, tile, tile);
}

TilePlan choose_tiles(const TileLimits& limits) {
  constexpr std::array<int, 22> sizes{16,  24,  32,  48,  64,  80,  96,  128,  160,  192,  224,
                                      256, 320, 384, 448, 512, 640, 768, 1024, 1280, 1536, 2048};
  constexpr int64_t most_pixels = int64_t{1} << 21U;  // a frame of 1920x1080 is one tile
  // Sizes that cut a side into equally many tiles are one choice.
  const auto choices = [&](int extent) {
    std::vector<int> distinct;
    int last_count = 0;
    for (const int size : sizes) {
      const int count = (extent - 1) / size + 1;
      if (count != last_count) distinct.push_back(size);
      last_count = count;
    }
    return distinct;
  };
  std::vector<TilePlan> plans;
  for (const int width : choices(limits.width))
    for (const int height : choices(limits.height)) {
      TilePlan plan = plan_tiles(limits, width, height);
      if (int64_t{plan.x.largest} * plan.y.largest <= most_pixels) plans.push_back(std::move(plan));
    }
  // What a plan costs takes long to find out: the first that fits is the best.
  std::stable_sort(plans.begin(), plans.end(),
                   [](const TilePlan& a, const TilePlan& b) { return work(a) < work(b); });
  MemoryNeed least{UINT64_MAX, UINT64_MAX};
  for (TilePlan& plan : plans) {
    const MemoryNeed need = limits.cost(plan);
    if (limits.fits(need)) return std::move(plan);
    least = {std::min(least.host, need.host), std::min(least.device, need.device)};
  }
  throw Error(ErrorKind::out_of_resources, "",
              "the memory ceiling is too low for this picture and network, even with the smallest tiles",
              "at least " + limits.text_of_need(least), limits.text_of_ceiling(least));
}

std::string TileLimits::text_of_ceiling(const MemoryNeed& need) const {
  if (need.host > memory.host) return format_memory_size(memory.host) + " (see --max-memory)";
  return format_memory_size(memory.device) + " of the GPU (see --max-memory-device)";
}

std::string TileLimits::text_of_need(const MemoryNeed& need) const {
  return format_memory_size(need.host > memory.host ? need.host : need.device);
}

float blend_weight(const AxisPlan& plan, size_t tile, int position, int scale) {
  const TileSpan& span = plan.tiles[tile];
  const int ramp = 2 * plan.blend * scale;
  float weight = 1;
  const auto along = [&](int boundary, bool rising) {
    const int offset = position - (boundary - plan.blend) * scale;
    float rise = offset >= 0 ? 1.0F : 0.0F;
    if (ramp > 0 && offset >= 0 && offset < ramp)
      rise = (static_cast<float>(offset) + 0.5F) / static_cast<float>(ramp);
    weight *= rising ? rise : 1 - rise;
  };
  if (tile > 0) along(span.core_begin, true);
  if (tile + 1 < plan.tiles.size()) along(span.core_end, false);
  return weight;
}

}  // namespace esrgan
