// Small networks and pictures that go through the whole engine.
#pragma once

#include <esrgan/upscaler.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "support.h"
#include "weights/safetensors.h"

namespace esrgan::test {

class Engine : public RandomTest {
 protected:
  Engine() { write_safetensors(small_network(random_), ElementType::f32, model()); }
  std::string model() const { return folder_ / "small.safetensors"; }

  /// An RRDBNet with random weights.
  StateDict small_rrdb(int in_channels, int out_channels) {
    StateDict weights{"made by the test", "safetensors", {}, {}};
    const auto add = [&](const std::string& name, int in, int out) {
      const auto span = 1 / std::sqrt(static_cast<float>(9 * in));
      weights.tensors[name + ".weight"] = {
          {out, in, 3, 3}, reals(static_cast<size_t>(9 * in * out), -span, span), ElementType::f32};
      weights.tensors[name + ".bias"] = {{out}, reals(static_cast<size_t>(out), 0, 0.1F), ElementType::f32};
    };
    add("conv_first", in_channels, 8);
    for (int k = 1; k <= 3; ++k)
      for (int j = 1; j <= 5; ++j)
        add("body.0.rdb" + std::to_string(k) + ".conv" + std::to_string(j), 8 + 4 * (j - 1), j < 5 ? 4 : 8);
    for (const char* name : {"conv_body", "conv_up1", "conv_up2", "conv_hr"}) add(name, 8, 8);
    add("conv_last", 8, out_channels);
    return weights;
  }

  Image upscale(const Image& image, const std::function<void(UpscaleOptions&)>& change = {}) const {
    UpscaleOptions options;
    options.threads = 2;
    options.tile = 0;
    if (change) change(options);
    return Upscaler(model(), options).upscale(image);
  }

  /// Largest difference in float samples.
  static float difference(const Image& a, const Image& b) {
    EXPECT_EQ(a.info.width, b.info.width);
    EXPECT_EQ(a.info.height, b.info.height);
    EXPECT_EQ(a.samples.size(), b.samples.size());
    float largest = 0;
    for (size_t i = 0; i < a.samples.size() / sizeof(float); ++i)
      largest = std::max(largest, std::abs(a.data<float>()[i] - b.data<float>()[i]));
    return largest;
  }

  TemporaryFolder folder_;
};

}  // namespace esrgan::test
