// The engine against PyTorch: networks with random weights that tests/torch/make_cases.py saved and ran.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "device/cpu/cpu_device.h"
#include "model/model.h"
#include "torch_cases.h"
#include "weights/read_weights.h"

namespace esrgan {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const fs::path& file : test::torch_cases()) names.push_back(file.stem().string());
  return names;
}

double largest_difference(const Tensor& expected, const std::vector<float>& found) {
  const auto [low, high] = std::minmax_element(expected.values.begin(), expected.values.end());
  double largest = 0;
  for (size_t i = 0; i < found.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(expected.values[i]) - found[i]));
  // A single pixel has hardly a range; its values count then.
  const double range = std::max<double>(*high - *low, std::max(std::abs(*low), std::abs(*high)));
  return largest / range;
}

TEST(Torch, EveryArchitectureOnEveryInstructionSet) {
  const std::vector<std::string> names = case_names();
  ASSERT_GE(names.size(), 24U);
  ThreadPool pool(2);
  for (const Isa isa : supported_isas()) {
    const auto device = make_cpu_device(pool, isa);
    double worst = 0;
    std::string worst_name;
    for (const std::string& name : names) {
      const fs::path base = fs::path(ESRGAN_TORCH_CASES) / name;
      const auto network = device->compile(build_graph(read_model(base.string() + ".pth")), false);
      const StateDict data = read_weights(base.string() + ".safetensors");
      for (int k = 0; data.contains("in." + std::to_string(k)); ++k) {
        const Tensor& in = data.at("in." + std::to_string(k));
        const Tensor& out = data.at("out." + std::to_string(k));
        const int height = static_cast<int>(in.shape[0]), width = static_cast<int>(in.shape[1]);
        ASSERT_EQ(out.shape[0], height * network->scale()) << name;
        ASSERT_EQ(out.shape[1], width * network->scale()) << name;
        std::vector<float> found(out.values.size());
        network->run(in.values.data(), width, height, found.data(), {});
        const double difference = largest_difference(out, found);
        EXPECT_LE(difference, 2e-5) << name << ", " << width << "x" << height << ", " << name_of(isa);
        if (difference > worst) {
          worst = difference;
          worst_name = name;
        }
      }
    }
    std::printf("%s: %zu networks, largest difference %.2e of the output range (%s)\n",
                device->kernels(false), names.size(), worst, worst_name.c_str());
    EXPECT_STREQ(device->kernels(false), name_of(isa));
  }
}

}  // namespace
}  // namespace esrgan
