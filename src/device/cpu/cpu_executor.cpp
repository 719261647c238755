#include "device/cpu/cpu_executor.h"

#include <esrgan/error.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <exception>
#include <mutex>
#include <utility>

#include "base/overloaded.h"
#include "device/cpu/item_queue.h"
#include "device/cpu/pixel_operations.h"

namespace esrgan {
/// What the threads share that compute a picture. Between two runs those meet that have come by then, so that
/// any number of threads, from one on, gets to the end.
class CpuExecutor::Progress {
 public:
  /// begin(run) makes everything ready for a run.
  Progress(CpuExecutor& executor, std::function<void(size_t run)> begin)
      : queue(executor.schedule_, executor.layout_, executor.items_, executor.pool_.size()),
        runs_(executor.layout_.runs.size()),
        begin_(std::move(begin)) {
    start();
  }

  ItemQueue queue;
  std::atomic<double> macs{0};
  double reported = 0;

  /// Of those who have joined.
  size_t run() const { return run_; }

  /// A thread comes; false when nothing is left to do.
  bool join() {
    const std::lock_guard lock(mutex_);
    if (finished_) return false;
    ++present_;
    return true;
  }

  /// A thread finds no more in this run: waits for the next one; false when there is none.
  bool meet() {
    std::unique_lock lock(mutex_);
    if (++arrived_ < present_) {
      const int seen = meetings_.load();
      lock.unlock();
      meetings_.wait(seen);
      lock.lock();
    } else {
      arrived_ = 0;
      finished_ = failure_ != nullptr || ++run_ == runs_;
      if (!finished_) start();
      meetings_.fetch_add(1);
      meetings_.notify_all();
    }
    return !finished_;
  }

  /// Keeps the exception that is being handled; nobody takes anything from now on.
  void fail() {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
    queue.abandon();
  }

  const std::exception_ptr& failure() const { return failure_; }

 private:
  void start() {
    begin_(run_);
    queue.start(run_);
  }

  size_t runs_;
  std::function<void(size_t)> begin_;
  std::mutex mutex_;
  size_t run_ = 0;  // written while all wait
  int present_ = 0, arrived_ = 0;
  bool finished_ = false;
  std::exception_ptr failure_;
  std::atomic<int> meetings_{0};
};

CpuExecutor::CpuExecutor(Graph graph, const CpuKernels& kernels, ThreadPool& pool)
    : Executor(graph),
      graph_(std::move(graph)),
      pool_(pool),
      elementwise_(kernels.elementwise()),
      prepared_(graph_.operations.size()),
      macs_(graph_.operations.size()) {
  for (size_t i = 0; i < macs_.size(); ++i) macs_[i] = macs_per_cell(graph_.operations[i], graph_);
  pool_.parallel_for(graph_.operations.size(), [&](size_t i, int) {
    auto* convolution = std::get_if<Convolution>(&graph_.operations[i]);
    if (convolution == nullptr) return;
    std::vector<int> channels;
    for (const MapId in : convolution->inputs) channels.push_back(graph_.map(in).channels);
    prepared_[i] = kernels.prepare(*convolution, channels);
    convolution->weights = {};  // the prepared form replaces them
  });
  schedule_ = make_schedule(graph_, prepared_);
}

bool CpuExecutor::supports(const Operation& operation) {
  return std::visit(
      Overloaded{[](const Convolution& op) { return CpuKernels::supports(op); },
                 [](const PixelShuffle&) { return true; }, [](const AddUpsampled&) { return true; },
                 [](const Silu&) { return true; }, [](const SymmetricGate&) { return true; }},
      operation);
}

MemoryNeed CpuExecutor::memory_for(int width, int height) const {
  const int density = graph_.input_density();
  const std::lock_guard lock(needs_mutex_);
  const auto [entry, is_new] = needs_.try_emplace({width / density, height / density});
  if (is_new)
    entry->second =
        lay_out(graph_, schedule_, prepared_, width / density, height / density, pool_.size()).total *
        sizeof(float);
  return {entry->second, 0};
}

void CpuExecutor::lay_out_for(int width, int height) {
  const int density = graph_.input_density();
  if (layout_.cells_x == width / density && layout_.cells_y == height / density) return;
  layout_ = lay_out(graph_, schedule_, prepared_, width / density, height / density, pool_.size());
  find_reads(graph_, schedule_, prepared_, layout_, pool_.size());
  items_.clear();
  for (const Run& run : layout_.runs)
    items_.push_back(items_of(schedule_, prepared_, layout_, run, pool_.size()));
  if (arena_.size() < layout_.total) {
    arena_ = {};  // free before allocating: the two need not fit at once
    arena_ = AlignedBuffer(layout_.total);
  }
  std::fill(arena_.data() + layout_.zeros, arena_.data() + layout_.scratch, 0.0F);
}

/// Of a map that lives within the stage, what is held of it in a run.
FeatureView CpuExecutor::view(MapId map, const Run& run) const {
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
  result.data = const_cast<float*>(arena_.data()) + layout_.maps[m];
  if (life.bands > 0)
    result.rows = std::min(result.rows, life.bands * layout_.stages[life.first].band_cells * spec.density);
  if (life.bands == 0 || layout_.is_whole(life.first)) {
    result.data += life.border * result.pixel;
    return result;
  }
  const Columns columns = columns_of(schedule_, layout_, run.stage, run.panel, life.writer);
  result.first = columns.begin * spec.density - life.kept;
  result.row =
      static_cast<ptrdiff_t>(columns.count() * spec.density + life.kept + life.border) * spec.channels;
  return result;
}

/// Of maps that are held in their whole width.
void CpuExecutor::clear_borders(size_t stage) {
  for (size_t m = 0; m < graph_.maps.size(); ++m) {
    const MapLife& life = schedule_.maps[m];
    if (life.border == 0 || life.first != stage || (life.bands > 0 && !layout_.is_whole(stage))) continue;
    const FeatureView map = view(static_cast<MapId>(m), {stage, 0, {}});
    const auto side = static_cast<size_t>(life.border * map.pixel) * sizeof(float);
    for (int y = 0; y < map.rows; ++y) {
      std::memset(map.at(-life.border, y), 0, side);
      std::memset(map.at(map.width, y), 0, side);
    }
  }
}

/// The pixels of an item's band, in the picture.
BandPart CpuExecutor::band_of(const Item& item, const Run& run) const {
  const int density = schedule_.steps[item.step].density, cells = layout_.stages[run.stage].band_cells;
  const int first = item.band * cells;
  const Columns columns = columns_of(schedule_, layout_, run.stage, run.panel, item.step);
  return {first * density, std::min(first + cells, layout_.cells_y) * density, columns.begin * density,
          columns.end * density};
}

ConvolutionBand CpuExecutor::convolution_band(const Convolution& conv, const Item& item, const Run& run,
                                              const BandPart& band) const {
  ConvolutionBand result;
  for (const MapId in : conv.inputs) result.inputs.push_back(view(in, run));
  for (const TransformUse& use : schedule_.steps[item.step].transforms) {
    if (use.own) {
      result.transformed.push_back({nullptr, true, 0, 0});
      continue;
    }
    const TransformSpec& transform = schedule_.transforms[use.transform];
    const int slot = item.band % std::min(layout_.stages[run.stage].bands, transform.bands);
    const float* data = arena_.data() + layout_.transforms[use.transform] +
                        static_cast<size_t>(slot) * layout_.band_floats[use.transform];
    const Columns columns = columns_of_transform(schedule_, layout_, run.stage, run.panel, transform);
    const int begin = columns.begin * transform.density / schedule_tile,
              end = ceil_div(columns.end * transform.density, schedule_tile);
    result.transformed.push_back(
        {reinterpret_cast<std::byte*>(const_cast<float*>(data)), use.fill, begin, end - begin});
  }
  result.out = view(conv.out, run);
  for (const Residual& residual : conv.residuals)
    result.residuals.push_back({view(residual.map, run), residual.scale});
  result.zeros = arena_.data() + layout_.zeros + layout_.zeros_border;
  result.row_begin = band.row_begin;
  result.row_end = band.row_end;
  result.column_begin = band.column_begin;
  result.column_end = band.column_end;
  result.whole = layout_.is_whole(run.stage);
  return result;
}

void CpuExecutor::execute(const Item& item, const Run& run, const BandPart& band, int worker) {
  const Operation& operation = graph_.operations[item.step];
  const auto part = [&] {
    const BandPart rows = part_of(operation, nullptr, item, {0, band.row_end - band.row_begin});
    return BandPart{band.row_begin + rows.row_begin, band.row_begin + rows.row_end, band.column_begin,
                    band.column_end};
  };
  std::visit(
      Overloaded{[&](const Convolution& op) {
                   float* scratch =
                       arena_.data() + layout_.scratch + static_cast<size_t>(worker) * layout_.scratch_floats;
                   prepared_[item.step]->run(convolution_band(op, item, run, band), item.part, item.parts,
                                             reinterpret_cast<std::byte*>(scratch));
                 },
                 [&](const PixelShuffle& op) {
                   const FeatureView in = view(op.in, run), out = view(op.out, run);
                   const BandPart wide = part();
                   if (op.inverse)
                     shuffle_pixels(out, in, op.factor, true, wide);
                   else
                     shuffle_pixels(in, out, op.factor, false,
                                    {wide.row_begin / op.factor, wide.row_end / op.factor,
                                     wide.column_begin / op.factor, wide.column_end / op.factor});
                 },
                 [&](const AddUpsampled& op) {
                   add_upsampled(view(op.in, run), view(op.base, run), view(op.out, run), op.factor, op.mode,
                                 part());
                 },
                 [&](const Silu& op) { silu(elementwise_, view(op.in, run), view(op.out, run), part()); },
                 [&](const SymmetricGate& op) {
                   symmetric_gate(elementwise_, view(op.in, run), view(op.residual, run), view(op.out, run),
                                  part());
                 }},
      operation);
  if (!layout_.is_whole(run.stage)) pass_on(item, run, band);
}

/// Where a panel ends, what the next one reads of a part is kept; where one begins, what was kept of the one
/// before is put beside it. Beyond the picture's edges are zeros.
void CpuExecutor::pass_on(const Item& item, const Run& run, const BandPart& band) {
  const auto m = static_cast<size_t>(output_of(graph_.operations[item.step]));
  const MapLife& life = schedule_.maps[m];
  if (life.bands == 0 || life.external || life.kept == 0) return;
  const FeatureView map = view(static_cast<MapId>(m), run);
  const BandPart part = part_of(graph_.operations[item.step], prepared_[item.step].get(), item,
                                {band.column_end - band.column_begin, band.row_end - band.row_begin, false});
  const auto floats = [&](int columns) { return static_cast<size_t>(columns * map.channels); };
  const auto kept = [&](size_t panel, int y) {
    return arena_.data() + layout_.kept[m] +
           (panel % 2 * static_cast<size_t>(map.height) + static_cast<size_t>(y)) * floats(life.kept);
  };
  const bool last = run.panel + 1 == layout_.stages[run.stage].panel_count();
  const int from = std::max(band.column_begin + part.column_begin, band.column_end - life.kept),
            end = band.column_begin + part.column_end;
  for (int y = band.row_begin + part.row_begin; y < band.row_begin + part.row_end; ++y) {
    if (part.column_begin == 0) {
      float* const beside = map.at(band.column_begin - life.kept, y);
      if (run.panel == 0)
        std::fill_n(beside, floats(life.kept), 0.0F);
      else
        std::copy_n(kept(run.panel - 1, y), floats(life.kept), beside);
    }
    if (last && end == band.column_end)
      std::fill_n(map.at(end, y), floats(life.border), 0.0F);
    else if (!last && from < end)
      std::copy_n(map.at(from, y), floats(end - from),
                  kept(run.panel, y) + floats(from - (band.column_end - life.kept)));
  }
}

void CpuExecutor::observe(const Item& item, size_t run, const BandPart& band, int worker) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  execute(item, layout_.runs[run], band, worker);
  observer_(run, item, std::chrono::duration<double>(Clock::now() - start).count());
}

/// What one thread does during a run.
void CpuExecutor::work(Progress& progress, int worker, const RunControl& control) {
  const Run& run = layout_.runs[progress.run()];
  while (const Item* const item = progress.queue.take()) {
    if (control.stop.stop_requested()) throw Cancelled();
    const BandPart band = band_of(*item, run);
    if (observer_)
      observe(*item, progress.run(), band, worker);
    else
      execute(*item, run, band, worker);
    const double pixels =
        static_cast<double>(band.row_end - band.row_begin) * (band.column_end - band.column_begin);
    const int density = schedule_.steps[item->step].density;
    progress.macs.fetch_add(macs_[item->step] * pixels / (density * density) / item->parts);
    progress.queue.finish(*item);
    if (worker == 0 && control.done) {
      const double macs = progress.macs.load();
      control.done(macs - progress.reported);
      progress.reported = macs;
    }
  }
}

void CpuExecutor::run_checked(const float* in, int width, int height, float* out, const RunControl& control) {
  lay_out_for(width, height);
  out_ = out;
  const FeatureView input = view(graph_.input, layout_.runs.front());
  for (int y = 0; y < height; ++y)
    std::copy_n(in + static_cast<ptrdiff_t>(y) * width * input.channels, width * input.channels,
                input.row_at(y));

  Progress progress(*this, [&](size_t run) {
    if (layout_.runs[run].panel == 0) clear_borders(layout_.runs[run].stage);
  });
  pool_.parallel_for(static_cast<size_t>(pool_.size()), [&](size_t, int worker) {
    if (!progress.join()) return;
    do {
      try {
        work(progress, worker, control);
      } catch (...) {
        progress.fail();
      }
    } while (progress.meet());
  });
  if (progress.failure()) std::rethrow_exception(progress.failure());
  if (control.done) control.done(progress.macs.load() - progress.reported);
  if (control.stop.stop_requested()) throw Cancelled();
}

}  // namespace esrgan
