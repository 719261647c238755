#include "engine/network.h"

#include <esrgan/error.h>

#include <algorithm>
#include <barrier>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "engine/pixel_operations.h"

namespace esrgan {
/// What the threads of a run share.
struct Network::Progress {
  size_t stage = 0;
  bool finished = false;
  std::atomic<size_t> next{0};
  struct Band {
    std::atomic<int> left{0};  // parts
    std::atomic<PartSet> finished{0};
  };
  size_t bands = 0;                    // of each step of the stage
  std::vector<Band> band;              // of all steps
  std::vector<std::atomic<int>> done;  // bands of each step: all up to there
  std::atomic<bool> abort{false};
  std::atomic<double> macs{0};
  double reported = 0;
  std::mutex mutex;
  std::exception_ptr failure;

  Progress(size_t most_bands, size_t steps) : band(most_bands), done(steps) {}

  Band& at(size_t step, int number) { return band[step * bands + static_cast<size_t>(number)]; }

  /// For the threads that wait for each other; sets up a stage.
  void start(size_t number, const Stage& now, const StagePlan& plan, const std::vector<Item>& items) {
    stage = number;
    bands = static_cast<size_t>(plan.bands);
    next.store(0, std::memory_order_relaxed);
    for (size_t i = 0; i < now.end - now.begin; ++i) done[i].store(0, std::memory_order_relaxed);
    for (const Item& item : items) {
      Band& of = at(item.step - now.begin, item.band);
      of.left.store(item.parts, std::memory_order_relaxed);
      of.finished.store(0, std::memory_order_relaxed);
    }
  }

  void finish(size_t step, const Item& item) {
    Band& of = at(step, item.band);
    if (item.parts <= most_parts_in_set)
      of.finished.fetch_or(PartSet{1} << static_cast<unsigned>(item.part), std::memory_order_release);
    of.left.fetch_sub(1, std::memory_order_release);
  }

  bool has_finished(size_t step, int count) {
    int ready = done[step].load(std::memory_order_acquire);
    if (ready >= count) return true;
    while (ready < count && at(step, ready).left.load(std::memory_order_acquire) == 0) ++ready;
    if (ready < count) return false;
    done[step].store(ready, std::memory_order_release);  // may fall back; it is only a shortcut
    return true;
  }

  /// Waits until `count` bands of a step are done, of the last of them some parts; false when the run was
  /// given up.
  bool wait(size_t step, int count, PartSet of_last) {
    const auto is_done = [&] {
      if (of_last == whole_band) return has_finished(step, count);
      return has_finished(step, count - 1) &&
             (at(step, count - 1).finished.load(std::memory_order_acquire) & of_last) == of_last;
    };
    constexpr int spins = 2000;
    for (int tries = 0; !is_done(); ++tries) {
      if (abort.load(std::memory_order_relaxed)) return false;
      if (tries > spins) std::this_thread::yield();
    }
    return true;
  }

  void fail() {
    const std::lock_guard lock(mutex);
    if (!failure) failure = std::current_exception();
    abort.store(true);
  }
};

Network::Network(Graph graph, const Backend& backend, ThreadPool& pool)
    : graph_(std::move(graph)),
      pool_(pool),
      prepared_(graph_.operations.size()),
      macs_(graph_.operations.size()),
      macs_per_pixel_(graph_.macs_per_pixel()) {
  for (size_t i = 0; i < macs_.size(); ++i) macs_[i] = macs_per_cell(graph_.operations[i], graph_);
  pool_.parallel_for(graph_.operations.size(), [&](size_t i, int) {
    auto* convolution = std::get_if<Convolution>(&graph_.operations[i]);
    if (convolution == nullptr) return;
    std::vector<int> channels;
    for (const MapId in : convolution->inputs) channels.push_back(graph_.map(in).channels);
    prepared_[i] = backend.prepare(*convolution, channels);
    convolution->weights = {};  // the prepared form replaces them
  });
  schedule_ = make_schedule(graph_, prepared_);
}

size_t Network::memory_for(int width, int height) const {
  const int density = graph_.input_density();
  return lay_out(graph_, schedule_, prepared_, width / density, height / density, pool_.size()).total *
         sizeof(float);
}

void Network::lay_out_for(int width, int height) {
  const int density = graph_.input_density();
  if (width <= 0 || height <= 0 || width % density != 0 || height % density != 0)
    throw Error("", "size of a network input", "a positive multiple of " + std::to_string(density),
                std::to_string(width) + "x" + std::to_string(height));
  if (layout_.cells_x == width / density && layout_.cells_y == height / density) return;
  layout_ = lay_out(graph_, schedule_, prepared_, width / density, height / density, pool_.size());
  items_.clear();
  for (size_t s = 0; s < schedule_.stages.size(); ++s)
    items_.push_back(items_of(schedule_, prepared_, layout_, s, pool_.size()));
  if (arena_.size() < layout_.total) {
    arena_ = {};  // free before allocating: the two need not fit at once
    arena_ = AlignedBuffer(layout_.total);
  }
  std::fill(arena_.data() + layout_.zeros, arena_.data() + layout_.scratch, 0.0F);
}

FeatureView Network::view(MapId map) const {
  const auto m = static_cast<size_t>(map);
  const MapSpec& spec = graph_.map(map);
  const MapLife& life = schedule_.maps[m];
  FeatureView result;
  result.width = layout_.cells_x * spec.density;
  result.height = result.rows = layout_.cells_y * spec.density;
  result.channels = spec.channels;
  result.pixel = spec.channels;
  result.row = static_cast<ptrdiff_t>(result.width + 2 * life.border) * spec.channels;
  if (life.external) {
    result.data = out_;
    return result;
  }
  if (life.bands > 0)
    result.rows = std::min(result.rows, life.bands * layout_.stages[life.first].band_cells * spec.density);
  result.data = const_cast<float*>(arena_.data()) + layout_.maps[m] + life.border * result.pixel;
  return result;
}

void Network::clear_borders(size_t stage) {
  for (size_t m = 0; m < graph_.maps.size(); ++m) {
    const MapLife& life = schedule_.maps[m];
    if (life.border == 0 || life.first != stage) continue;
    const FeatureView map = view(static_cast<MapId>(m));
    const auto side = static_cast<size_t>(life.border * map.pixel) * sizeof(float);
    for (int y = 0; y < map.rows; ++y) {
      std::memset(map.row_at(y) - life.border * map.pixel, 0, side);
      std::memset(map.row_at(y) + map.width * map.pixel, 0, side);
    }
  }
}

ConvolutionBand Network::convolution_band(const Convolution& conv, const Step& step, const Item& item,
                                          const StagePlan& plan) const {
  ConvolutionBand band;
  for (const MapId in : conv.inputs) band.inputs.push_back(view(in));
  for (const TransformUse& use : step.transforms) {
    const int slot = item.band % std::min(plan.bands, schedule_.transforms[use.transform].bands);
    const float* data = arena_.data() + layout_.transforms[use.transform] +
                        static_cast<size_t>(slot) * layout_.band_floats[use.transform];
    band.transformed.push_back({reinterpret_cast<std::byte*>(const_cast<float*>(data)), use.fill});
  }
  band.out = view(conv.out);
  for (const Residual& residual : conv.residuals)
    band.residuals.push_back({view(residual.map), residual.scale});
  band.zeros = arena_.data() + layout_.zeros + layout_.zeros_border;
  return band;
}

void Network::execute(const Item& item, const StagePlan& plan, int worker) {
  const Step& step = schedule_.steps[item.step];
  const Operation& operation = graph_.operations[item.step];
  const int first = item.band * plan.band_cells;
  const Rows band{first * step.density, std::min(first + plan.band_cells, layout_.cells_y) * step.density};
  if (const auto* conv = std::get_if<Convolution>(&operation)) {
    ConvolutionBand work = convolution_band(*conv, step, item, plan);
    work.row_begin = band.begin;
    work.row_end = band.end;
    float* scratch = arena_.data() + layout_.scratch + static_cast<size_t>(worker) * layout_.scratch_floats;
    prepared_[item.step]->run(work, item.part, item.parts, reinterpret_cast<std::byte*>(scratch));
    return;
  }
  const BandPart part = part_of(operation, nullptr, item, 0, band.end - band.begin);
  const Rows rows{band.begin + part.row_begin, band.begin + part.row_end};
  if (const auto* shuffle = std::get_if<PixelShuffle>(&operation)) {
    const FeatureView in = view(shuffle->in), out = view(shuffle->out);
    if (shuffle->inverse)
      shuffle_pixels(out, in, shuffle->factor, true, rows);
    else
      shuffle_pixels(in, out, shuffle->factor, false,
                     {rows.begin / shuffle->factor, rows.end / shuffle->factor});
  } else if (const auto* add = std::get_if<AddUpsampled>(&operation)) {
    add_upsampled(view(add->in), view(add->base), view(add->out), add->factor, add->mode, rows);
  }
}

/// What one thread does during a stage.
void Network::work(Progress& progress, int worker, const RunControl& control) {
  const Stage& stage = schedule_.stages[progress.stage];
  const StagePlan& plan = layout_.stages[progress.stage];
  const std::vector<Item>& items = items_[progress.stage];
  for (size_t i = progress.next.fetch_add(1); i < items.size(); i = progress.next.fetch_add(1)) {
    const Item& item = items[i];
    if (control.stop != nullptr && control.stop->load()) throw Cancelled();
    const std::vector<Dependence>& needs = schedule_.steps[item.step].needs;
    for (size_t n = 0; n < needs.size(); ++n) {
      const int count = item.band + needs[n].ahead;
      const PartSet of_last = count < plan.bands
                                  ? plan.reads[item.step - stage.begin][n * static_cast<size_t>(item.parts) +
                                                                        static_cast<size_t>(item.part)]
                                  : whole_band;
      if (count > 0 && !progress.wait(needs[n].step - stage.begin, std::min(plan.bands, count), of_last))
        return;
    }
    execute(item, plan, worker);
    const int cells =
        std::min(plan.band_cells, layout_.cells_y - item.band * plan.band_cells) * layout_.cells_x;
    progress.macs.fetch_add(macs_[item.step] * cells / item.parts);
    progress.finish(item.step - stage.begin, item);
    if (worker == 0 && control.done) {
      const double macs = progress.macs.load();
      control.done(macs - progress.reported);
      progress.reported = macs;
    }
  }
}

void Network::run(const float* in, int width, int height, float* out, const RunControl& control) {
  lay_out_for(width, height);
  out_ = out;
  const FeatureView input = view(graph_.input);
  for (int y = 0; y < height; ++y)
    std::copy_n(in + static_cast<ptrdiff_t>(y) * width * input.channels, width * input.channels,
                input.row_at(y));

  size_t bands = 0, steps = 0;
  for (size_t s = 0; s < schedule_.stages.size(); ++s) {
    const size_t count = schedule_.stages[s].end - schedule_.stages[s].begin;
    steps = std::max(steps, count);
    bands = std::max(bands, count * static_cast<size_t>(layout_.stages[s].bands));
  }
  Progress progress(bands, steps);
  const auto start = [&](size_t s) {
    clear_borders(s);
    progress.start(s, schedule_.stages[s], layout_.stages[s], items_[s]);
  };
  start(0);
  const auto next = [&]() noexcept {
    progress.finished = progress.abort.load() || progress.stage + 1 == schedule_.stages.size();
    if (!progress.finished) start(progress.stage + 1);
  };
  std::barrier barrier(pool_.size(), next);
  pool_.parallel_for(static_cast<size_t>(pool_.size()), [&](size_t, int worker) {
    while (!progress.finished) {
      try {
        work(progress, worker, control);
      } catch (...) {
        progress.fail();
      }
      barrier.arrive_and_wait();
    }
  });
  if (progress.failure) std::rethrow_exception(progress.failure);
  if (control.done) control.done(progress.macs.load() - progress.reported);
  if (control.stop != nullptr && control.stop->load()) throw Cancelled();
}

}  // namespace esrgan
