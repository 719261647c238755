// The interface between the engine and its kernels: whoever can prepare and run a convolution is a backend.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/cpu_features.h"
#include "base/thread_pool.h"
#include "graph/graph.h"

namespace esrgan {

/// Feature maps in memory, channels last: pixel (x, y), channel c is origin[y * row + x * pixel + c].
/// Around a convolution's input lie at least kernel / 2 rows and columns of zeros.
struct FeatureView {
  float* origin = nullptr;
  ptrdiff_t row = 0, pixel = 0;  ///< distances in floats
  int width = 0, height = 0;     ///< without the border
  int channels = 0;

  float* at(int x, int y) const { return origin + y * row + x * pixel; }
};

struct ResidualView {
  FeatureView view;
  float scale = 1;
};

/// One convolution with its weights in the form that a backend likes best.
class PreparedConvolution {
 public:
  PreparedConvolution() = default;
  PreparedConvolution(const PreparedConvolution&) = delete;
  PreparedConvolution& operator=(const PreparedConvolution&) = delete;
  PreparedConvolution(PreparedConvolution&&) = delete;
  PreparedConvolution& operator=(PreparedConvolution&&) = delete;
  virtual ~PreparedConvolution() = default;

  /// Computes the whole of `out` from `in`; `residuals` in the order of the Convolution's.
  virtual void run(const FeatureView& in, const FeatureView& out, const std::vector<ResidualView>& residuals,
                   ThreadPool& pool) const = 0;
};

class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  Backend(Backend&&) = delete;
  Backend& operator=(Backend&&) = delete;
  virtual ~Backend() = default;

  /// "reference", "generic", "avx2", ... as compiled into the kernels that run.
  virtual const char* name() const = 0;
  virtual std::unique_ptr<PreparedConvolution> prepare(const Convolution& convolution) const = 0;
};

/// Plain loops in double precision: slow, and right by inspection.
std::unique_ptr<Backend> make_reference_backend();

/// SIMD kernels for one instruction set. Throws Error when the processor lacks it.
std::unique_ptr<Backend> make_cpu_backend(Isa isa);

}  // namespace esrgan
