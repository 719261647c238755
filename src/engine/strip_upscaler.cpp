#include "engine/strip_upscaler.h"

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace esrgan {
namespace {

int wrap_index(int index, int extent) {
  return ((index % extent) + extent) % extent;
}

/// Beyond the right and lower edge, where the network wants a multiple: mirrored without repeating the edge.
int reflect_end(int index, int extent) {
  if (extent == 1) return 0;
  const int period = 2 * (extent - 1);
  index = wrap_index(index, period);
  return index < extent ? index : period - index;
}

class StripUpscaler {
 public:
  StripUpscaler(RowSource& source, RowSink& sink, TileRunner& runner, const TilePlan& plan, int scale,
                bool wrap, StripMemory& memory, const RunControl& control)
      : source_(source),
        sink_(sink),
        runner_(runner),
        plan_(plan),
        info_(source.info()),
        scale_(scale),
        wrap_(wrap),
        control_(control),
        out_channels_(runner.out_channels(channels_of(info_))),
        out_row_(static_cast<size_t>(info_.width) * static_cast<size_t>(scale * out_channels_)),
        window_(memory.window),
        tiles_(memory.tiles),
        canvas_(memory.canvas) {
    window_.clear();
  }

  void run() {
    if (plan_.x.tiles.size() * plan_.y.tiles.size() == 1) {
      run_whole();
      return;
    }
    reserve();
    // A tile is cut, and announced to the device, before the one that comes first is computed.
    const size_t columns = plan_.x.tiles.size(), tiles = columns * plan_.y.tiles.size();
    prepare(0);
    for (size_t number = 0; number < tiles; ++number) {
      if (control_.stop.stop_requested()) throw Cancelled();
      const size_t strip = number / columns, column = number % columns;
      if (number + 1 < tiles) {
        prepare(number + 1);
        announce(number + 1);
      }
      if (column == 0) start_canvas(strip);
      run_tile(strip, column);
      if (column + 1 == columns) emit(strip);
    }
  }

 private:
  /// One tile: its result goes to the sink as it is.
  void run_whole() {
    const TileSpan &down = plan_.y.tiles[0], &across = plan_.x.tiles[0];
    load_window(down);
    cut_tile(across, down, tiles_[0]);
    window_ = {};
    const int width = across.end - across.begin, height = down.end - down.begin;
    std::vector<float>& upscaled = runner_.run(tiles_[0], width, height, channels_of(info_), control_);
    const int rows = info_.height * scale_;
    if (width == info_.width && down.begin == 0) {
      upscaled.resize(static_cast<size_t>(rows) * out_row_);  // without what was added below
      return sink_.write_all(upscaled, rows);
    }
    const size_t row = static_cast<size_t>(width * scale_) * static_cast<size_t>(out_channels_);
    const float* from = upscaled.data() + static_cast<size_t>(-down.begin * scale_) * row +
                        static_cast<size_t>(-across.begin * scale_) * static_cast<size_t>(out_channels_);
    for (int y = 0; y < rows; ++y, from += row) sink_.write(from, 1);
  }

  /// All that will be needed, at once: a vector that grows holds its old and its new memory for a while.
  void reserve() {
    size_t canvas = 0;
    for (size_t strip = 0; strip < plan_.y.tiles.size(); ++strip)
      canvas = std::max(canvas, static_cast<size_t>(touched_end(strip) - touched_begin(strip)));
    canvas_.reserve(canvas * out_row_);
    window_.reserve(static_cast<size_t>(plan_.y.largest) * info_.row_samples());
    for (std::vector<float>& tile : tiles_)
      tile.reserve(static_cast<size_t>(plan_.x.largest) * static_cast<size_t>(plan_.y.largest) *
                   static_cast<size_t>(info_.channels));
  }

  // ---- input rows ----

  int source_row(int y) const { return wrap_ ? wrap_index(y, info_.height) : reflect_end(y, info_.height); }

  /// Makes rows [span.begin, span.end) available, reading each row of a sequential source once.
  void load_window(const TileSpan& span) {
    if (source_.random_access()) {
      window_first_ = span.begin;
      window_.resize(static_cast<size_t>(span.end - span.begin) * info_.row_samples());
      for (int y = span.begin; y < span.end; ++y) {
        const int row = source_row(y);
        source_.read(row, row + 1,
                     window_.data() + static_cast<size_t>(y - span.begin) * info_.row_samples());
      }
      return;
    }
    const int first = std::min(span.begin, info_.height), last = std::min(span.end, info_.height);
    const int forget = std::min(first, next_row_) - window_first_;
    window_.erase(window_.begin(), window_.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(forget) *
                                                                            info_.row_samples()));
    window_first_ += forget;
    if (last > next_row_) {
      window_.resize(static_cast<size_t>(last - window_first_) * info_.row_samples());
      source_.read(next_row_, last,
                   window_.data() + static_cast<size_t>(next_row_ - window_first_) * info_.row_samples());
      next_row_ = last;
    }
  }

  const float* window_row(int y) const {
    const int row = source_.random_access() ? y : source_row(y);
    return window_.data() + static_cast<size_t>(row - window_first_) * info_.row_samples();
  }

  std::vector<float>& tile(size_t number) { return tiles_[number % tiles_.size()]; }

  void prepare(size_t number) {
    const TileSpan& down = plan_.y.tiles[number / plan_.x.tiles.size()];
    const size_t column = number % plan_.x.tiles.size();
    if (column == 0) load_window(down);
    cut_tile(plan_.x.tiles[column], down, tile(number));
  }

  void announce(size_t number) {
    const TileSpan &down = plan_.y.tiles[number / plan_.x.tiles.size()],
                   &across = plan_.x.tiles[number % plan_.x.tiles.size()];
    runner_.announce(tile(number), across.end - across.begin, down.end - down.begin, channels_of(info_));
  }

  void cut_tile(const TileSpan& across, const TileSpan& down, std::vector<float>& tile) const {
    const auto channels = static_cast<size_t>(info_.channels);
    const int width = across.end - across.begin, height = down.end - down.begin;
    tile.resize(static_cast<size_t>(width) * static_cast<size_t>(height) * channels);
    float* to = tile.data();
    for (int y = down.begin; y < down.end; ++y) {
      const float* row = window_row(y);
      for (int x = across.begin; x < across.end; ++x, to += channels) {
        const int sx = wrap_ ? wrap_index(x, info_.width) : reflect_end(x, info_.width);
        std::copy_n(row + static_cast<size_t>(sx) * channels, channels, to);
      }
    }
  }

  // ---- output rows ----

  /// Rows of the output that a strip touches.
  int touched_begin(size_t strip) const {
    return (plan_.y.tiles[strip].core_begin - (strip > 0 ? plan_.y.blend : 0)) * scale_;
  }
  int touched_end(size_t strip) const {
    const bool last = strip + 1 == plan_.y.tiles.size();
    return (plan_.y.tiles[strip].core_end + (last ? 0 : plan_.y.blend)) * scale_;
  }

  float* canvas_row(int y) { return canvas_.data() + static_cast<size_t>(y - canvas_first_) * out_row_; }

  /// Some rows at a time, by all threads.
  template <typename RowFunction>
  void for_rows(int begin, int end, const RowFunction& function) {
    constexpr int rows = 16;
    runner_.pool().parallel_for(static_cast<size_t>((end - begin + rows - 1) / rows), [&](size_t part, int) {
      const int first = begin + static_cast<int>(part) * rows;
      for (int y = first; y < std::min(end, first + rows); ++y) function(y);
    });
  }

  /// The canvas keeps what the strip above left in the rows that both touch.
  void start_canvas(size_t strip) {
    const int begin = touched_begin(strip);
    const size_t kept =
        strip == 0 ? 0 : canvas_.size() - static_cast<size_t>(begin - canvas_first_) * out_row_;
    if (kept > 0) std::memmove(canvas_.data(), canvas_.data() + canvas_.size() - kept, kept * sizeof(float));
    canvas_.resize(static_cast<size_t>(touched_end(strip) - begin) * out_row_);
    canvas_first_ = begin;
    const int kept_rows = static_cast<int>(kept / out_row_);
    for_rows(begin + kept_rows, touched_end(strip),
             [&](int y) { std::fill_n(canvas_row(y), out_row_, 0.0F); });
  }

  void run_tile(size_t strip, size_t column) {
    const TileSpan& down = plan_.y.tiles[strip];
    const TileSpan& across = plan_.x.tiles[column];
    const int width = across.end - across.begin, height = down.end - down.begin;
    const std::vector<float>& upscaled =
        runner_.run(tile(strip * plan_.x.tiles.size() + column), width, height, channels_of(info_), control_);

    const auto channels = static_cast<size_t>(out_channels_);
    const int x_begin = std::max(0, (across.core_begin - plan_.x.blend) * scale_);
    const int x_end = std::min(info_.width, across.core_end + plan_.x.blend) * scale_;
    std::vector<float> weights;
    for (int x = x_begin; x < x_end; ++x) weights.push_back(blend_weight(plan_.x, column, x, scale_));
    for_rows(touched_begin(strip), touched_end(strip), [&](int y) {
      const float vertical = blend_weight(plan_.y, strip, y, scale_);
      const float* from = upscaled.data() + (static_cast<size_t>(y - down.begin * scale_) *
                                                 static_cast<size_t>(width * scale_) +
                                             static_cast<size_t>(x_begin - across.begin * scale_)) *
                                                channels;
      float* to = canvas_row(y) + static_cast<size_t>(x_begin) * channels;
      for (const float horizontal : weights)
        for (size_t c = 0; c < channels; ++c) *to++ += horizontal * vertical * *from++;
    });
  }

  /// Writes the rows to which no later strip adds.
  void emit(size_t strip) {
    const bool last = strip + 1 == plan_.y.tiles.size();
    const int end = last ? touched_end(strip) : touched_begin(strip + 1);
    if (plan_.y.tiles.size() == 1)
      sink_.write_all(canvas_, end);
    else
      sink_.write(canvas_.data(), end - canvas_first_);
  }

  RowSource& source_;
  RowSink& sink_;
  TileRunner& runner_;
  const TilePlan& plan_;
  const ImageInfo info_;
  int scale_;
  bool wrap_;
  const RunControl& control_;
  int out_channels_;
  size_t out_row_;  // floats in a row of the output

  std::vector<float>& window_;  // input rows from window_first_ on
  int window_first_ = 0, next_row_ = 0;
  std::array<std::vector<float>, 2>& tiles_;
  std::vector<float>& canvas_;  // output rows from canvas_first_ on
  int canvas_first_ = 0;
};

}  // namespace

void upscale_strips(RowSource& source, RowSink& sink, TileRunner& runner, const TilePlan& plan, int scale,
                    bool wrap, StripMemory& memory, const RunControl& control) {
  StripUpscaler(source, sink, runner, plan, scale, wrap, memory, control).run();
}

MemoryNeed strips_memory(const ImageInfo& info, const TileRunner& runner, const TilePlan& plan, int scale) {
  const uint64_t row = info.row_samples();
  const auto s = static_cast<uint64_t>(scale);
  uint64_t strip = 0;
  for (const TileSpan& span : plan.y.tiles)
    strip = std::max<uint64_t>(strip, static_cast<uint64_t>(span.core_end - span.core_begin));
  const bool whole = plan.x.tiles.size() * plan.y.tiles.size() == 1;
  const uint64_t out_row =
      static_cast<uint64_t>(info.width) * s * static_cast<uint64_t>(runner.out_channels(channels_of(info)));
  const uint64_t canvas = whole ? 0 : out_row * (strip + 2 * static_cast<uint64_t>(plan.y.blend)) * s;
  const uint64_t window = row * static_cast<uint64_t>(plan.y.largest);
  MemoryNeed need = runner.memory_for(plan.x.largest, plan.y.largest, channels_of(info));
  const uint64_t next_tile = whole ? 0
                                   : static_cast<uint64_t>(plan.x.largest) *
                                         static_cast<uint64_t>(plan.y.largest) *
                                         static_cast<uint64_t>(info.channels);
  need.host += (canvas + 2 * window + next_tile) * sizeof(float);
  return need;
}

}  // namespace esrgan
