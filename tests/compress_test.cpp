// Pruned networks, and networks of 8-bit numbers.
#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "compress/channel_ties.h"
#include "compress/prune.h"
#include "compress/quantise.h"
#include "device/reference/reference_device.h"
#include "export/onnx_export.h"
#include "model/family.h"
#include "support.h"
#include "torch_cases.h"
#include "weights/read_weights.h"
#include "weights/safetensors.h"

namespace esrgan {
namespace {

namespace fs = std::filesystem;

class Compress : public test::RandomTest {
 protected:
  std::vector<float> run(const Graph& graph, int side, const std::vector<float>& picture) {
    const auto executor = device_->compile(graph, false);
    std::vector<float> result(
        static_cast<size_t>(side * side * executor->scale() * executor->scale() * executor->out_channels()));
    executor->run(picture.data(), side, side, result.data(), {});
    return result;
  }

  /// Silences groups of channels: what makes them is zero, with its bias.
  Model silenced(const Model& folded, const ChannelTies& ties, const std::vector<bool>& silent) {
    Model model = folded;
    const Graph graph = build_graph(folded);
    for (const Operation& operation : graph.operations) {
      const auto* conv = std::get_if<Convolution>(&operation);
      if (conv == nullptr || !model.weights.has_layer(conv->name)) continue;
      std::vector<float>& weights = model.weights.tensors.at(conv->name + ".weight").values;
      const size_t row = weights.size() / static_cast<size_t>(conv->out_channels);
      for (int c = 0; c < conv->out_channels; ++c) {
        if (!silent[static_cast<size_t>(ties.group(conv->out, c))]) continue;
        std::fill_n(weights.begin() + static_cast<std::ptrdiff_t>(row) * c, row, 0.0F);
        if (model.weights.contains(conv->name + ".bias"))
          model.weights.tensors.at(conv->name + ".bias").values[static_cast<size_t>(c)] = 0;
      }
    }
    return model;
  }

 private:
  std::unique_ptr<Device> device_ = make_reference_device();
};

/// As a file that holds what building the graph folded.
Model folded(const Model& model) {
  PruneOptions all;
  all.keep = 1;
  return prune(model, {}, all);
}

TEST_F(Compress, ChannelsThatSayNothingLeaveWithoutATrace) {
  size_t pruned_networks = 0;
  for (const fs::path& file : test::torch_cases()) {
    SCOPED_TRACE(file.stem().string());
    if (test::sees_frames(file)) {
      EXPECT_NE(test::error_of([&] { folded(read_model(file)); }).find("several frames"), std::string::npos);
      continue;
    }
    const Model whole = folded(read_model(file));
    const Graph graph = build_graph(whole);
    const ChannelTies ties(graph, whole.weights);
    std::vector<bool> silent(static_cast<size_t>(ties.count()));
    for (int group = 0; group < ties.count(); ++group)
      silent[static_cast<size_t>(group)] = ties.is_removable(group) && between(0, 2) > 0;
    const Model quiet = silenced(whole, ties, silent);
    PruneOptions options;
    options.keep = 0.75;
    options.multiple = 1;
    const Model found = prune(quiet, magnitude_importance(quiet), options);
    const Graph before = build_graph(quiet), after = build_graph(found);
    EXPECT_LE(after.macs_per_pixel(), 0.75 * before.macs_per_pixel());
    EXPECT_LT(parameter_count(found.weights), parameter_count(quiet.weights));
    const int side = 2 * before.input_density();
    const std::vector<float> picture =
        reals(static_cast<size_t>(side * side * before.map(before.input).channels));
    const std::vector<float> expected = run(before, side, picture), made = run(after, side, picture);
    ASSERT_EQ(made.size(), expected.size());
    double largest = 0;
    for (const float value : expected) largest = std::max(largest, std::abs(static_cast<double>(value)));
    for (size_t i = 0; i < made.size(); ++i) ASSERT_NEAR(made[i], expected[i], 1e-5 * largest);
    ++pruned_networks;
  }
  EXPECT_GE(pruned_networks, 24U);
}

TEST_F(Compress, WhatMattersStays) {
  const Model model = read_model(fs::path(ESRGAN_TORCH_CASES) / "compact_prelu_x4.pth");
  const Graph graph = build_graph(model);
  // Of the first layer every second channel matters, of the others all do.
  ChannelImportance importance = magnitude_importance(model);
  for (auto& [name, own] : importance)
    for (size_t c = 0; c < own.size(); ++c) own[c] = name == "body.0" && c % 2 == 0 ? 1e-6 : 1;
  PruneOptions options;
  options.multiple = 2;
  options.keep = 0.9;
  const Model pruned = prune(model, importance, options);
  const Tensor &before = model.weights.at("body.0.weight"), &after = pruned.weights.at("body.0.weight");
  ASSERT_LT(after.shape[0], before.shape[0]);
  ASSERT_GE(after.shape[0], before.shape[0] / 2);
  EXPECT_EQ(after.shape[0] % 2, before.shape[0] % 2 == 0 ? 0 : 1);
  const size_t row = before.values.size() / static_cast<size_t>(before.shape[0]);
  for (int64_t c = 1; c < before.shape[0]; c += 2) {
    const auto begin = before.values.begin() + static_cast<std::ptrdiff_t>(row) * c;
    EXPECT_NE(std::search(after.values.begin(), after.values.end(), begin,
                          begin + static_cast<std::ptrdiff_t>(row)),
              after.values.end())
        << "channel " << c;
  }
  options.per_layer = true;
  options.keep = 0.5;
  const Model equal = prune(model, importance, options);
  EXPECT_LE(build_graph(equal).macs_per_pixel(), 0.5 * graph.macs_per_pixel());
  EXPECT_EQ(equal.weights.at("body.2.weight").shape[0], equal.weights.at("body.0.weight").shape[0]);
  options.keep = 0.001;
  EXPECT_THROW(prune(model, importance, options), Error);

  const test::TemporaryFolder folder;
  write_safetensors(pruned.weights, ElementType::f32, folder / "pruned.safetensors");
  EXPECT_EQ(build_graph(read_model(folder / "pruned.safetensors")).macs_per_pixel(),
            build_graph(pruned).macs_per_pixel());
}

TEST_F(Compress, GammasAreThoseBehindTheConvolutions) {
  const Model model = read_model(fs::path(ESRGAN_TORCH_CASES) / "srresnet_canonical.pth");
  const ChannelImportance importance = gamma_importance(model);
  const Tensor& gamma = model.weights.at("body.0.bn1.weight");
  ASSERT_EQ(importance.at("body.0.conv1").size(), gamma.values.size());
  for (size_t c = 0; c < gamma.values.size(); ++c)
    EXPECT_FLOAT_EQ(static_cast<float>(importance.at("body.0.conv1")[c]), std::abs(gamma.values[c]));
  EXPECT_TRUE(importance.contains("conv_body"));
  EXPECT_FALSE(importance.contains("conv_first"));
  EXPECT_TRUE(gamma_importance(read_model(fs::path(ESRGAN_TORCH_CASES) / "compact_prelu_x4.pth")).empty());
}

/// Layers that are sound by themselves and do not fit the map that they are to see.
TEST_F(Compress, LayersOfAnotherWidthAreNoNetwork) {
  Model model = read_model(fs::path(ESRGAN_TORCH_CASES) / "span_16_x4.pth");
  build_graph(model);
  StateDict& weights = model.weights;
  for (const char* part : {".sk", ".conv.0", ".conv.1", ".conv.2"})
    for (const char* tensor : {".weight", ".bias"})
      weights.tensors.at(std::string("block_2.c2_r") + part + tensor) =
          weights.at(std::string("conv_1") + part + tensor);
  EXPECT_NE(test::error_of([&] { build_graph(model); }).find("block_2.c2_r"), std::string::npos);
}

TEST_F(Compress, EightBitsAreRounded) {
  const Model model = read_model(fs::path(ESRGAN_TORCH_CASES) / "compact_prelu_x4.pth");
  const QuantisedRange range{-0.5F, 1.5F};
  EXPECT_NEAR(range.step(), 2 / 255.0F, 1e-7F);
  EXPECT_EQ(range.zero(), 64);
  EXPECT_EQ((QuantisedRange{0, 0}.step()), 1);
  const onnx::Model whole = onnx_model(model, {});
  const onnx::Model eight = quantised(whole, {{"body.2", {range, {-1, 1}}}});
  const auto count = [](const onnx::Model& network, const std::string& type) {
    return std::count_if(network.nodes.begin(), network.nodes.end(),
                         [&](const onnx::Node& node) { return node.type == type; });
  };
  EXPECT_EQ(count(eight, "QuantizeLinear"), 2);
  EXPECT_EQ(count(eight, "DequantizeLinear"), 3);
  EXPECT_EQ(count(eight, "Conv"), count(whole, "Conv"));
  // Levels times scales are the weights, to half a level.
  const auto tensor = [&](const std::string& end) {
    return *std::find_if(eight.initializers.begin(), eight.initializers.end(), [&](const onnx::Tensor& each) {
      return each.name == made_up_name + ("body.2.weight" + end);
    });
  };
  const onnx::Tensor levels = tensor("_levels"), scales = tensor("_scale");
  const Tensor& weights = model.weights.at("body.2.weight");
  const size_t row = weights.values.size() / static_cast<size_t>(weights.shape[0]);
  for (size_t i = 0; i < weights.values.size(); ++i) {
    float scale = 0;
    std::memcpy(&scale, scales.bytes.data() + i / row * sizeof scale, sizeof scale);
    EXPECT_NEAR(static_cast<int8_t>(levels.bytes[i]) * scale, weights.values[i], 0.51F * scale);
  }
  const test::TemporaryFolder folder;
  test::write_bytes(folder / "q.onnx", onnx::write(eight));
  try {
    read_model(folder / "q.onnx");
    ADD_FAILURE() << "a quantised network was taken";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("quantised"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace esrgan
