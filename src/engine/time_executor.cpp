#include "engine/time_executor.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <utility>
#include <vector>

#include "model/families/time_head.h"

namespace esrgan {
namespace {

/// Windows of one part of a picture, of which each follows the one before: the frames, and their maps, as the
/// trunk takes them.
struct Strand {
  int width = 0, height = 0;
  int shift = -1;  ///< by how many frames the window at hand is further than these; negative: it is another's
  std::vector<float> frames, maps;
};

class TimeExecutor : public Executor {
 public:
  TimeExecutor(const Graph& whole, std::unique_ptr<Executor> frame, std::unique_ptr<Executor> trunk,
               ThreadPool& pool)
      : Executor(whole), frame_(std::move(frame)), trunk_(std::move(trunk)), pool_(pool) {}

  MemoryNeed memory_for(int width, int height) const override {
    const MemoryNeed frame = frame_->memory_for(width, height), trunk = trunk_->memory_for(width, height);
    const uint64_t pixel =
        frame_->in_channels() + frame_->out_channels() + in_channels() + trunk_->in_channels();
    return {std::max(frame.host, trunk.host) +
                sizeof(float) * static_cast<uint64_t>(width) * static_cast<uint64_t>(height) * pixel,
            std::max(frame.device, trunk.device)};
  }
  // A part that is computed by itself would need frames of its own.
  std::optional<int> computational_reach() const override { return {}; }
  int computational_multiple() const override {
    return std::max(frame_->computational_multiple(), trunk_->computational_multiple());
  }

 private:
  void run_checked(const float* in, int width, int height, float* out, const RunControl& control) override {
    Strand strand = strand_for(in, width, height);
    const size_t pixels = pixels_of(width, height), numbers = pixels * static_cast<size_t>(in_channels());
    // Until all is done nothing is kept: an error or a stop may come between.
    const int known = known_maps(strand);
    strand.maps.resize(pixels * static_cast<size_t>(trunk_->in_channels()));
    for (int i = known; i < maps_of_window; ++i) compute_map(strand, in, width, height, i, control);
    trunk_->run(strand.maps.data(), width, height, out, control);
    strand.frames.assign(in, in + numbers);
    strand.width = width;
    strand.height = height;
    strands_.push_front(std::move(strand));
    while (strands_.size() > 1 && held() > most_held) strands_.pop_back();
  }

  static size_t pixels_of(int width, int height) {
    return static_cast<size_t>(width) * static_cast<size_t>(height);
  }
  size_t channels() const { return static_cast<size_t>(frame_->in_channels() / frames_of_convolution); }
  size_t features() const { return static_cast<size_t>(frame_->out_channels()); }

  uint64_t held() const {
    uint64_t bytes = 0;
    for (const Strand& strand : strands_)
      bytes += sizeof(float) * (strand.frames.size() + strand.maps.size());
    return bytes;
  }

  /// The strand whose next window this may be: its frames but the first are the window's but the last. Taken
  /// out.
  Strand strand_for(const float* in, int width, int height) {
    for (auto strand = strands_.begin(); strand != strands_.end(); ++strand) {
      if (strand->width != width || strand->height != height) continue;
      strand->shift = shift_of(*strand, in);
      if (strand->shift < 0) continue;
      Strand found = std::move(*strand);
      strands_.erase(strand);
      return found;
    }
    return {};
  }

  /// By how many frames a window is further than the strand's last: 0, 1, or -1 when it is another's.
  int shift_of(const Strand& strand, const float* in) const {
    const size_t frame = channels(), window = static_cast<size_t>(in_channels()),
                 pixels = pixels_of(strand.width, strand.height);
    for (const size_t shift : {size_t{1}, size_t{0}}) {
      const size_t bytes = sizeof(float) * (window - shift * frame);
      size_t pixel = 0;
      while (pixel < pixels && std::memcmp(strand.frames.data() + pixel * window + shift * frame,
                                           in + pixel * window, bytes) == 0)
        ++pixel;
      if (pixel == pixels) return static_cast<int>(shift);
    }
    return -1;
  }

  /// How many of the window's maps are there, from the first on; moves them to their places.
  int known_maps(Strand& strand) {
    if (strand.shift < 0) return 0;
    if (strand.shift == 0) return maps_of_window;
    const size_t map = features(), window = map * maps_of_window;
    for_pixels(strand.maps.size() / window, [&](size_t pixel) {
      float* const maps = strand.maps.data() + pixel * window;
      std::copy(maps + map, maps + window, maps);
    });
    return maps_of_window - 1;
  }

  void compute_map(Strand& strand, const float* in, int width, int height, int number,
                   const RunControl& control) {
    const size_t pixels = pixels_of(width, height), taken = channels() * frames_of_convolution,
                 first = static_cast<size_t>(number) * channels(),
                 window = static_cast<size_t>(in_channels());
    frames_.resize(pixels * taken);
    map_.resize(pixels * features());
    for_pixels(pixels, [&](size_t pixel) {
      std::copy_n(in + pixel * window + first, taken, frames_.data() + pixel * taken);
    });
    frame_->run(frames_.data(), width, height, map_.data(), control);
    const size_t map = features(), at = static_cast<size_t>(number) * map, all = map * maps_of_window;
    for_pixels(pixels, [&](size_t pixel) {
      std::copy_n(map_.data() + pixel * map, map, strand.maps.data() + pixel * all + at);
    });
  }

  template <typename PixelFunction>
  void for_pixels(size_t count, const PixelFunction& function) {
    constexpr size_t part = 1U << 14U;
    pool_.parallel_for((count + part - 1) / part, [&](size_t index, int) {
      for (size_t pixel = index * part; pixel < std::min(count, (index + 1) * part); ++pixel) function(pixel);
    });
  }

  static constexpr uint64_t most_held = uint64_t{256} << 20U;

  std::unique_ptr<Executor> frame_, trunk_;
  ThreadPool& pool_;
  std::list<Strand> strands_;  // the last used first
  std::vector<float> frames_, map_;
};

}  // namespace

std::unique_ptr<Executor> compile_in_time(Device& device, const Model& model, bool half, ThreadPool& pool) {
  TimeParts parts = build_time_parts(model);
  auto frame = device.compile(std::move(parts.frame), half);
  auto trunk = device.compile(std::move(parts.trunk), half);
  return std::make_unique<TimeExecutor>(build_graph(model), std::move(frame), std::move(trunk), pool);
}

}  // namespace esrgan
