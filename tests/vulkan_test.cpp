// Networks on GPUs: what is planned for them, and what comes out, on every Vulkan device of this machine;
// without one (script/setup test brings Mesa's lavapipe) what needs one is skipped.
#include "device/vulkan/vulkan_device.h"

#include <esrgan/log.h>
#include <vulkan/vulkan_core.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <map>

#include "device/cpu/cpu_device.h"
#include "device/reference/frames.h"
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

  /// Sums of neighbours, as chroma is resampled.
  Resampling resampling(int from, int to) {
    Resampling made;
    made.count = between(1, std::min(4, from));
    for (int i = 0; i < to; ++i) made.first.push_back(std::min(i * from / to, from - made.count));
    made.factors = reals(static_cast<size_t>(to * made.count), 0.1F, 0.9F);
    for (float& factor : made.factors) factor /= static_cast<float>(made.count);
    return made;
  }

  /// From about 0 to 1, or back.
  FrameFormat frame_format(int width, int height, bool is_output) {
    FrameFormat format;
    format.width = width;
    format.height = height;
    format.chroma_width = width >> between(0, 1);
    format.chroma_height = height >> between(0, 1);
    format.bits = between(0, 1) == 0 ? 8 : between(9, 16);
    const auto range = static_cast<float>((1 << format.bits) - 1);
    for (auto& row : format.matrix)
      for (size_t i = 0; i < 4; ++i) row[i] = real(0, 0.5F) * (is_output ? range : (i < 3 ? 1 / range : 1));
    format.across =
        is_output ? resampling(width, format.chroma_width) : resampling(format.chroma_width, width);
    format.down =
        is_output ? resampling(height, format.chroma_height) : resampling(format.chroma_height, height);
    return format;
  }

  OwnFrame frame(const FrameFormat& format) {
    OwnFrame made(format);
    for (size_t plane = 0; plane < 3; ++plane)
      for (int y = 0; y < format.plane_height(plane); ++y)
        for (int x = 0; x < format.plane_width(plane); ++x)
          set_sample(format, made.planes(), plane, x, y, between(0, (1 << format.bits) - 1));
    return made;
  }

  /// A network that multiplies by `factor`.
  static Graph times(float factor) {
    Convolution conv;
    conv.name = "times";
    conv.in_channels = conv.out_channels = 3;
    conv.kernel = 1;
    conv.weights = {factor, 0, 0, 0, factor, 0, 0, 0, factor};
    conv.bias.assign(3, 0.0F);
    return esrgan::graph_of(std::move(conv));
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

/// Matrix, resampling, rounding, rows of any length, announced or not, between inputs of other kinds.
TEST_F(Vulkan, FramesAreConvertedAsTheirFormatsSay) {
  const auto executor = team_of(gpu())->compile(times(1), false);
  ASSERT_TRUE(executor->converts_frames());
  const std::vector<float> plain = reals(size_t{6} * 4 * 3);
  for (int trial = 0; trial < 12; ++trial) {
    const int width = 2 * between(1, 21), height = 2 * between(1, 9);
    const auto formats = std::make_shared<const FrameFormats>(
        FrameFormats{frame_format(width, height, false), frame_format(width, height, true)});
    ASSERT_TRUE(executor->takes(*formats));
    const OwnFrame first = frame(formats->in), second = frame(formats->in);
    for (const OwnFrame* const in : {&first, &second}) {
      OwnFrame expected(formats->out), made(formats->out);
      write_frame(formats->out, read_frame(formats->in, in->planes()), expected.planes());
      ASSERT_TRUE(executor->run_frame(in->planes(), made.planes(), formats, {}));
      // One for rounding, and what floats of 16 bits and more lose.
      const int limit = formats->out.bits > 14 ? 3 : 1;
      EXPECT_LE(largest_distance(formats->out, expected.planes(), made.planes()), limit)
          << width << "x" << height << ", " << formats->in.bits << " and " << formats->out.bits << " bits";
      executor->announce_frame(second.planes(), formats);
    }
    if (trial % 3 == 0) {
      EXPECT_EQ(run(*executor, plain, 6, 4), plain);
    }
  }
}

/// A whole network: between the conversions is what run() gives.
TEST_F(Vulkan, FramesGoThroughTheNetwork) {
  const Graph graph = build_graph(detect_model(test::small_network(random_, 16, 2, 2)));
  const auto device = gpu();
  for (const bool half : {false, true}) {
    const auto executor = device->compile(graph, half);
    const auto formats = std::make_shared<const FrameFormats>(
        FrameFormats{frame_format(20, 12, false), frame_format(40, 24, true)});
    const OwnFrame in = frame(formats->in);
    OwnFrame expected(formats->out), made(formats->out);
    write_frame(formats->out, run(*executor, read_frame(formats->in, in.planes()), 20, 12),
                expected.planes());
    ASSERT_TRUE(executor->run_frame(in.planes(), made.planes(), formats, {}));
    const int largest = (1 << formats->out.bits) - 1;
    EXPECT_LE(largest_distance(formats->out, expected.planes(), made.planes()),
              1 + largest / (half ? 500 : 50'000));
  }
}

/// What is not to be trusted, and what the device cannot do, is left to run().
TEST_F(Vulkan, FramesThatAreNotConvertedAreTold) {
  auto fault = std::make_shared<std::atomic<int>>(0);
  VulkanTrial trial;
  trial.fault = [fault](const std::string& call) {
    if (*fault == VK_ERROR_DEVICE_LOST && call == "submit") return fault->load();
    return *fault == VK_ERROR_OUT_OF_DEVICE_MEMORY && call == "memory" ? fault->load() : 0;
  };
  const auto executor = team_of(gpu(trial))->compile(times(1), false);
  FrameFormats good{frame_format(8, 4, false), frame_format(8, 4, true)};
  const auto is_made = [&](const FrameFormats& of, const RunControl& control = {}) {
    const auto formats = std::make_shared<const FrameFormats>(of);
    OwnFrame out(of.out);
    return executor->run_frame(frame(of.in).planes(), out.planes(), formats, control);
  };
  EXPECT_TRUE(is_made(good));
  FrameFormats bad = good;
  bad.in.matrix[1][3] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(is_made(bad));
  EXPECT_TRUE(is_made(good));
  bad = {frame_format(8, 4, false), frame_format(16, 8, true)};
  EXPECT_FALSE(executor->takes(bad));
  EXPECT_FALSE(is_made(bad));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(is_made(good, {.done = {}, .stop = stop.get_token()}), Cancelled);
  EXPECT_EQ(said_, "");
  *fault = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  EXPECT_FALSE(is_made({frame_format(10, 4, false), frame_format(10, 4, true)}));
  *fault = 0;
  EXPECT_TRUE(is_made(good));
  *fault = VK_ERROR_DEVICE_LOST;
  EXPECT_FALSE(is_made(good));
  EXPECT_NE(said_.find("gpu:"), std::string::npos) << said_;
  EXPECT_FALSE(is_made(good));
  const std::vector<float> plain = reals(size_t{8} * 4 * 3);
  EXPECT_EQ(run(*executor, plain, 8, 4), plain);
  EXPECT_NE(said_.find("the processor computes the rest"), std::string::npos) << said_;
  EXPECT_FALSE(executor->converts_frames());
}

TEST_F(Vulkan, FramesThatComeOutWrongAreNotConverted) {
  VulkanTrial trial;
  trial.wrong_frames = true;
  const auto device = gpu(trial);
  const auto executor = device->compile(times(1), false), another = device->compile(times(2), false);
  EXPECT_EQ(said_, "");  // nobody asked
  EXPECT_FALSE(executor->converts_frames());
  EXPECT_NE(said_.find("converts frames wrongly"), std::string::npos) << said_;
  said_.clear();
  EXPECT_FALSE(another->converts_frames());
  EXPECT_EQ(said_, "");
  const std::vector<float> in = reals(size_t{8} * 4 * 3);
  EXPECT_EQ(run(*executor, in, 8, 4), in);
  if (device->half() == HalfPrecision::none) return;
  const auto right = gpu();
  for (const bool half : {false, true}) EXPECT_TRUE(right->compile(times(1), half)->converts_frames());
  EXPECT_EQ(said_, "");
}

/// As of tiles: black is right where the frame is, and of full precision.
TEST_F(Vulkan, BlackFramesAreLookedAt) {
  const auto device = gpu();
  for (const bool half : {false, true}) {
    if (half && device->half() == HalfPrecision::none) continue;
    const auto negative = device->compile(times(-1), half);
    FrameFormats formats{frame_format(8, 4, false), frame_format(8, 4, true)};
    for (const float level : {0.01F, 0.5F}) {
      formats.in.matrix = {};
      for (auto& row : formats.in.matrix) row[3] = level;
      OwnFrame out(formats.out);
      EXPECT_EQ(negative->run_frame(frame(formats.in).planes(), out.planes(),
                                    std::make_shared<const FrameFormats>(formats), {}),
                !half || level < 0.1F)
          << half << ", " << level;
    }
  }
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
