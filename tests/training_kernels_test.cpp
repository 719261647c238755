// The kernels of training against the reference, on random shapes, for every instruction set of this machine.
#include <algorithm>
#include <cmath>

#include "base/thread_pool.h"
#include "device/cpu/kernels/convolutions.h"
#include "device/reference/training.h"
#include "support.h"

namespace esrgan {
namespace {

/// Maps in memory of their own, with a few channels of a stranger after each pixel's.
struct Maps {
  std::vector<float> storage;
  BatchView view;
};

class TrainingKernelsTest : public test::RandomTest {
 protected:
  Maps maps(const BatchSize& size, int channels) {
    const int pixel = channels + between(0, 3);
    Maps m;
    m.storage = reals(static_cast<size_t>(size.images * size.height * size.width * pixel), -1, 1);
    m.view = {m.storage.data(), pixel, channels};
    return m;
  }

  struct Filters {
    std::vector<float> weights, bias;
    FilterView view() { return {weights.data(), bias.data()}; }
  };
  Filters filters(int in, int out) {
    const float span = 1 / std::sqrt(static_cast<float>(in) * 9);
    return {reals(static_cast<size_t>(in * out * 9), -span, span), reals(static_cast<size_t>(out), -1, 1)};
  }

  /// Euclidean norm of the difference, in relation to that of the expected values.
  static float difference(const BatchSize& size, const BatchView& expected, const BatchView& found) {
    double sum = 0, values = 1e-12;
    for (int pixel = 0; pixel < size.images * size.height * size.width; ++pixel)
      for (int c = 0; c < expected.channels; ++c) {
        const double value = expected.data[pixel * expected.pixel + c];
        sum += std::pow(value - static_cast<double>(found.data[pixel * found.pixel + c]), 2);
        values += value * value;
      }
    return static_cast<float>(std::sqrt(sum / values));
  }
  static float difference(const std::vector<float>& expected, const std::vector<float>& found) {
    const auto view = [](const std::vector<float>& values) {
      return BatchView{const_cast<float*>(values.data()), static_cast<ptrdiff_t>(values.size()),
                       static_cast<int>(values.size())};
    };
    return difference({1, 1, 1}, view(expected), view(found));
  }

  /// Calls check(kernels, tolerance) for all that this machine has.
  template <typename Check>
  void each_kernel(const Check& check) {
    ThreadPool pool(3);
    const ParallelFor parallel{[] { return 3; },
                               [&](int parts, const std::function<void(int)>& body) {
                                 pool.parallel_for(static_cast<size_t>(parts),
                                                   [&](size_t part, int) { body(static_cast<int>(part)); });
                               }};
    for (const Isa isa : supported_isas())
      for (const bool half : {false, true}) {
        if (half && !has_half(isa)) continue;
        const TrainingKernels kernels(isa, half, parallel);
        EXPECT_EQ(std::string(kernels.name()), std::string(name_of(isa)) + (half ? "_bf16" : ""));
        check(kernels, half ? 0.1F : 2e-5F);
      }
  }

  BatchSize size() { return {between(1, 5), between(1, 20), between(1, 20)}; }
};

TEST_F(TrainingKernelsTest, AConvolutionAndItsGradientsAreTheReferences) {
  for (int round = 0; round < 12; ++round) {
    const BatchSize shape = size();
    const int in = between(1, 50), out = between(1, 50);
    const float slope = round % 3 == 0 ? 1 : round % 3 == 1 ? 0.2F : 0;
    const Maps x = maps(shape, in), dy = maps(shape, out);
    Filters w = filters(in, out), expected_dw = w;
    Maps y = maps(shape, out), dx = maps(shape, in);
    reference::convolve(shape, x.view, w.view(), slope, y.view);
    reference::convolve_gradient(shape, x.view, w.view(), slope, y.view, dy.view, dx.view,
                                 expected_dw.view());
    each_kernel([&](const TrainingKernels& kernels, float tolerance) {
      const Maps found_y = maps(shape, out), found_dx = maps(shape, in);
      Filters dw = w;
      kernels.convolve(shape, x.view, w.view(), slope, found_y.view);
      kernels.convolve_gradient(shape, x.view, w.view(), slope, y.view, dy.view, found_dx.view, dw.view());
      const auto what = [&](const char* name) {
        return std::string(kernels.name()) + ", " + name + ": " + std::to_string(in) + " -> " +
               std::to_string(out) + ", " + std::to_string(shape.images) + "x" +
               std::to_string(shape.height) + "x" + std::to_string(shape.width);
      };
      EXPECT_LE(difference(shape, y.view, found_y.view), tolerance) << what("y");
      EXPECT_LE(difference(shape, dx.view, found_dx.view), tolerance) << what("dx");
      EXPECT_LE(difference(expected_dw.weights, dw.weights), tolerance) << what("dw");
      EXPECT_LE(difference(expected_dw.bias, dw.bias), 1e-5F) << what("db");
      kernels.convolve_gradient(shape, x.view, w.view(), slope, y.view, dy.view, {}, {});  // nothing wanted
    });
  }
}

TEST_F(TrainingKernelsTest, WhatIsNotANumberStaysSo) {
  const BatchSize shape{1, 9, 9};
  Filters w = filters(20, 20);
  const Maps x = maps(shape, 20);
  x.view.data[40 * x.view.pixel + 3] = std::nanf("");  // the pixel in the middle
  each_kernel([&](const TrainingKernels& kernels, float) {
    const Maps y = maps(shape, 20);
    kernels.convolve(shape, x.view, w.view(), 0.2F, y.view);
    for (int c = 0; c < 20; ++c)
      EXPECT_TRUE(std::isnan(y.view.data[40 * y.view.pixel + c])) << kernels.name() << ", " << c;
  });
}

TEST_F(TrainingKernelsTest, PreluHasTheReferencesGradients) {
  for (int round = 0; round < 5; ++round) {
    const BatchSize shape = size();
    const int channels = between(1, 50);
    const auto dense = [&] {
      return reals(static_cast<size_t>(shape.images * shape.height * shape.width * channels), -1, 1);
    };
    std::vector<float> x = dense(), dy = dense(), dx = dense(), found_dx = dense();
    const auto view = [&](std::vector<float>& values) {
      return BatchView{values.data(), channels, channels};
    };
    const std::vector<float> slopes = reals(static_cast<size_t>(channels), -0.5F, 1);
    std::vector<float> expected(slopes.size()), found(slopes.size());
    reference::prelu_gradient(shape, view(x), slopes.data(), view(dy), view(dx), expected.data());
    each_kernel([&](const TrainingKernels& kernels, float) {
      kernels.prelu_gradient(shape, view(x), slopes.data(), view(dy), view(found_dx), found.data());
      EXPECT_EQ(dx, found_dx) << kernels.name();
      EXPECT_LE(difference(expected, found), 2e-5F) << kernels.name();
    });
  }
}

TEST_F(TrainingKernelsTest, SiluAndGateAreTheReferences) {
  for (int round = 0; round < 12; ++round) {
    const size_t count = static_cast<size_t>(between(1, 5000));
    const std::vector<float> o = reals(count, -8, 8), x = reals(count, -8, 8), dy = reals(count, -1, 1);
    const auto n = static_cast<ptrdiff_t>(count);
    std::vector<float> expected(count), second(count), found(count), found_second(count);
    each_kernel([&](const TrainingKernels& kernels, float) {
      const auto check = [&](const char* what) {
        EXPECT_LE(difference(expected, found), 1e-6F) << what << ", " << kernels.name();
      };
      reference::silu(n, x.data(), expected.data());
      kernels.silu(n, x.data(), found.data());
      check("silu");
      reference::silu_gradient(n, x.data(), dy.data(), expected.data());
      kernels.silu_gradient(n, x.data(), dy.data(), found.data());
      check("silu, gradient");
      reference::gate(n, o.data(), x.data(), expected.data());
      kernels.gate(n, o.data(), x.data(), found.data());
      check("gate");
      reference::gate_gradient(n, o.data(), x.data(), dy.data(), expected.data(), second.data());
      kernels.gate_gradient(n, o.data(), x.data(), dy.data(), found.data(), found_second.data());
      check("gate, gradient");
      EXPECT_LE(difference(second, found_second), 1e-6F) << kernels.name();
    });
  }
}

TEST(TrainingReference, HasTheGradientsOfDifferences) {
  const std::vector<float> o{-3, -0.5F, 0, 0.7F, 4}, x{1, -2, 0.5F, 3, -0.25F}, ones(o.size(), 1);
  std::vector<float> below(o.size()), above(o.size()), slope(o.size()), slope_x(o.size());
  const auto n = static_cast<ptrdiff_t>(o.size());
  constexpr float h = 1e-2F;
  const auto moved = [](std::vector<float> values, float by) {
    for (float& value : values) value += by;
    return values;
  };
  const auto check = [&](const std::vector<float>& found) {
    for (size_t i = 0; i < found.size(); ++i)
      EXPECT_NEAR((above[i] - below[i]) / (2 * h), found[i], 1e-4F) << i;
  };
  reference::silu(n, moved(x, -h).data(), below.data());
  reference::silu(n, moved(x, h).data(), above.data());
  reference::silu_gradient(n, x.data(), ones.data(), slope.data());
  check(slope);
  reference::gate_gradient(n, o.data(), x.data(), ones.data(), slope.data(), slope_x.data());
  reference::gate(n, moved(o, -h).data(), x.data(), below.data());
  reference::gate(n, moved(o, h).data(), x.data(), above.data());
  check(slope);
  reference::gate(n, o.data(), moved(x, -h).data(), below.data());
  reference::gate(n, o.data(), moved(x, h).data(), above.data());
  check(slope_x);
}

/// A dense block of convolutions and concatenations, and its gradients by the chain rule.
class DenseReference {
 public:
  DenseReference(const BatchSize& size, const TrainingKernels::DenseBlock& block)
      : size_(size), block_(block) {
    for (const int channels : block.channels) total_ += channels;
  }

  void forward(const BatchView& x, const BatchView& out) {
    known_.assign(pixels() * static_cast<size_t>(total_), 0);
    copy(x, slice(known_, 0, block_.channels[0]));
    int channels = block_.channels[0];
    for (size_t j = 0; j + 1 < block_.filters.size(); ++j) {
      reference::convolve(size_, slice(known_, 0, channels), block_.filters[j], block_.slope,
                          slice(known_, channels, block_.channels[j + 1]));
      channels += block_.channels[j + 1];
    }
    reference::convolve(size_, slice(known_, 0, channels), block_.filters.back(), 1, out);
    each(out, [&](size_t pixel, int c, float& value) {
      value *= block_.scale;
      if (block_.skip != 0) value += block_.skip * x.data[static_cast<ptrdiff_t>(pixel) * x.pixel + c];
    });
  }

  void backward(const BatchView& dout, const BatchView& dx, std::vector<FilterView> gradients) {
    std::vector<float> sum(known_.size()), part(known_.size()),
        scaled(pixels() * static_cast<size_t>(dout.channels));
    const BatchView last{scaled.data(), dout.channels, dout.channels};
    copy(dout, last);
    for (float& value : scaled) value *= block_.scale;
    int channels = total_;
    for (size_t j = block_.filters.size(); j-- > 0;) {
      const bool inner = j + 1 < block_.filters.size();
      const BatchView y = inner ? slice(known_, channels, block_.channels[j + 1]) : last;
      const BatchView dy = inner ? slice(sum, channels, block_.channels[j + 1]) : last;
      const BatchView to = slice(part, 0, channels);
      reference::convolve_gradient(size_, slice(known_, 0, channels), block_.filters[j],
                                   inner ? block_.slope : 1, y, dy, to, gradients[j]);
      each(slice(sum, 0, channels), [&](size_t pixel, int c, float& value) {
        value += to.data[static_cast<ptrdiff_t>(pixel) * to.pixel + c];
      });
      channels -= block_.channels[j];
    }
    copy(slice(sum, 0, block_.channels[0]), dx);
    if (block_.skip != 0)
      each(dx, [&](size_t pixel, int c, float& value) {
        value += block_.skip * dout.data[static_cast<ptrdiff_t>(pixel) * dout.pixel + c];
      });
  }

  BatchView inner() { return slice(known_, block_.channels[0], total_ - block_.channels[0]); }

 private:
  size_t pixels() const { return static_cast<size_t>(size_.images * size_.height * size_.width); }
  BatchView slice(std::vector<float>& maps, int first, int count) const {
    return {maps.data() + first, total_, count};
  }
  template <typename Body>
  void each(const BatchView& view, const Body& body) const {
    for (size_t pixel = 0; pixel < pixels(); ++pixel)
      for (int c = 0; c < view.channels; ++c)
        body(pixel, c, view.data[static_cast<ptrdiff_t>(pixel) * view.pixel + c]);
  }
  void copy(const BatchView& from, const BatchView& to) const {
    each(to, [&](size_t pixel, int c, float& value) {
      value = from.data[static_cast<ptrdiff_t>(pixel) * from.pixel + c];
    });
  }

  BatchSize size_;
  TrainingKernels::DenseBlock block_;
  int total_ = 0;
  std::vector<float> known_;
};

TEST_F(TrainingKernelsTest, ADenseBlockIsItsConvolutions) {
  for (int round = 0; round < 6; ++round) {
    const BatchSize shape = size();
    TrainingKernels::DenseBlock block;
    const bool even = round % 2 == 0;  // channels that fill whole vectors take another path
    block.channels.push_back(even ? 32 : between(1, 40));
    for (int j = between(0, 4); j > 0; --j) block.channels.push_back(even ? 16 : between(1, 20));
    block.out_channels = block.channels[0];
    block.slope = 0.2F;
    block.scale = real(0.1F, 1);
    block.skip = round % 3 == 0 ? 0.0F : 1.0F;
    std::vector<Filters> w, expected, found;
    int in = 0;
    for (size_t j = 0; j < block.channels.size(); ++j) {
      in += block.channels[j];
      w.push_back(filters(in, j + 1 < block.channels.size() ? block.channels[j + 1] : block.out_channels));
    }
    expected = found = w;
    std::vector<FilterView> expected_views, found_views;
    for (size_t j = 0; j < w.size(); ++j) {
      block.filters.push_back(w[j].view());
      expected_views.push_back(expected[j].view());
      found_views.push_back(found[j].view());
    }
    const Maps x = maps(shape, block.channels[0]), dout = maps(shape, block.out_channels);
    const Maps out = maps(shape, block.out_channels), dx = maps(shape, block.channels[0]);
    DenseReference dense(shape, block);
    dense.forward(x.view, out.view);
    dense.backward(dout.view, dx.view, expected_views);
    each_kernel([&](const TrainingKernels& kernels, float tolerance) {
      const Maps inner = maps(shape, std::max(1, dense.inner().channels)),
                 found_out = maps(shape, block.out_channels), found_dx = maps(shape, block.channels[0]);
      kernels.dense_block(shape, block, x.view, inner.view, found_out.view);
      EXPECT_LE(difference(shape, out.view, found_out.view), tolerance) << kernels.name();
      EXPECT_LE(difference(shape, dense.inner(), inner.view), tolerance) << kernels.name();
      // The gates of the gradients are those of the exact maps: a sign that rounding turned is no error of
      // theirs.
      kernels.dense_block_gradient(shape, block, x.view, dense.inner(), dout.view, found_dx.view,
                                   found_views);
      EXPECT_LE(difference(shape, dx.view, found_dx.view), tolerance) << kernels.name();
      for (size_t j = 0; j < w.size(); ++j) {
        EXPECT_LE(difference(expected[j].weights, found[j].weights), tolerance)
            << kernels.name() << ", filters " << j;
        // Sums of either sign: what is left of them can be smaller than what bfloat16 leaves out. They are
        // always made of floats by the same loop, so that one arithmetic vouches for both.
        if (tolerance > 1e-3F) continue;
        EXPECT_LE(difference(expected[j].bias, found[j].bias), 5 * tolerance)
            << kernels.name() << ", bias " << j;
      }
    });
  }
}

}  // namespace
}  // namespace esrgan
