// 3x3 convolutions of a batch, forward and backward, for training on the processor: stride 1, zeros around
// the maps.
//
// The same Winograd kernels as the engine's, and its shared transforms; products of bfloat16 where the
// processor has them (sums, maps and gradients stay float). Results depend on the number of threads, which
// sets the order of sums, and on nothing else.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "base/cpu_features.h"

namespace esrgan {

/// Some channels of a batch of maps: [image][row][column][channel], pixels `pixel` floats apart, rows and
/// images without gaps.
struct BatchView {
  float* data = nullptr;
  ptrdiff_t pixel = 0;
  int channels = 0;
};

struct BatchSize {
  int images = 0, height = 0, width = 0;
};

/// Filters [out][in][3][3] and one bias for each output channel (null: none); likewise their gradients.
struct FilterView {
  float* weights = nullptr;
  float* bias = nullptr;
};

/// The threads to work on.
struct ParallelFor {
  std::function<int()> threads;  ///< how many there are now
  /// Calls body(part) for each part in [0, parts), in any order, at once if it can.
  std::function<void(int parts, const std::function<void(int part)>& body)> run;
};

class TrainingKernels {
 public:
  /// half: with bfloat16 products if the processor has them. Throws Error when it lacks the instruction set.
  TrainingKernels(Isa isa, bool half, ParallelFor parallel);
  ~TrainingKernels();
  TrainingKernels(const TrainingKernels&) = delete;
  TrainingKernels& operator=(const TrainingKernels&) = delete;
  TrainingKernels(TrainingKernels&&) = delete;
  TrainingKernels& operator=(TrainingKernels&&) = delete;

  /// "avx512_bf16", ... as compiled into the kernels.
  const char* name() const;

  /// y = activation(filters * x + bias), where the activation multiplies what is negative by `slope` (1:
  /// none).
  void convolve(const BatchSize& size, const BatchView& x, const FilterView& filters, float slope,
                const BatchView& y) const;

  /// From dy, the gradient of y, those of x, of the filters and of the bias (all set). Without data, dx and
  /// `gradients` (as a whole) are not computed.
  void convolve_gradient(const BatchSize& size, const BatchView& x, const FilterView& filters, float slope,
                         const BatchView& y, const BatchView& dy, const BatchView& dx,
                         const FilterView& gradients) const;

  /// A dense block: x_j = leaky(filters[j-1] * [x, x_1, ..., x_(j-1)]) for j = 1..n-1, out = scale *
  /// filters[n-1] * [x, ..., x_(n-1)] + skip * x. `inner` holds x_1, x_2, ... side by side.
  struct DenseBlock {
    std::vector<FilterView> filters;
    std::vector<int> channels;  ///< of x, x_1, ..., x_(n-1)
    int out_channels = 0;
    float slope = 1, scale = 1, skip = 0;  ///< skip needs as many output channels as x has
  };
  void dense_block(const BatchSize& size, const DenseBlock& block, const BatchView& x, const BatchView& inner,
                   const BatchView& out) const;
  /// Sets dx and the gradients of all filters.
  void dense_block_gradient(const BatchSize& size, const DenseBlock& block, const BatchView& x,
                            const BatchView& inner, const BatchView& dout, const BatchView& dx,
                            const std::vector<FilterView>& gradients) const;

  /// Sets dx and the gradients of the slopes (one a channel) of y = PReLU(x). All pixels without gaps.
  void prelu_gradient(const BatchSize& size, const BatchView& x, const float* slopes, const BatchView& dy,
                      const BatchView& dx, float* slope_gradients) const;

  /// y = x sigmoid(x), over `count` numbers.
  void silu(ptrdiff_t count, const float* x, float* y) const;
  void silu_gradient(ptrdiff_t count, const float* x, const float* dy, float* dx) const;

  /// y = (o + x) (sigmoid(o) - 1/2), over `count` numbers.
  void gate(ptrdiff_t count, const float* o, const float* x, float* y) const;
  void gate_gradient(ptrdiff_t count, const float* o, const float* x, const float* dy, float* d_o,
                     float* dx) const;

 private:
  class Driver;
  std::unique_ptr<Driver> driver_;
};

}  // namespace esrgan
