// Networks on GPUs: what is planned for them, and what comes out, on every Vulkan device of this machine;
// without one (script/setup test brings Mesa's lavapipe) what needs one is skipped.
#include "device/vulkan/vulkan_device.h"

#include <esrgan/log.h>
#include <vulkan/vulkan_core.h>

#include <atomic>
#include <cmath>
#include <map>

#include "device/cpu/cpu_device.h"
#include "device/team.h"
#include "device/vulkan/plan.h"
#include "operations_fixture.h"

namespace esrgan {
namespace {

using vulkan::ConvolutionStep;
using vulkan::Plan;
using vulkan::Step;

Graph graph_of(const std::string& model) {
  return build_graph(read_model(ESRGAN_MODELS_FOLDER + ("/" + model) + ".safetensors"));
}

// ---- the plan ----

TEST(VulkanPlan, FusesWhatFollowsConvolutions) {
  const Graph graph = graph_of("builtin-x4");  // SPAN: SiLU, gates and a pixel-shuffle
  const Plan plan(graph, {});
  for (const Step& step : plan.steps()) EXPECT_TRUE(std::holds_alternative<ConvolutionStep>(step));
  double macs = 0;
  for (const Step& step : plan.steps()) macs += plan.macs(step);
  EXPECT_DOUBLE_EQ(macs, graph.macs_per_pixel());
}

TEST(VulkanPlan, DenseBlocksMoveLittle) {
  const Graph graph = graph_of("rrdb-x4");
  const Plan plan(graph, {});
  double bytes = 0;
  int blocks = 0;
  for (const Step& step : plan.steps()) {
    const auto& op = std::get<Convolution>(graph.operations[std::get<ConvolutionStep>(step).operation]);
    if (op.name.find("rdb") == std::string::npos) continue;
    bytes += plan.traffic(step, 2);
    if (op.out_channels == 48) ++blocks;
  }
  ASSERT_EQ(blocks, 9);
  // With 64 features and growth 32, as published, a third more: 1.7 kB.
  EXPECT_LE(bytes / blocks * 64 / 48, 2000);
}

/// From the step that writes a map to the last that reads it, nothing else lies there.
TEST(VulkanPlan, MapsKeepTheirPlaceWhileTheyAreRead) {
  for (const char* const model : {"builtin-x4", "rrdb-x4"}) {
    const Graph graph = graph_of(model);
    const Plan plan(graph, {});
    const vulkan::Layout layout = plan.layout(13, 9);
    const auto place = [&](MapId map) { return layout.maps[static_cast<size_t>(map)].begin; };
    std::map<uint64_t, MapId> held = {{place(graph.input), graph.input}};
    const auto expect_held = [&](MapId map) { EXPECT_EQ(held.at(place(map)), map) << model; };
    for (const Step& step : plan.steps()) {
      const auto& s = std::get<ConvolutionStep>(step);
      for (const MapId map : inputs_of(graph.operations[s.operation])) expect_held(map);
      for (const MapId map : {s.gate, s.base})
        if (map >= 0) expect_held(map);
      held[place(s.out)] = s.out;
    }
    expect_held(graph.output);
  }
}

// ---- devices ----

class Vulkan : public test::Operations {
 protected:
  void SetUp() override {
    if (vulkan_gpus(true).empty()) GTEST_SKIP() << "no Vulkan here";
    set_log_sink([this](LogLevel, const std::string& text) { said_ += text + "\n"; });
  }
  void TearDown() override { set_log_sink({}); }

  std::unique_ptr<Device> gpu(VulkanTrial trial = {}) {
    return make_vulkan_device(vulkan_gpus(true).front().number, std::move(trial));
  }
  std::unique_ptr<Device> team_of(std::vector<std::unique_ptr<Device>> members) {
    return make_team(std::move(members), make_cpu_device(pool_));
  }
  std::unique_ptr<Device> team_of(std::unique_ptr<Device> member) {
    std::vector<std::unique_ptr<Device>> members;
    members.push_back(std::move(member));
    return team_of(std::move(members));
  }

  static double psnr(const std::vector<float>& a, const std::vector<float>& b) {
    double squares = 0;
    for (size_t i = 0; i < a.size(); ++i)
      squares += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    return -10 * std::log10(squares / static_cast<double>(a.size()));
  }

  std::vector<Graph> networks() {
    std::vector<Graph> found;
    found.push_back(graph_of("builtin-x4"));
    found.push_back(graph_of("rrdb-x4"));
    found.push_back(build_graph(detect_model(test::small_network(random_, 24, 4, 4))));
    return found;
  }

  ThreadPool pool_{2};
  std::string said_;
};

TEST_F(Vulkan, NetworksAreAsOnTheProcessor) {
  const int width = 33, height = 32;
  const std::vector<float> in = reals(static_cast<size_t>(width * height * 3));
  for (const VulkanGpu& each : vulkan_gpus(true)) {
    const auto device = make_vulkan_device(each.number);
    for (const Graph& graph : networks()) {
      const std::vector<float> expected =
          run(*make_cpu_device(pool_)->compile(graph, false), in, width, height);
      EXPECT_LE(largest_difference(expected, run(*device->compile(graph, false), in, width, height)), 2e-5F)
          << device->description();
      if (device->half() == HalfPrecision::none) continue;
      EXPECT_GE(psnr(expected, run(*device->compile(graph, true), in, width, height)), 50)
          << device->description();
    }
  }
}

/// The same size twice, and another one between: recordings are made anew, and nothing of a run is left over.
TEST_F(Vulkan, RunsDoNotTouchEachOther) {
  const auto executor = gpu()->compile(graph_of("builtin-x4"), false);
  const std::vector<float> in = reals(size_t{20} * 12 * 3), other = reals(size_t{9} * 31 * 3);
  const std::vector<float> first = run(*executor, in, 20, 12);
  run(*executor, other, 9, 31);
  EXPECT_EQ(run(*executor, in, 20, 12), first);
}

/// In whatever order they are announced, withdrawn and run, results are those of single runs, and the next
/// input is begun with before the last is given back.
TEST_F(Vulkan, InputsMayBeAnnouncedAhead) {
  auto submissions = std::make_shared<std::atomic<int>>(0);
  VulkanTrial trial;
  trial.fault = [submissions](const std::string& call) {
    if (call == "submit") ++*submissions;
    return 0;
  };
  const auto executor = team_of(gpu(trial))->compile(graph_of("builtin-x4"), false);
  constexpr int width = 20, height = 12, count = 4;
  std::vector<std::vector<float>> inputs, expected;
  for (int i = 0; i < count; ++i) {
    inputs.push_back(reals(size_t{width} * height * 3));
    expected.push_back(run(*executor, inputs.back(), width, height));
  }
  const auto announce = [&](int i) {
    executor->announce(inputs[static_cast<size_t>(i)].data(), width, height);
  };
  const auto check = [&](int i) {
    EXPECT_EQ(run(*executor, inputs[static_cast<size_t>(i)], width, height),
              expected[static_cast<size_t>(i)]);
  };
  *submissions = 0;
  check(0);
  const int alone = *submissions;
  for (int i = 0; i < count; ++i) {  // as tiles come
    if (i + 1 < count) announce(i + 1);
    *submissions = 0;
    check(i);
    EXPECT_EQ(*submissions, alone + (i + 1 < count ? 1 : 0) - (i > 0 ? 1 : 0)) << i;
  }
  for (int step = 0; step < 200; ++step) {
    const int i = between(0, count - 1);
    switch (between(0, 5)) {
      case 0:
        executor->withdraw();
        break;
      case 1:
      case 2:
        announce(i);
        break;
      case 3:
        if (between(0, 9) == 0) {
          const std::vector<float> other = reals(size_t{9} * 8 * 3);
          run(*executor, other, 9, 8);
        }
        break;
      default:
        check(i);
    }
  }
  // What is told again is read again.
  announce(0);
  executor->withdraw();
  inputs[0] = inputs[1];
  EXPECT_EQ(run(*executor, inputs[0], width, height), expected[1]);
}

TEST_F(Vulkan, AnAnnouncedInputIsComputedElsewhereWhenTheDeviceIsLost) {
  const Graph graph = build_graph(detect_model(test::small_network(random_, 16, 2, 2)));
  auto left = std::make_shared<std::atomic<int>>(1'000'000);
  VulkanTrial trial;
  trial.fault = [left](const std::string& call) {
    return call == "submit" && (*left)-- <= 0 ? static_cast<int>(VK_ERROR_DEVICE_LOST) : 0;
  };
  const auto executor = team_of(gpu(trial))->compile(graph, false);
  const auto cpu = make_cpu_device(pool_)->compile(graph, false);
  const std::vector<float> first = reals(size_t{24} * 20 * 3), second = reals(first.size());
  run(*executor, first, 24, 20);
  *left = 1;  // this one's, and not the next's
  executor->announce(second.data(), 24, 20);
  EXPECT_LE(largest_difference(run(*cpu, first, 24, 20), run(*executor, first, 24, 20)), 2e-5F);
  EXPECT_LE(largest_difference(run(*cpu, second, 24, 20), run(*executor, second, 24, 20)), 2e-5F);
}

TEST_F(Vulkan, ThreeDevicesShareATile) {
  const Graph graph = build_graph(detect_model(test::small_network(random_, 16, 2, 2)));
  const int width = 24, height = 60;
  const std::vector<float> in = reals(static_cast<size_t>(width * height * 3));
  std::vector<std::unique_ptr<Device>> members;
  members.push_back(gpu());
  members.push_back(gpu());
  members.push_back(make_cpu_device(pool_));
  const auto executor = team_of(std::move(members))->compile(graph, false);
  const std::vector<float> expected = run(*make_cpu_device(pool_)->compile(graph, false), in, width, height);
  for (int time = 0; time < 4; ++time)  // shares follow the speeds
    EXPECT_LE(largest_difference(expected, run(*executor, in, width, height)), 2e-5F);
}

TEST_F(Vulkan, ALostDeviceIsReplaced) {
  const Graph graph = build_graph(detect_model(test::small_network(random_, 16, 2, 2)));
  const std::vector<float> in = reals(size_t{24} * 60 * 3);
  const std::vector<float> expected = run(*make_cpu_device(pool_)->compile(graph, false), in, 24, 60);
  for (const int others : {0, 1}) {
    said_.clear();
    auto lost = std::make_shared<std::atomic<bool>>(false);
    std::vector<std::unique_ptr<Device>> members;
    VulkanTrial trial;
    trial.fault = [lost](const std::string& call) {
      return *lost && call == "submit" ? static_cast<int>(VK_ERROR_DEVICE_LOST) : 0;
    };
    members.push_back(gpu(trial));
    for (int i = 0; i < others; ++i) members.push_back(gpu());
    const auto device = team_of(std::move(members));
    const auto executor = device->compile(graph, false);
    EXPECT_LE(largest_difference(expected, run(*executor, in, 24, 60)), 2e-5F);
    EXPECT_EQ(said_, "");
    *lost = true;
    EXPECT_LE(largest_difference(expected, run(*executor, in, 24, 60)), 2e-5F);
    EXPECT_NE(said_.find("gpu:"), std::string::npos) << said_;
    EXPECT_EQ(said_.find("the processor computes the rest") != std::string::npos, others == 0) << said_;
    EXPECT_LE(largest_difference(expected, run(*executor, in, 24, 60)), 2e-5F);
  }
}

TEST_F(Vulkan, WhereMemoryEndsTilesAreCut) {
  const Graph graph = build_graph(detect_model(test::small_network(random_, 16, 2, 2)));
  const std::vector<float> in = reals(size_t{24} * 60 * 3);
  const std::vector<float> expected = run(*make_cpu_device(pool_)->compile(graph, false), in, 24, 60);
  for (const bool always : {false, true}) {
    said_.clear();
    auto failures = std::make_shared<std::atomic<int>>(0);
    VulkanTrial trial;
    trial.fault = [failures](const std::string& call) {
      return call == "memory" && (*failures)-- > 0 ? static_cast<int>(VK_ERROR_OUT_OF_DEVICE_MEMORY) : 0;
    };
    const auto device = team_of(gpu(trial));
    const auto executor = device->compile(graph, false);
    *failures = always ? 1'000'000 : 1;
    EXPECT_LE(largest_difference(expected, run(*executor, in, 24, 60)), 2e-5F);
    EXPECT_NE(said_.find("two parts"), std::string::npos) << said_;
    EXPECT_EQ(said_.find("the processor computes the rest") != std::string::npos, always) << said_;
  }
}

/// What the matrix units are given, in plain arithmetic: tiles, borders, the order of weights, what follows
/// the sums.
TEST_F(Vulkan, MatricesAreAsPlainArithmetic) {
  VulkanTrial trial;
  trial.plain_matrices = true;
  const auto device = gpu(trial);
  if (device->half() == HalfPrecision::none) GTEST_SKIP() << "no 16-bit numbers here";
  const int width = 19, height = 22;
  const std::vector<float> in = reals(static_cast<size_t>(width * height * 3));
  for (const Graph& graph : networks()) {
    const std::vector<float> expected =
        run(*make_cpu_device(pool_)->compile(graph, false), in, width, height);
    EXPECT_GE(psnr(expected, run(*device->compile(graph, true), in, width, height)), 50);
  }
  EXPECT_EQ(said_, "");
}

TEST_F(Vulkan, MatricesThatAreWrongAreNotUsed) {
  VulkanTrial trial;
  trial.plain_matrices = trial.wrong_matrices = true;
  const auto device = gpu(trial);
  const auto executor = device->compile(graph_of("builtin-x4"), true);
  EXPECT_NE(said_.find("are not used"), std::string::npos) << said_;
  const std::vector<float> in = reals(size_t{20} * 12 * 3);
  EXPECT_EQ(run(*executor, in, 20, 12), run(*gpu()->compile(graph_of("builtin-x4"), true), in, 20, 12));
}

TEST_F(Vulkan, ADeviceThatComputesWronglyIsNotUsed) {
  VulkanTrial trial;
  trial.wrong = true;
  const Graph graph = graph_of("builtin-x4");
  const auto executor = team_of(gpu(trial))->compile(graph, false);
  EXPECT_NE(said_.find("computes wrongly"), std::string::npos) << said_;
  EXPECT_NE(said_.find("the processor computes"), std::string::npos) << said_;
  const std::vector<float> in = reals(size_t{20} * 12 * 3);
  EXPECT_EQ(run(*executor, in, 20, 12), run(*make_cpu_device(pool_)->compile(graph, false), in, 20, 12));
}

TEST_F(Vulkan, StopsOnRequest) {
  const auto executor = gpu()->compile(graph_of("builtin-x4"), false);
  std::vector<float> in(size_t{16} * 16 * 3), out(in.size() * 16);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(executor->run(in.data(), 16, 16, out.data(), {.done = {}, .stop = stop.get_token()}),
               Cancelled);
}

TEST_F(Vulkan, SaysHowLargeATileMayBe) {
  const auto device = gpu();
  const auto executor = device->compile(graph_of("builtin-x4"), false);
  int side = 64;
  while (executor->memory_for(side, side).device <= device->memory() && side < 1 << 16) side *= 2;
  EXPECT_LT(executor->memory_for(side / 2, side / 2).device, device->memory());
  const size_t pixels = static_cast<size_t>(side) * static_cast<size_t>(side);
  if (pixels > size_t{1} << 24U) GTEST_SKIP() << "this device's memory does not end";
  std::vector<float> in(pixels * 3), out(pixels * 48);
  const std::string error = test::error_of([&] { executor->run(in.data(), side, side, out.data(), {}); });
  EXPECT_NE(error.find("does not hold a tile"), std::string::npos) << error;
}

}  // namespace
}  // namespace esrgan
