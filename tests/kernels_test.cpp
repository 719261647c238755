// What kernels leave alone, for every instruction set of this machine; what they compute is in
// operations_test.cpp.
#include <cmath>

#include <esrgan/error.h>
#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "device/cpu/kernels/convolutions.h"

#include "support.h"

namespace esrgan {
namespace {

class Kernels : public test::RandomTest {
 protected:
  /// Feature maps with a zero border around them.
  struct Maps {
    std::vector<float> storage;
    FeatureView view;
  };

  Maps maps(int width, int height, int channels, int border, bool random) {
    const int stride = channels + between(0, 5);  // neighbours in the same buffer
    Maps m;
    m.storage.assign(static_cast<size_t>((width + 2 * border) * height * stride), 0.0F);
    m.view = {m.storage.data() + border * stride,
              (width + 2 * border) * stride,
              stride,
              width,
              height,
              channels,
              height};
    if (random)
      for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
          for (int c = 0; c < channels; ++c) m.view.row_at(y)[x * stride + c] = real(-1, 1);
    return m;
  }

  Convolution convolution(int in, int out, int kernel, int upsample) {
    Convolution conv;
    conv.in_channels = in;
    conv.out_channels = out;
    conv.kernel = kernel;
    conv.upsample = upsample;
    const auto span = 1 / std::sqrt(static_cast<float>(in * kernel * kernel));
    conv.weights = reals(static_cast<size_t>(in * out * kernel * kernel), -span, span);
    conv.bias = reals(static_cast<size_t>(out), -1, 1);
    if (between(0, 1) == 1) conv.slope = reals(static_cast<size_t>(out), -0.5F, 1.5F);
    conv.scale = real(0.1F, 2);
    return conv;
  }

  /// Runs a convolution band by band.
  static void run(const CpuKernels& kernels, const Convolution& conv, const std::vector<FeatureView>& inputs,
                  const FeatureView& out, const std::vector<ResidualView>& residuals, int band_rows) {
    ThreadPool pool(3);
    std::vector<int> channels;
    int widest = 0;
    for (const FeatureView& in : inputs) {
      channels.push_back(in.channels);
      widest = std::max(widest, in.channels);
    }
    const auto prepared = kernels.prepare(conv, channels);
    const std::vector<float> zeros(static_cast<size_t>((out.width + 20) * (widest + 5)), 0.0F);
    for (int y = 0; y < out.height; y += band_rows) {
      ConvolutionBand band;
      band.inputs = inputs;
      band.out = out;
      band.residuals = residuals;
      band.row_begin = y;
      band.row_end = std::min(out.height, y + band_rows);
      band.zeros = zeros.data() + 9 * (widest + 5);
      band.column_end = out.width;
      const BandShape shape{out.width, band.row_end - y};
      const int parts = prepared->parts(shape, between_parts_);
      std::vector<AlignedBuffer> transformed;
      for (const FeatureView& in : inputs) {
        transformed.emplace_back(prepared->transformed_bytes(in.channels, out.width, shape.rows) / 4 + 1);
        band.transformed.push_back(
            {reinterpret_cast<std::byte*>(transformed.back().data()), true, 0, (out.width + 3) / 4});
      }
      pool.parallel_for(static_cast<size_t>(parts), [&](size_t part, int) {
        AlignedBuffer scratch(prepared->scratch_bytes(shape, parts, {}) / 4 + 1);
        prepared->run(band, static_cast<int>(part), parts, reinterpret_cast<std::byte*>(scratch.data()));
      });
    }
  }

  static float largest_difference(const FeatureView& a, const FeatureView& b) {
    float largest = 0;
    for (int y = 0; y < a.height; ++y)
      for (int x = 0; x < a.width; ++x)
        for (int c = 0; c < a.channels; ++c)
          largest = std::max(largest, std::abs(a.row_at(y)[x * a.pixel + c] - b.row_at(y)[x * b.pixel + c]));
    return largest;
  }

  static constexpr int between_parts_ = 3;
};

TEST_F(Kernels, AnInPlaceResidualIsReadBeforeItIsWritten) {
  Convolution conv = convolution(9, 9, 3, 1);
  conv.inputs.resize(1);
  const Maps x = maps(20, 7, 9, 1, true);
  const Maps residual = maps(20, 7, 9, 0, true);
  for (const Isa isa : supported_isas()) {
    Maps separate = maps(20, 7, 9, 0, false), same = residual;
    same.view.data = same.storage.data();
    const auto kernels = make_cpu_kernels(isa);
    run(*kernels, conv, {x.view}, separate.view, {{residual.view, 0.7F}}, 8);
    run(*kernels, conv, {x.view}, same.view, {{same.view, 0.7F}}, 8);
    EXPECT_EQ(largest_difference(separate.view, same.view), 0) << name_of(isa);
  }
}

TEST_F(Kernels, LeaveNeighbouringChannelsAlone) {
  for (const int in : {3, 11}) {  // direct and Winograd
    Convolution conv = convolution(in, 5, 3, 1);
    conv.inputs.resize(1);
    const Maps x = maps(9, 4, in, 1, true);
    for (const Isa isa : supported_isas()) {
      std::vector<float> buffer(9 * 4 * 16, 42.0F);
      const FeatureView slice{buffer.data() + 4, 9 * 16, 16, 9, 4, 5, 4};
      run(*make_cpu_kernels(isa), conv, {x.view}, slice, {}, 4);
      for (size_t i = 0; i < buffer.size(); ++i) {
        const bool outside = i % 16 < 4 || i % 16 >= 9;
        ASSERT_TRUE(!outside || buffer[i] == 42.0F) << name_of(isa) << " wrote to channel " << i % 16;
      }
    }
  }
}

TEST(Isa, AnUnknownNameIsRefused) {
  ASSERT_EQ(setenv("ESRGAN_FORCE_ISA", "sse9", 1), 0);
  EXPECT_THROW(chosen_isa(), Error);
  for (const Isa isa : supported_isas()) {
    ASSERT_EQ(setenv("ESRGAN_FORCE_ISA", name_of(isa), 1), 0);
    EXPECT_EQ(chosen_isa(), isa);
  }
  unsetenv("ESRGAN_FORCE_ISA");
}

}  // namespace
}  // namespace esrgan
