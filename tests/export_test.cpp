// Exported networks read back: the same tensors, and the same pictures.
#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "device/reference/reference_device.h"
#include "export/ncnn_export.h"
#include "export/onnx_export.h"
#include "export/pth_export.h"
#include "model/family.h"
#include "support.h"
#include "torch_cases.h"
#include "weights/onnx_file.h"
#include "weights/read_weights.h"

namespace esrgan {
namespace {

namespace fs = std::filesystem;

void write_text_file(const fs::path& path, const std::string& text) {
  write_file(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

/// Every way out, and back in.
std::vector<std::pair<std::string, Model>> round_trips(const Model& model, bool half) {
  const test::TemporaryFolder folder;
  const fs::path onnx = folder / "net.onnx", pth = folder / "net.pth", param = folder / "net.param";
  write_file(onnx, export_onnx(model, {half, false}));
  export_pth(model, half, pth);
  const NcnnFiles ncnn = export_ncnn(model, half);
  write_file(folder / "net.bin", ncnn.bin);
  write_text_file(param, ncnn.param);
  std::vector<std::pair<std::string, Model>> found;
  for (const fs::path& file :
       model.architecture.frames > 1 ? std::vector{pth} : std::vector{onnx, pth, param})
    found.emplace_back(file.extension().string(), read_model(file));
  return found;
}

class Export : public test::RandomTest {
 protected:
  std::vector<float> run(const Model& model, int width, int height, const std::vector<float>& picture) {
    const auto executor = device_->compile(build_graph(model), false);
    std::vector<float> result(static_cast<size_t>(width * height * executor->scale() * executor->scale() *
                                                  executor->out_channels()));
    executor->run(picture.data(), width, height, result.data(), {});
    return result;
  }

 private:
  std::unique_ptr<Device> device_ = make_reference_device();
};

std::set<std::string> names_of(const StateDict& weights) {
  std::set<std::string> names;
  for (const auto& [name, tensor] : weights.tensors) names.insert(name);
  return names;
}

TEST_F(Export, ComesBackAsItWas) {
  size_t equal = 0;
  for (const fs::path& file : test::torch_cases()) {
    const Model model = read_model(file);
    const Graph graph = build_graph(model);
    const int side = 4 * graph.input_density();
    const std::vector<float> picture =
        reals(static_cast<size_t>(side * side * graph.map(graph.input).channels));
    const std::vector<float> expected = run(model, side, side, picture);
    for (const auto& [kind, back] : round_trips(model, false)) {
      SCOPED_TRACE(file.stem().string() + kind);
      EXPECT_EQ(back.architecture.scale, model.architecture.scale);
      const std::vector<float> found = run(back, side, side, picture);
      ASSERT_EQ(found.size(), expected.size());
      double largest = 0, range = 0;
      for (size_t i = 0; i < found.size(); ++i) {
        largest =
            std::max(largest, std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i])));
        range = std::max(range, std::abs(static_cast<double>(expected[i])));
      }
      EXPECT_LE(largest, 1e-5 * range);
      // Where nothing was folded, no number has changed.
      if (names_of(back.weights) != names_of(model.weights) || file.stem() == "rrdb_transposed_x4") continue;
      for (const auto& [name, tensor] : model.weights.tensors)
        EXPECT_EQ(back.weights.at(name).values, tensor.values) << name;
      ++equal;
    }
  }
  EXPECT_GE(equal, 3 * 24U);
}

TEST_F(Export, HalfIsRounded) {
  for (const fs::path& file : test::torch_cases()) {
    const std::string name = file.stem().string();
    if (name != "rrdb_canonical_x4" && name != "compact_prelu_x4" && name != "span_48_no_norm_x4") continue;
    const Model model = read_model(file);
    const std::vector<float> picture = reals(8 * 8 * 3), expected = run(model, 8, 8, picture);
    double range = 0;
    for (const float value : expected) range = std::max(range, std::abs(static_cast<double>(value)));
    for (const auto& [kind, back] : round_trips(model, true)) {
      const std::vector<float> found = run(back, 8, 8, picture);
      double squares = 0;
      for (size_t i = 0; i < found.size(); ++i)
        squares += std::pow(static_cast<double>(found[i]) - static_cast<double>(expected[i]), 2);
      const double psnr = 10 * std::log10(range * range * static_cast<double>(found.size()) / squares);
      EXPECT_GT(psnr, 55) << name << kind;
      EXPECT_TRUE(std::isfinite(psnr)) << "nothing was rounded in " << name << kind;
    }
  }
}

TEST_F(Export, ThePickleIsTheSameEachTime) {
  const Model model = read_model(test::torch_cases().front());
  const test::TemporaryFolder folder;
  for (const char* name : {"a.pth", "b.pth"}) export_pth(model, false, folder / name);
  const MappedFile first(folder / "a.pth"), second(folder / "b.pth");
  EXPECT_TRUE(std::ranges::equal(first.bytes(), second.bytes()));
}

/// What is damaged is an Error or another network, never anything else.
TEST_F(Export, DamagedOnnxIsRefused) {
  const std::vector<uint8_t> whole = export_onnx(read_model(test::torch_cases().front()), {});
  const test::TemporaryFolder folder;
  const fs::path file = folder / "damaged.onnx";
  size_t refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::vector<uint8_t> bytes = whole;
    if (i % 2 == 0)
      bytes.resize(static_cast<size_t>(between(4, static_cast<int>(whole.size()) - 1)));
    else
      for (int k = 0; k < 4; ++k)
        bytes[static_cast<size_t>(between(0, std::min(4000, static_cast<int>(whole.size())) - 1))] =
            static_cast<uint8_t>(between(0, 255));
    write_file(file, bytes);
    try {
      build_graph(read_model(file));
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 150U);
}

TEST_F(Export, ForeignOnnxIsNamed) {
  const test::TemporaryFolder folder;
  const fs::path file = folder / "net.onnx";
  const auto message = [&](const std::string& weights, onnx::Type type) {
    onnx::Model model;
    model.nodes.push_back({"Conv", "first", {"input", weights}, {"output"}});
    model.initializers.push_back({weights, type, {1}, std::vector<uint8_t>(4)});
    write_file(file, onnx::write(model));
    try {
      read_model(file);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(message("onnx::Conv_12", onnx::Type::f32).find("lost their names"), std::string::npos);
  EXPECT_NE(message("conv_first.weight", onnx::Type::i8).find("quantised"), std::string::npos);
  EXPECT_NE(message("conv_first.weight", onnx::Type::f32).find("no network that is known"),
            std::string::npos);
}

}  // namespace
}  // namespace esrgan
