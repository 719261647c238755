// A graph with its weights packed for the processor's kernels.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "device/cpu/kernels/convolutions.h"
#include "device/cpu/layout.h"
#include "device/device.h"

namespace esrgan {

/// Told of an item of a run and the seconds that it took, by the thread that computed it.
using ItemObserver = std::function<void(size_t run, const Item& item, double seconds)>;

/// The run uses all threads of the pool, the arena belongs to one run at a time.
class CpuExecutor : public Executor {
 public:
  CpuExecutor(Graph graph, const CpuKernels& kernels, ThreadPool& pool);

  /// For those who measure; empty: nobody is told.
  void set_observer(ItemObserver observer) { observer_ = std::move(observer); }
  const Schedule& schedule() const { return schedule_; }
  /// Of the last run.
  const Layout& layout() const { return layout_; }
  const std::vector<std::vector<Item>>& items() const { return items_; }

  static bool supports(const Operation& operation);

  MemoryNeed memory_for(int width, int height) const override;
  std::optional<int> computational_reach() const override {
    return graph_.computational_reach(schedule_tile);
  }
  int computational_multiple() const override { return schedule_tile * input_multiple(); }

 private:
  class Progress;

  FeatureView view(MapId map, const Run& run) const;
  ConvolutionBand convolution_band(const Convolution& conv, const Item& item, const Run& run,
                                   const BandPart& band) const;
  void run_checked(const float* in, int width, int height, float* out, const RunControl& control) override;
  void lay_out_for(int width, int height);
  void clear_borders(size_t stage);
  BandPart band_of(const Item& item, const Run& run) const;
  void execute(const Item& item, const Run& run, const BandPart& band, int worker);
  void observe(const Item& item, size_t run, const BandPart& band, int worker);
  void pass_on(const Item& item, const Run& run, const BandPart& band);
  void work(Progress& progress, int worker, const RunControl& control);

  Graph graph_;
  ThreadPool& pool_;
  ElementwiseKernel elementwise_;
  PreparedOperations prepared_;
  Schedule schedule_;
  std::vector<double> macs_;  // of each operation, a cell
  Layout layout_;
  std::vector<std::vector<Item>> items_;  // of each run
  AlignedBuffer arena_;
  ItemObserver observer_;
  float* out_ = nullptr;  // the caller's, during a run
  mutable std::mutex needs_mutex_;
  mutable std::map<std::pair<int, int>, uint64_t> needs_;  // what memory_for() has worked out
};

}  // namespace esrgan
