// The trainer's networks: the engine's results, published sizes, kernels.
#include <esrgan/error.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "device/cpu/cpu_device.h"
#include "image/resize.h"
#include "model/families/span.h"
#include "model/family.h"
#include "model/model.h"
#include "model/tasks.h"
#include "support.h"
#include "train/networks/bicubic.h"
#include "train/networks/convolution.h"
#include "train/networks/discriminator.h"
#include "train/networks/generator.h"
#include "train/networks/graph_network.h"
#include "train/networks/optimiser.h"
#include "train/networks/torch_support.h"
#include "train/networks/trained_network.h"
#include "train/run/evaluator.h"
#include "train/schemes/history_pool.h"
#include "weights/read_weights.h"
#include "weights/safetensors.h"

namespace esrgan::train {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::RandomTest;
using test::TemporaryFolder;

/// As a recipe would ask for it: what wishes do not name is as usual.
class Wishes : public NetworkWishes {
 public:
  explicit Wishes(std::map<std::string, std::string> given) : given_(std::move(given)) {}
  int at_least(const std::string& key, int, int fallback) override {
    return given_.contains(key) ? std::stoi(given_.at(key)) : fallback;
  }
  bool flag(const std::string& key, bool fallback) override { return given_.contains(key) || fallback; }
  std::string choose(const std::string& key, const std::vector<std::string>&,
                     const std::string& fallback) override {
    return given_.contains(key) ? given_.at(key) : fallback;
  }
  [[noreturn]] void refuse(const std::string& key, const std::string& expected) const override {
    throw Error(ErrorKind::bad_data, "", key, expected);
  }

 private:
  std::map<std::string, std::string> given_;
};

Architecture published(const char* family, int scale, std::map<std::string, std::string> wishes = {}) {
  Architecture a;
  a.family = find_family(family);
  a.scale = scale;
  Wishes given(std::move(wishes));
  a.family->configure(given, a);
  return a;
}

Architecture small(const char* family, int scale, std::map<std::string, std::string> wishes = {}) {
  wishes.merge(std::map<std::string, std::string>{{"nb", "2"}, {"num_conv", "2"}, {"gc", "8"}});
  Architecture a = published(family, scale, std::move(wishes));
  a.features = 12;
  return a;
}

/// Whatever the file, the module computes as PyTorch does with the published code, and is a weight file
/// again.
TEST(GraphNetworks, ComputeWhatTheirFilesDo) {
  size_t compared = 0;
  for (const auto& entry : fs::directory_iterator(ESRGAN_TORCH_CASES)) {
    if (entry.path().extension() != ".pth") continue;
    SCOPED_TRACE(entry.path().stem().string());
    const Model model = read_model(entry.path());
    const auto network = std::make_shared<GraphNetwork>(model);
    const StateDict data = read_weights(fs::path(entry.path()).replace_extension(".safetensors"));
    const torch::NoGradGuard no_gradients;
    const torch::Tensor x = from_tensor(data.at("in.2")).permute({2, 0, 1}).unsqueeze(0),
                        y = from_tensor(data.at("out.2")).permute({2, 0, 1}).unsqueeze(0);
    Features maps;
    const torch::Tensor found = network->forward(x, maps);
    EXPECT_LE(((found - y).abs().max() / y.abs().max()).item<double>(), 1e-5);
    EXPECT_FALSE(maps.empty());
    ++compared;
    if (model.architecture.frames > 1) continue;  // a teacher, and no student
    const Model again = detect_model(state_of(*network));
    EXPECT_EQ(again.architecture.scale, model.architecture.scale);
    const torch::Tensor repeated = std::make_shared<GraphNetwork>(again)->forward(x);
    EXPECT_LE(((repeated - y).abs().max() / y.abs().max()).item<double>(), 1e-5);
    for (const torch::Tensor& parameter : network->parameters()) EXPECT_TRUE(parameter.requires_grad());
  }
  EXPECT_GE(compared, 24U);
}

TEST(Generator, IsTheSameInTheEngine) {
  torch::manual_seed(test::seed());
  const std::vector<Architecture> all{
      small("SRVGGNetCompact", 3),
      small("SRVGGNetCompact", 4),
      small("MSRResNet", 2),
      small("MSRResNet", 3),
      small("MSRResNet", 4),
      small("SRResNet", 4),
      small("RRDBNet", 4),
      small("RRDBNet", 2),
      small("RRDBNet", 1),
      small("RRDBNet", 4, {{"upsampling", "pixelshuffle"}}),
      small("RRDBNet", 4, {{"upsampling", "transposed"}, {"learned_residual_scale", "yes"}}),
      small("SPAN", 4),
      small("SPAN", 2),
      small("SPAN", 3, {{"norm", "yes"}}),
      small("SPAN", 4, {{"frames", "5"}, {"time_features", "6"}}),
      small("RRDBNet", 4, {{"frames", "5"}, {"time_features", "7"}})};
  ThreadPool pool(2);
  const auto device = make_cpu_device(pool);
  double worst = 0;
  for (const Architecture& a : all) {
    const auto generator = make_generator(a);
    // Colours of 255 steps through fresh filters make gates so steep that no rounding is small enough.
    const bool steep = a.family->name == std::string("SPAN") && span_details(a).centred;
    for (auto& parameter : generator->parameters()) {
      const torch::NoGradGuard no_gradients;
      parameter.add_(0.05 * torch::randn_like(parameter)).mul_(steep ? 0.25 : 1);
    }
    const auto x = torch::rand({2, 3 * a.frames, 20, 24});
    generator->train();
    generator->forward(x);  // running statistics of their own
    generator->eval();
    const torch::NoGradGuard no_gradients;
    const auto network = device->compile(build_graph(detect_model(state_of(*generator))), false);
    generator->to(torch::kDouble);
    const auto expected =
        generator->forward(x.to(torch::kDouble)).slice(0, 0, 1).permute({0, 2, 3, 1}).contiguous();
    const auto input = x.slice(0, 0, 1).permute({0, 2, 3, 1}).contiguous();
    auto found = torch::empty_like(expected, torch::kFloat);
    network->run(input.data_ptr<float>(), 24, 20, found.data_ptr<float>(), {});
    const double range = (expected.max() - expected.min()).item<double>();
    const double difference = (expected - found).abs().max().item<double>() / range;
    EXPECT_LE(difference, 2e-5) << a.summary() << ", seed " << test::seed();
    worst = std::max(worst, difference);
  }
  std::printf("%zu networks, largest difference from the engine %.2e of the output range\n", all.size(),
              worst);
}

/// What a network is told by maps beside the colours, and what its biases are told beforehand, is the same;
/// so is the picture of its second head.
TEST(Generator, IsToldOfItsTasks) {
  torch::manual_seed(test::seed());
  const Architecture a = small("SPAN", 3, {{"tasks", "yes"}});
  const auto generator = make_generator(a);
  for (auto& parameter : generator->parameters()) {
    const torch::NoGradGuard no_gradients;
    parameter.add_(0.05 * torch::randn_like(parameter));
  }
  const torch::NoGradGuard no_gradients;
  const Model model = detect_model(state_of(*generator));
  EXPECT_TRUE(model.architecture.tasks);
  const torch::Tensor x = torch::rand({1, 3, 17, 23});
  const auto difference = [&](const torch::Tensor& expected, const Model& made) {
    const torch::Tensor found = std::make_shared<GraphNetwork>(made)->forward(x);
    return ((found - expected).abs().max() / expected.abs().max()).item<double>();
  };
  for (const TaskStrengths& strengths : {TaskStrengths{0, 0}, {1, 0}, {0, 0.5F}, {0.3F, 0.8F}}) {
    torch::Tensor told = x;
    for (const float strength : strengths)
      told = torch::cat({told, torch::full({1, 1, 17, 23}, strength)}, 1);
    Features maps;
    const torch::Tensor large = generator->forward(told, maps);
    const auto restored = std::find_if(maps.begin(), maps.end(),
                                       [](const auto& map) { return map.first == std::string("restored"); });
    ASSERT_NE(restored, maps.end());
    EXPECT_LE(difference(large, with_tasks(model, strengths, false)), 1e-5) << "seed " << test::seed();
    EXPECT_LE(difference(restored->second, with_tasks(model, strengths, true)), 1e-5);
    if (strengths == TaskStrengths{})
      EXPECT_LE(difference(large, model), 1e-5);  // told of nothing
    else
      EXPECT_GT(difference(large, model), 1e-3);
  }
  EXPECT_NE(error_of([&] {
              with_tasks(detect_model(state_of(*make_generator(small("SPAN", 2)))), {1, 0}, false);
            }).find("strengths"),
            std::string::npos);
}

TEST(Generator, LearnsTheSameOnTheProjectsKernels) {
  torch::manual_seed(test::seed());
  for (const Architecture& a :
       {small("SRVGGNetCompact", 4), small("MSRResNet", 4), small("SRResNet", 2), small("RRDBNet", 4),
        small("RRDBNet", 4, {{"learned_residual_scale", "yes"}}), small("SPAN", 4)}) {
    const auto generator = make_generator(a);
    const auto x = torch::rand({2, 3, 24, 28}), target = torch::rand({2, 3, 24 * a.scale, 28 * a.scale});
    const auto gradients = [&](bool kernels) {
      generator->zero_grad();
      torch::Tensor y;
      {
        const KernelsGuard guard(kernels);
        y = generator->forward(x);
      }
      torch::mse_loss(y, target).backward();
      std::vector<torch::Tensor> found{y.detach()};
      for (const auto& parameter : generator->parameters()) found.push_back(parameter.grad().flatten());
      const torch::Tensor all = torch::cat(std::vector<torch::Tensor>(found.begin() + 1, found.end()));
      return std::pair(found[0], all.clone());
    };
    const auto [expected_y, expected] = gradients(false);
    const auto [found_y, found] = gradients(true);
    const auto error = [](const torch::Tensor& e, const torch::Tensor& f) {
      return ((e - f).norm() / e.norm()).item<double>();
    };
    // Batch normalisation brings rounding to the size of what it normalises.
    EXPECT_LE(error(expected_y, found_y), 0.06) << a.summary() << ", seed " << test::seed();
    EXPECT_LE(error(expected, found), 0.15) << a.summary() << ", seed " << test::seed();
    EXPECT_GT(error(expected, found), 0) << a.summary() << ": the kernels did not run";
  }
}

size_t count(const Layer& layer) {
  size_t sum = 0;
  for (const auto& parameter : layer.parameters()) sum += static_cast<size_t>(parameter.numel());
  return sum;
}

TEST(Generator, HasThePublishedNumberOfParameters) {
  EXPECT_EQ(count(*make_generator(published("RRDBNet", 4))), 16'697'987U);
  EXPECT_EQ(count(*make_generator(published("RRDBNet", 2))), 16'703'171U);
  EXPECT_EQ(count(*make_generator(published("MSRResNet", 4))), 1'517'571U);
  EXPECT_EQ(count(*make_generator(published("SRVGGNetCompact", 4))), 621'424U);
  EXPECT_EQ(count(*make_generator(published("SRVGGNetCompact", 4, {{"num_conv", "32"}}))), 1'213'296U);
}

/// As the section network_D of a recipe makes it.
std::shared_ptr<Network> discriminator(const std::string& section, int hr_size) {
  Settings settings = Settings::parse(section, "test");
  const auto made = read_discriminator(settings, hr_size)();
  settings.check();
  return made;
}

TEST(Discriminator, HasThePublishedNumberOfParameters) {
  EXPECT_EQ(count(*discriminator("{which_model_D: discriminator_vgg_128}", 128)), 14'499'401U);
  EXPECT_EQ(count(*discriminator("{which_model_D: discriminator_unet}", 128)), 4'376'897U);
  // The authors' code with either normalisation.
  EXPECT_EQ(count(*discriminator("{which_model_D: discriminator_patch}", 128)), 2'765'633U);
  EXPECT_EQ(count(*discriminator("{which_model_D: discriminator_patch, norm: instance}", 128)), 2'764'737U);
}

TEST(Discriminator, EveryKindTakesItsPatches) {
  const auto shape = [](const std::string& section, int size) {
    return discriminator(section, size)->forward(torch::rand({2, 3, size, size})).sizes().vec();
  };
  const std::vector<int64_t> one{2, 1};
  for (const int size : {128, 192, 256})
    EXPECT_EQ(shape("{nf: 2, which_model_D: discriminator_vgg_" + std::to_string(size) + "}", size), one);
  EXPECT_EQ(shape("{nf: 2, which_model_D: discriminator_srgan}", 96), one);
  EXPECT_EQ(shape("{nf: 2, which_model_D: discriminator_unet}", 64), (std::vector<int64_t>{2, 1, 64, 64}));
  // A window of 70 pixels, every 8.
  for (const char* norm : {"batch", "instance", "spectral"})
    EXPECT_EQ(shape(std::string("{nf: 2, which_model_D: discriminator_patch, norm: ") + norm + "}", 256),
              (std::vector<int64_t>{2, 1, 30, 30}))
        << norm;
  EXPECT_NE(error_of([&] {
              discriminator("{nf: 2}", 128)->forward(torch::rand({1, 3, 64, 64}));
            }).find("128 pixels a side"),
            std::string::npos);
}

TEST(Discriminator, IsReadFromPyTorchsFiles) {
  const auto vgg = discriminator("{nf: 2}", 128);
  StateDict state = state_of(*vgg);
  state.tensors["features.2.num_batches_tracked"] = {{}, {7}};
  EXPECT_NO_THROW(load_state(*vgg, state));
  state.tensors["features.2.other"] = {{}, {7}};
  EXPECT_THROW(load_state(*vgg, state), Error);
}

// ---- optimisers ----

struct Numbers : torch::nn::Module {
  explicit Numbers(const torch::Tensor& start) { register_parameter("numbers", start.clone()); }
};

TEST(Optimiser, OfEveryKindStepsAsPyTorchDoes) {
  const StateDict expected = read_weights(std::string(ESRGAN_TRAIN_CASES) + "/optimisers.safetensors");
  const auto tensor = [&](const std::string& name) { return from_tensor(expected.at(name)); };
  const auto error = [](const torch::Tensor& a, const torch::Tensor& b) {
    return ((a - b).abs().max() / a.abs().max()).item<double>();
  };
  for (const char* kind : {"Adam", "AdamW", "AdamWScheduleFree"}) {
    Settings settings = Settings::parse(std::string("{type: ") + kind + ", weight_decay: 0.03}", "test"),
             train = Settings::parse("{}", "test");
    Numbers module(tensor("start"));
    FlatParameters numbers(module);
    const auto optimiser = make_optimiser(read_optimiser(settings, train, "lr_G"), numbers);
    for (int k = 0; k < 10; ++k) {
      numbers.gradients().copy_(tensor("gradient." + std::to_string(k)));
      optimiser->step(numbers, static_cast<double>(expected.at("rates").values[static_cast<size_t>(k)]));
    }
    EXPECT_LE(error(tensor(std::string("after.") + kind), optimiser->result(numbers.values())), 1e-5) << kind;
    const std::string learning = std::string("learning.") + kind;
    if (expected.tensors.contains(learning)) {
      EXPECT_LE(error(tensor(learning), numbers.values()), 1e-5) << kind;
    }
  }
}

TEST(Optimiser, MuonStepsAsItsPapersSay) {
  const StateDict expected = read_weights(std::string(ESRGAN_TRAIN_CASES) + "/optimisers.safetensors");
  const auto tensor = [&](const std::string& name) { return from_tensor(expected.at("muon." + name)); };
  torch::nn::Module module;
  for (int i = 0; i < 7; ++i)
    module.register_parameter("w" + std::to_string(i), tensor("start." + std::to_string(i)).clone());
  FlatParameters weights(module);
  Settings settings = Settings::parse("{type: Muon, weight_decay: 0.03}", "test"),
           train = Settings::parse("{}", "test");
  const auto optimiser = make_optimiser(read_optimiser(settings, train, "lr_G"), weights);
  for (int k = 0; k < 10; ++k) {
    weights.gradients().copy_(tensor("gradient." + std::to_string(k)));
    optimiser->step(weights, static_cast<double>(expected.at("rates").values[static_cast<size_t>(k)]));
  }
  EXPECT_LE((weights.values() - tensor("after")).abs().max().item<double>(), 1e-5);
}

// ---- evaluation ----

TEST(Evaluator, OfTheNetworkAndTheEngineAgree) {
  torch::manual_seed(test::seed());
  const TemporaryFolder folder;
  const Ranks alone({}, torch::kCPU);
  Settings settings = Settings::parse("{}", "test"), train = Settings::parse("{}", "test");
  LearningRecipe learning;
  learning.optimiser = read_optimiser(settings, train, "lr_G");
  for (const auto& [architecture, multiple] :
       {std::pair(small("SRVGGNetCompact", 4), 1), std::pair(small("RRDBNet", 2), 2)}) {
    TrainedNetwork network("generator", make_generator(architecture), learning, torch::kCPU, alone);
    const std::string file = folder / "network.safetensors";
    write_safetensors(network.result(), ElementType::f32, file);
    const FloatImage small_picture = to_float_image(test::make_picture(430, 30, 3));  // of two tiles
    const PackedPicture packed = stored(small_picture);
    const FloatImage expected = engine_upscale(file, 2)({packed}),
                     found = network_upscale([&](const torch::Tensor&x) { return network.forward_result(x); },
                                             torch::kCPU, architecture.scale, multiple, 1)({packed});
    ASSERT_EQ(expected.pixels.size(), found.pixels.size());
    float largest = 0;
    for (size_t i = 0; i < expected.pixels.size(); ++i)
      largest = std::max(largest, std::abs(expected.pixels[i] - found.pixels[i]));
    EXPECT_LE(largest, 1.01F / 255) << architecture.summary();  // a rounding to the other side
  }
}

TEST(Start, TakesWhatFitsAndSaysWhatDoesNot) {
  torch::manual_seed(test::seed());
  const auto from = make_generator(small("RRDBNet", 2)), to = make_generator(small("RRDBNet", 4));
  const StateDict state = state_of(*from);
  EXPECT_NE(error_of([&] { load_state(*to, state); }).find("conv_first.weight"), std::string::npos);
  const std::string text = load_what_fits(*to, state);
  EXPECT_NE(text.find("none of that name and shape: conv_first.weight"), std::string::npos) << text;
  EXPECT_NE(text.find("begun anew: conv_first.weight"), std::string::npos) << text;
  EXPECT_EQ(state_of(*to).at("body.1.rdb3.conv5.weight").values, state.at("body.1.rdb3.conv5.weight").values);
}

TEST(Discriminator, SpectralNormBoundsEveryLayer) {
  torch::manual_seed(test::seed());
  const auto unet = discriminator("{which_model_D: discriminator_unet, nf: 4}", 64);
  // However near the two largest singular values are, so many steps come within some thousandths.
  for (int i = 0; i < 500; ++i) unet->forward(torch::rand({1, 3, 16, 16}));
  const auto weight = unet->named_parameters()["conv2.weight_orig"].detach().flatten(1);
  const auto u = unet->named_buffers()["conv2.weight_u"], v = unet->named_buffers()["conv2.weight_v"];
  const double found = torch::dot(u, torch::mv(weight, v)).item<double>();
  EXPECT_NEAR(found, torch::linalg_norm(weight, 2).item<double>(), 1e-2 * found) << "seed " << test::seed();
}

/// As the published bicubic, and gradients pass through it.
TEST(Bicubic, IsTheOneOfPictures) {
  torch::manual_seed(test::seed());
  for (const double factor : {0.25, 0.5, 2.0, 4.0}) {
    const torch::Tensor x = torch::rand({2, 3, 24, 36}, torch::kDouble).requires_grad_(true);
    const torch::Tensor y = resized_bicubic(x, factor);
    FloatImage picture(36, 24, 3);
    for (int row = 0; row < 24; ++row)
      for (int column = 0; column < 36; ++column)
        for (int c = 0; c < 3; ++c) picture.at(column, row, c) = x[1][c][row][column].item<float>();
    const FloatImage expected = resize_bicubic(picture, factor, SampleType::f32);
    ASSERT_EQ(y.size(2), expected.height);
    ASSERT_EQ(y.size(3), expected.width);
    for (int row = 0; row < expected.height; ++row)
      for (int column = 0; column < expected.width; ++column)
        for (int c = 0; c < 3; ++c)
          ASSERT_NEAR(y[1][c][row][column].item<double>(), expected.at(column, row, c), 1e-6);
    y.sum().backward();
    EXPECT_NEAR(x.grad().sum().item<double>(), static_cast<double>(y.numel()), 1e-6);  // weights add up to 1
  }
}

TEST(HistoryPool, KeepsWhatItWasGivenAndGoesOnFromACheckpoint) {
  HistoryPool pool(4);
  Random random{test::seed()};
  const auto pictures = [](double value) { return torch::full({2, 1, 2, 2}, value); };
  EXPECT_TRUE(pool.exchange(pictures(1), random).equal(pictures(1)));
  EXPECT_TRUE(pool.exchange(pictures(2), random).equal(pictures(2)));
  int earlier = 0;
  for (int i = 3; i < 103; ++i) {
    HistoryPool again(4);
    again.restore(pool.state());
    Random same = random;
    const torch::Tensor found = pool.exchange(pictures(i), random);
    EXPECT_TRUE(again.exchange(pictures(i), same).equal(found));
    for (const torch::Tensor& picture : found.unbind()) {
      EXPECT_LE(picture.max().item<double>(), i);
      EXPECT_EQ(picture.max().item<double>(), picture.min().item<double>());
      earlier += picture.max().item<double>() < i ? 1 : 0;
    }
  }
  EXPECT_NEAR(earlier, 100, 35);  // of 200; an earlier one may also be of the same call
  HistoryPool none(0);
  EXPECT_TRUE(none.exchange(pictures(7), random).equal(pictures(7)));
}

}  // namespace
}  // namespace esrgan::train
