// Convolutions on the processor, a band of rows at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/cpu_features.h"
#include "device/cpu/kernels/elementwise.h"
#include "graph/graph.h"

namespace esrgan {

/// Feature maps in memory, channels last. Of a map that is used up soon after it was made only the latest
/// rows are held: row y lies where row y % rows did.
struct FeatureView {
  float* data = nullptr;         ///< pixel (first, 0), channel 0
  ptrdiff_t row = 0, pixel = 0;  ///< distances in floats
  int width = 0, height = 0;
  int channels = 0;
  int rows = 0;   ///< rows held; `height` if all are
  int first = 0;  ///< column that `data` points at: of some maps only a window of columns is held

  /// Row y at column `first`.
  float* row_at(int y) const { return data + y % rows * row; }
  float* at(int x, int y) const { return row_at(y) + (x - first) * pixel; }
};

struct ResidualView {
  FeatureView view;
  float scale = 1;
};

/// What a convolution makes of one of its inputs before it multiplies (Winograd's input transform). Others
/// that read the same input in the same form share it.
struct TransformedView {
  std::byte* data = nullptr;      ///< for the band at hand; null for a form in scratch, that nobody shares
  bool fill = false;              ///< this convolution is the one that makes it
  int tile_begin = 0, tiles = 0;  ///< columns of tiles held
};

/// Some rows and columns of one convolution's output, and what they are made of.
struct ConvolutionBand {
  std::vector<FeatureView> inputs;  ///< with border() columns of zeros beyond the picture's edges
  std::vector<TransformedView> transformed;
  FeatureView out;
  std::vector<ResidualView> residuals;
  int row_begin = 0, row_end = 0, column_begin = 0, column_end = 0;  ///< of the output
  const float* zeros = nullptr;  ///< a row of zeros, as long as any input's, at its column `first`
  bool whole = true;             ///< see BandShape
};

/// Size of a band. The rows of tiles of a whole one lie one behind the other in its transformed forms, so
/// that a part may go on from one row in the next.
struct BandShape {
  int width = 0, rows = 0;
  bool whole = true;
};

/// Pixels of a band, counted from its corner.
struct BandPart {
  int row_begin = 0, row_end = 0, column_begin = 0, column_end = 0;
};

/// One of `parts` parts of a band that is cut between its rows.
inline BandPart part_of_rows(int part, int parts, const BandShape& shape) {
  return {shape.rows * part / parts, shape.rows * (part + 1) / parts, 0, shape.width};
}

/// How a convolution wants its inputs prepared: 0 for not at all. Equal numbers, equal form.
using TransformForm = int;

/// One convolution with its weights in the form that its kernel likes best.
class PreparedConvolution {
 public:
  PreparedConvolution() = default;
  PreparedConvolution(const PreparedConvolution&) = delete;
  PreparedConvolution& operator=(const PreparedConvolution&) = delete;
  PreparedConvolution(PreparedConvolution&&) = delete;
  PreparedConvolution& operator=(PreparedConvolution&&) = delete;
  virtual ~PreparedConvolution() = default;

  /// Columns of zeros that it reads to the left and right of its inputs.
  virtual int border() const { return 0; }
  virtual TransformForm transform_form() const { return 0; }
  /// Bytes of the transformed form of `channels` channels for a band of output.
  virtual size_t transformed_bytes([[maybe_unused]] int channels, [[maybe_unused]] int width,
                                   [[maybe_unused]] int rows) const {
    return 0;
  }
  /// Into how many parts a band is best cut for `threads` threads.
  virtual int parts(const BandShape& shape, int threads) const = 0;
  /// What part number `part` computes of a band, or a rectangle around it if the band is whole.
  virtual BandPart part_of(int part, int parts, const BandShape& shape) const {
    return part_of_rows(part, parts, shape);
  }
  /// Bytes of scratch that run() needs for one of `parts` parts. own: channels of each of the inputs whose
  /// transformed form is nobody else's.
  virtual size_t scratch_bytes(const BandShape& shape, int parts, const std::vector<int>& own) const = 0;
  /// Computes part number `part`; all parts may run at once.
  virtual void run(const ConvolutionBand& band, int part, int parts, std::byte* scratch) const = 0;
};

/// The kernels of one instruction set.
class CpuKernels {
 public:
  CpuKernels() = default;
  CpuKernels(const CpuKernels&) = delete;
  CpuKernels& operator=(const CpuKernels&) = delete;
  CpuKernels(CpuKernels&&) = delete;
  CpuKernels& operator=(CpuKernels&&) = delete;
  virtual ~CpuKernels() = default;

  /// "generic", "avx2", ... as compiled into the kernels that run.
  virtual const char* name() const = 0;
  virtual const ElementwiseKernel& elementwise() const = 0;
  static bool supports(const Convolution& convolution);
  /// channels: of each of its inputs.
  virtual std::unique_ptr<PreparedConvolution> prepare(const Convolution& convolution,
                                                       const std::vector<int>& channels) const = 0;
};

/// With `half` products of 16-bit numbers where the processor has them. Throws Error when it lacks the
/// instruction set.
std::unique_ptr<CpuKernels> make_cpu_kernels(Isa isa, bool half = false);

/// Whether make_cpu_kernels(isa, true) differs from make_cpu_kernels(isa).
bool has_half(Isa isa);

/// Whether it is worth it. Zen 4 multiplies twice as many bfloat16 as floats; on Emerald Rapids VDPBF16PS
/// runs at a quarter of the rate of VFMADD, half the products.
bool half_is_faster();

}  // namespace esrgan
