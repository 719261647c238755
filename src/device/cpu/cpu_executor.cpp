#include "device/cpu/cpu_executor.h"

#include <esrgan/error.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstring>
#include <exception>
#include <mutex>
#include <utility>

#include "base/overloaded.h"
#include "device/cpu/item_queue.h"
#include "device/cpu/pixel_operations.h"

namespace esrgan {
/// What the threads of a run share.
struct CpuExecutor::Progress {
  ItemQueue queue;
  size_t stage = 0;
  bool finished = false;
  std::atomic<double> macs{0};
  double reported = 0;
  std::mutex mutex;
  std::exception_ptr failure;

  Progress(const Schedule& schedule, const Layout& layout, const std::vector<std::vector<Item>>& items,
           int threads)
      : queue(schedule, layout, items, threads) {}

  void fail() {
    const std::lock_guard lock(mutex);
    if (!failure) failure = std::current_exception();
    queue.abandon();
  }
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
  for (size_t s = 0; s < schedule_.stages.size(); ++s)
    items_.push_back(items_of(schedule_, prepared_, layout_, s, pool_.size()));
  if (arena_.size() < layout_.total) {
    arena_ = {};  // free before allocating: the two need not fit at once
    arena_ = AlignedBuffer(layout_.total);
  }
  std::fill(arena_.data() + layout_.zeros, arena_.data() + layout_.scratch, 0.0F);
}

FeatureView CpuExecutor::view(MapId map) const {
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

void CpuExecutor::clear_borders(size_t stage) {
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

ConvolutionBand CpuExecutor::convolution_band(const Convolution& conv, const Step& step, const Item& item,
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

void CpuExecutor::execute(const Item& item, const StagePlan& plan, int worker) {
  const Step& step = schedule_.steps[item.step];
  const Operation& operation = graph_.operations[item.step];
  const int first = item.band * plan.band_cells;
  const Rows band{first * step.density, std::min(first + plan.band_cells, layout_.cells_y) * step.density};
  const auto rows = [&] {
    const BandPart part = part_of(operation, nullptr, item, 0, band.end - band.begin);
    return Rows{band.begin + part.row_begin, band.begin + part.row_end};
  };
  std::visit(
      Overloaded{
          [&](const Convolution& op) {
            ConvolutionBand work = convolution_band(op, step, item, plan);
            work.row_begin = band.begin;
            work.row_end = band.end;
            float* scratch =
                arena_.data() + layout_.scratch + static_cast<size_t>(worker) * layout_.scratch_floats;
            prepared_[item.step]->run(work, item.part, item.parts, reinterpret_cast<std::byte*>(scratch));
          },
          [&](const PixelShuffle& op) {
            const FeatureView in = view(op.in), out = view(op.out);
            const Rows wide = rows();
            if (op.inverse)
              shuffle_pixels(out, in, op.factor, true, wide);
            else
              shuffle_pixels(in, out, op.factor, false, {wide.begin / op.factor, wide.end / op.factor});
          },
          [&](const AddUpsampled& op) {
            add_upsampled(view(op.in), view(op.base), view(op.out), op.factor, op.mode, rows());
          },
          [&](const Silu& op) { silu(elementwise_, view(op.in), view(op.out), rows()); },
          [&](const SymmetricGate& op) {
            symmetric_gate(elementwise_, view(op.in), view(op.residual), view(op.out), rows());
          }},
      operation);
}

/// What one thread does during a stage.
void CpuExecutor::work(Progress& progress, int worker, const RunControl& control) {
  const StagePlan& plan = layout_.stages[progress.stage];
  while (const Item* const item = progress.queue.take()) {
    if (control.stop != nullptr && control.stop->load()) throw Cancelled();
    execute(*item, plan, worker);
    const int cells =
        std::min(plan.band_cells, layout_.cells_y - item->band * plan.band_cells) * layout_.cells_x;
    progress.macs.fetch_add(macs_[item->step] * cells / item->parts);
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
  const FeatureView input = view(graph_.input);
  for (int y = 0; y < height; ++y)
    std::copy_n(in + static_cast<ptrdiff_t>(y) * width * input.channels, width * input.channels,
                input.row_at(y));

  Progress progress(schedule_, layout_, items_, pool_.size());
  const auto start = [&](size_t s) {
    clear_borders(s);
    progress.stage = s;
    progress.queue.start(s);
  };
  start(0);
  const auto next = [&]() noexcept {
    progress.finished = progress.failure != nullptr || progress.stage + 1 == schedule_.stages.size();
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
