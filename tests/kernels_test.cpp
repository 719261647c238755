// Fast kernels against the reference, on random shapes, for every instruction set of this machine.
#include <cmath>

#include <esrgan/error.h>
#include "kernels/backend.h"

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
    m.storage.assign(static_cast<size_t>((width + 2 * border) * (height + 2 * border) * stride), 0.0F);
    m.view = {m.storage.data() + (border * (width + 2 * border) + border) * stride,
              (width + 2 * border) * stride,
              stride,
              width,
              height,
              channels};
    if (random)
      for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
          for (int c = 0; c < channels; ++c) m.view.at(x, y)[c] = real(-1, 1);
    return m;
  }

  Convolution convolution(int in, int out, int kernel, int upsample) {
    Convolution conv;
    conv.in.channels = in;
    conv.out.channels = out;
    conv.kernel = kernel;
    conv.upsample = upsample;
    const auto span = 1 / std::sqrt(static_cast<float>(in * kernel * kernel));
    conv.weights = reals(static_cast<size_t>(in * out * kernel * kernel), -span, span);
    conv.bias = reals(static_cast<size_t>(out), -1, 1);
    if (between(0, 1) == 1) conv.slope = reals(static_cast<size_t>(out), -0.5F, 1.5F);
    conv.scale = real(0.1F, 2);
    return conv;
  }
};

TEST_F(Kernels, AgreeWithTheReference) {
  ThreadPool pool(3);
  const auto reference = make_reference_backend();
  for (int round = 0; round < 60; ++round) {
    const int upsample = between(1, 2);
    const int kernel = upsample == 2 ? 3 : 2 * between(0, 4) + 1;
    const int in = between(1, 70), out = between(1, 70), width = between(1, 40), height = between(1, 12);
    const Convolution conv = convolution(in, out, kernel, upsample);
    const Maps x = maps(width, height, in, kernel / 2, true);
    Maps expected = maps(width * upsample, height * upsample, out, 0, true);
    std::vector<Maps> others;
    for (int r = between(0, 2); r > 0; --r)
      others.push_back(maps(width * upsample, height * upsample, out, 1, true));
    std::vector<ResidualView> residuals;
    for (const Maps& other : others) residuals.push_back({other.view, real(-1, 1)});
    reference->prepare(conv)->run(x.view, expected.view, residuals, pool);
    for (const Isa isa : supported_isas()) {
      Maps found = maps(width * upsample, height * upsample, out, 0, true);
      make_cpu_backend(isa)->prepare(conv)->run(x.view, found.view, residuals, pool);
      float largest = 0;
      for (int y = 0; y < height * upsample; ++y)
        for (int px = 0; px < width * upsample; ++px)
          for (int c = 0; c < out; ++c)
            largest = std::max(largest, std::abs(found.view.at(px, y)[c] - expected.view.at(px, y)[c]));
      // Rounding errors of a sum of n products grow with n at worst.
      EXPECT_LE(largest, 1e-5F + 1e-8F * static_cast<float>(in * kernel * kernel))
          << name_of(isa) << ": " << in << " -> " << out << " channels, kernel " << kernel << ", upsample "
          << upsample << ", " << width << "x" << height;
    }
  }
}

TEST_F(Kernels, AnInPlaceResidualIsReadBeforeItIsWritten) {
  ThreadPool pool(2);
  const Convolution conv = convolution(5, 9, 3, 1);
  const Maps x = maps(20, 7, 5, 1, true);
  const Maps residual = maps(20, 7, 9, 0, true);
  for (const Isa isa : supported_isas()) {
    Maps separate = maps(20, 7, 9, 0, false), same = residual;
    same.view.origin = same.storage.data();
    make_cpu_backend(isa)->prepare(conv)->run(x.view, separate.view, {{residual.view, 0.7F}}, pool);
    make_cpu_backend(isa)->prepare(conv)->run(x.view, same.view, {{same.view, 0.7F}}, pool);
    for (int y = 0; y < 7; ++y)
      for (int px = 0; px < 20; ++px)
        for (int c = 0; c < 9; ++c)
          ASSERT_EQ(separate.view.at(px, y)[c], same.view.at(px, y)[c]) << name_of(isa);
  }
}

TEST_F(Kernels, LeaveNeighbouringChannelsAlone) {
  ThreadPool pool(1);
  const Convolution conv = convolution(3, 5, 3, 1);
  const Maps x = maps(9, 4, 3, 1, true);
  for (const Isa isa : supported_isas()) {
    std::vector<float> buffer(9 * 4 * 16, 42.0F);
    const FeatureView slice{buffer.data() + 4, 9 * 16, 16, 9, 4, 5};
    make_cpu_backend(isa)->prepare(conv)->run(x.view, slice, {}, pool);
    for (size_t i = 0; i < buffer.size(); ++i) {
      const bool outside = i % 16 < 4 || i % 16 >= 9;
      ASSERT_TRUE(!outside || buffer[i] == 42.0F) << name_of(isa) << " wrote to channel " << i % 16;
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
