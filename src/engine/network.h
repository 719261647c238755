// A graph with its weights prepared for a backend, ready to run on tiles.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "engine/schedule.h"
#include "kernels/backend.h"

namespace esrgan {

/// How a caller follows and stops a run.
struct RunControl {
  std::function<void(double macs)> done;    ///< after each operation, with its multiply-accumulates
  const std::atomic<bool>* stop = nullptr;  ///< when it becomes true, Cancelled is thrown
};

/// Not thread-safe: the arena belongs to one run at a time; the run itself uses all threads of the pool.
class Network {
 public:
  Network(Graph graph, const Backend& backend, ThreadPool& pool);

  int in_channels() const { return graph_.map(graph_.input).channels; }
  int out_channels() const { return graph_.map(graph_.output).channels; }
  /// Width and height of an input must be multiples of this.
  int input_multiple() const { return graph_.input_density(); }
  /// Output pixels per input pixel.
  int scale() const { return graph_.output_density() / graph_.input_density(); }
  int receptive_radius() const { return graph_.receptive_radius(); }
  /// How far apart parts of a picture must be for a change of one not to touch a bit of the other, and the
  /// multiple of input pixels at which a part must begin to be computed as it is within the whole.
  std::optional<int> computational_reach() const { return graph_.computational_reach(computational_tile); }
  int computational_multiple() const { return computational_tile * input_multiple(); }
  double macs_per_pixel() const { return macs_per_pixel_; }

  /// in: [height][width][in_channels]; out: [height * scale][width * scale][out_channels]; both contiguous.
  void run(const float* in, int width, int height, float* out, const RunControl& control);

  /// The threads that run() uses, between runs.
  ThreadPool& pool() { return pool_; }

  /// Bytes that run() needs for an input of this size.
  size_t memory_for(int width, int height) const;

 private:
  struct Progress;
  static constexpr int computational_tile = 4;  // of the kernels' transforms, along an axis

  FeatureView view(MapId map) const;
  ConvolutionBand convolution_band(const Convolution& conv, const Step& step, const Item& item,
                                   const StagePlan& plan) const;
  void lay_out_for(int width, int height);
  void clear_borders(size_t stage);
  void execute(const Item& item, const StagePlan& plan, int worker);
  void work(Progress& progress, int worker, const RunControl& control);

  Graph graph_;
  ThreadPool& pool_;
  PreparedOperations prepared_;
  Schedule schedule_;
  std::vector<double> macs_;  // of each operation, a cell
  double macs_per_pixel_ = 0;
  Layout layout_;
  std::vector<std::vector<Item>> items_;  // of each stage
  AlignedBuffer arena_;
  float* out_ = nullptr;  // the caller's, during a run
};

}  // namespace esrgan
