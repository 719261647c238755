#include <esrgan/error.h>

#include <algorithm>

#include "base/aligned_buffer.h"
#include "kernels/backend.h"
#include "kernels/cpu/direct_conv.h"

namespace esrgan {
namespace {

/// Weights of one convolution with a list of taps, packed for a vector width.
class PackedWeights {
 public:
  /// weight(out, in, tap) gives the value to pack.
  template <typename Weight>
  PackedWeights(int out_channels, int in_channels, std::vector<DirectConvTap> taps, int lanes, Weight weight)
      : taps_(std::move(taps)), in_channels_(in_channels) {
    size_t total = 0;
    for (int first = 0; first < out_channels;) {
      const int left = out_channels - first;
      const int vectors = left > lanes ? 2 : 1;
      const int width = vectors * lanes;
      blocks_.push_back({first, std::min(left, width), vectors, total});
      total += static_cast<size_t>(width) * static_cast<size_t>(in_channels) * taps_.size();
      first += width;
    }
    weights_ = AlignedBuffer(total);
    float* to = weights_.data();
    for (const DirectConvBlock& block : blocks_)
      for (int chunk = 0; chunk < in_channels; chunk += direct_conv_chunk)
        for (int tap = 0; tap < static_cast<int>(taps_.size()); ++tap)
          for (int in = chunk; in < std::min(in_channels, chunk + direct_conv_chunk); ++in)
            for (int lane = 0; lane < block.vectors * lanes; ++lane)
              *to++ = lane < block.channels ? weight(block.first + lane, in, tap) : 0.0F;
  }

  void describe(DirectConvArgs& args) const {
    args.in_channels = in_channels_;
    args.taps = taps_.data();
    args.tap_count = static_cast<int>(taps_.size());
    args.blocks = blocks_.data();
    args.block_count = static_cast<int>(blocks_.size());
    args.weights = weights_.data();
  }

 private:
  std::vector<DirectConvTap> taps_;
  std::vector<DirectConvBlock> blocks_;
  AlignedBuffer weights_;
  int in_channels_;
};

/// A convolution of the nearest-neighbour enlargement is, for each of the four positions of an output pixel
/// in its input pixel, a 2x2 convolution of the input itself: of the three taps along an axis two fall on the
/// same pixel. For position 0 the taps are {-1}, {0, 0}; for position 1 they are {0, 0}, {1}.
struct Phase {
  int position;
  /// Which taps of the 3x3 kernel, along one axis, fall on tap 0 or 1 of this phase.
  bool covers(int tap, int kernel_tap) const {
    return position == 0 ? (kernel_tap == 0) == (tap == 0) : (kernel_tap == 2) == (tap == 1);
  }
  int offset(int tap) const { return tap - 1 + position; }
};

class DirectConvolution : public PreparedConvolution {
 public:
  DirectConvolution(const Convolution& conv, DirectConvKernel kernel) : kernel_(kernel), scale_(conv.scale) {
    const int out = conv.out.channels, in = conv.in.channels, k = conv.kernel;
    const auto original = [&conv, in, k](int o, int i, int ky, int kx) {
      return conv.weights[static_cast<size_t>(((o * in + i) * k + ky) * k + kx)];
    };
    if (conv.upsample == 1) {
      std::vector<DirectConvTap> taps;
      for (int t = 0; t < k * k; ++t) taps.push_back({t % k - k / 2, t / k - k / 2});
      packed_.emplace_back(out, in, std::move(taps), kernel.lanes,
                           [&](int o, int i, int tap) { return original(o, i, tap / k, tap % k); });
    } else {
      if (conv.upsample != 2 || k != 3)
        throw Error("convolution '" + conv.name +
                    "': only a 3x3 kernel after an enlargement by 2 is available");
      for (int position = 0; position < 4; ++position)
        pack_phase({position / 2}, {position % 2}, out, in, original);
    }
    upsample_ = conv.upsample;
    bias_ = padded(conv.bias);
    if (!conv.slope.empty()) slope_ = padded(conv.slope);
  }

  void run(const FeatureView& in, const FeatureView& out, const std::vector<ResidualView>& residuals,
           ThreadPool& pool) const override {
    DirectConvArgs args;
    args.src = in.origin;
    args.src_row = in.row;
    args.src_pixel = in.pixel;
    args.dst_row = out.row * upsample_;
    args.dst_pixel = out.pixel * upsample_;
    args.width = in.width;
    args.bias = bias_.data();
    args.slope = slope_.data();
    args.scale = scale_;
    args.residual_count = static_cast<int>(residuals.size());
    if (residuals.size() > std::size(args.residuals))
      throw Error("a convolution has more than two residuals");

    // Enough tasks that the threads finish together, few enough that a task's weights are worth loading.
    const int tasks_per_phase = std::min(in.height, 4 * pool.size());
    const int phases = upsample_ * upsample_;
    const size_t scratch =
        direct_conv_rows * static_cast<size_t>(in.width) * 2 * static_cast<size_t>(kernel_.lanes);
    std::vector<AlignedBuffer> partial(static_cast<size_t>(pool.size()));
    pool.parallel_for(static_cast<size_t>(tasks_per_phase * phases), [&](size_t task, int worker) {
      AlignedBuffer& buffer = partial[static_cast<size_t>(worker)];
      if (buffer.size() == 0) buffer = AlignedBuffer(scratch);
      const int phase = static_cast<int>(task) % phases, slot = static_cast<int>(task) / phases;
      const int dx = phase % upsample_, dy = phase / upsample_;
      DirectConvArgs part = args;
      packed_[static_cast<size_t>(phase)].describe(part);
      part.partial = buffer.data();
      part.dst = out.at(dx, dy);
      part.row_begin = in.height * slot / tasks_per_phase;
      part.row_end = in.height * (slot + 1) / tasks_per_phase;
      for (size_t r = 0; r < residuals.size(); ++r) {
        const FeatureView& view = residuals[r].view;
        part.residuals[r] = {view.at(dx, dy), view.row * upsample_, view.pixel * upsample_,
                             residuals[r].scale};
      }
      kernel_.run(part);
    });
  }

 private:
  template <typename Original>
  void pack_phase(Phase vertical, Phase horizontal, int out, int in, const Original& original) {
    std::vector<DirectConvTap> taps;
    for (int t = 0; t < 4; ++t) taps.push_back({horizontal.offset(t % 2), vertical.offset(t / 2)});
    packed_.emplace_back(out, in, std::move(taps), kernel_.lanes, [&](int o, int i, int tap) {
      float sum = 0;
      for (int ky = 0; ky < 3; ++ky)
        for (int kx = 0; kx < 3; ++kx)
          if (vertical.covers(tap / 2, ky) && horizontal.covers(tap % 2, kx)) sum += original(o, i, ky, kx);
      return sum;
    });
  }

  /// One value for each output channel, padded with zeros to whole blocks.
  AlignedBuffer padded(const std::vector<float>& values) const {
    AlignedBuffer buffer(values.size() + 2 * static_cast<size_t>(kernel_.lanes));
    std::copy(values.begin(), values.end(), buffer.data());
    return buffer;
  }

  DirectConvKernel kernel_;
  float scale_;
  int upsample_ = 1;
  std::vector<PackedWeights> packed_;  // one, or one for each of the four phases
  AlignedBuffer bias_, slope_;
};

class CpuBackend : public Backend {
 public:
  explicit CpuBackend(DirectConvKernel kernel) : kernel_(kernel) {}
  const char* name() const override { return kernel_.name; }
  std::unique_ptr<PreparedConvolution> prepare(const Convolution& convolution) const override {
    return std::make_unique<DirectConvolution>(convolution, kernel_);
  }

 private:
  DirectConvKernel kernel_;
};

DirectConvKernel kernel_for(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::avx2:
      return direct_conv_avx2();
    case Isa::avx512:
      return direct_conv_avx512();
#endif
    default:
      return direct_conv_generic();
  }
}

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(Isa isa) {
  const std::vector<Isa> isas = supported_isas();
  if (std::find(isas.begin(), isas.end(), isa) == isas.end())
    throw Error("", "the processor cannot run these kernels", "a supported instruction set", name_of(isa));
  return std::make_unique<CpuBackend>(kernel_for(isa));
}

}  // namespace esrgan
