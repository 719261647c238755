// The trainer's losses and networks: gradients against differences, the engine's results, published sizes.
#include <esrgan/error.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "device/cpu/cpu_device.h"
#include "model/family.h"
#include "support.h"
#include "train/losses/losses.h"
#include "train/networks/convolution.h"
#include "train/networks/discriminator.h"
#include "train/networks/features.h"
#include "train/networks/generator.h"
#include "weights/read_weights.h"
#include "weights/safetensors.h"

namespace esrgan::train {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::RandomTest;
using test::TemporaryFolder;

// ---- losses ----

class Losses : public RandomTest {
 protected:
  Losses() { torch::manual_seed(test::seed()); }

  /// Compares the gradient of a function of doubles with central differences along random directions.
  /// Steps so small that hardly one crosses a kink.
  static void check(const char* name, const std::function<torch::Tensor(torch::Tensor)>& loss,
                    torch::Tensor x, double h = 1e-7) {
    x = x.to(torch::kDouble).requires_grad_(true);
    const auto gradient = torch::autograd::grad({loss(x)}, {x})[0];
    for (int i = 0; i < 3; ++i) {
      const auto direction = torch::randn_like(x);
      const double expected = (gradient * direction).sum().item<double>();
      const double found =
          (loss(x.detach() + h * direction) - loss(x.detach() - h * direction)).item<double>() / (2 * h);
      EXPECT_NEAR(found, expected, 1e-4 * std::max(1.0, std::abs(expected))) << name;
    }
  }
};

TEST_F(Losses, GradientsMatchDifferences) {
  const auto target = torch::rand({2, 3, 6, 6}, torch::kDouble),
             x = torch::rand({2, 3, 6, 6}, torch::kDouble);
  check(
      "l1", [&](auto t) { return pixel_loss(PixelLoss::l1, t, target); }, x);
  check(
      "l2", [&](auto t) { return pixel_loss(PixelLoss::l2, t, target); }, x);
  check(
      "charbonnier", [&](auto t) { return pixel_loss(PixelLoss::charbonnier, t, target); }, x);
  check("total variation", total_variation, x);
  const auto real = torch::randn({4, 1}, torch::kDouble), fake = torch::randn({4, 1}, torch::kDouble);
  for (const GanLoss kind : {GanLoss::standard, GanLoss::relativistic, GanLoss::least_squares, GanLoss::hinge,
                             GanLoss::wasserstein}) {
    check(
        "generator", [&](auto t) { return generator_loss(kind, t, real); }, fake);
    check(
        "discriminator, fake", [&](auto t) { return discriminator_loss(kind, t, real); }, fake);
    check(
        "discriminator, real", [&](auto t) { return discriminator_loss(kind, fake, t); }, real);
  }
}

TEST_F(Losses, PerceptualGradientsMatchDifferences) {
  const std::string file = std::string(ESRGAN_TRAIN_CASES) + "/vgg.safetensors";
  for (const bool before : {true, false})
    for (const PixelLoss criterion : {PixelLoss::l1, PixelLoss::l2}) {
      PerceptualRecipe recipe{1, "vgg19", file, {{"conv1_2", 0.5}, {"conv2_2", 1}}, before, criterion};
      VggFeatures features(recipe);
      features.to(torch::kDouble);
      const auto target = torch::rand({1, 3, 8, 8}, torch::kDouble);
      check(
          "perceptual", [&](auto t) { return perceptual_loss(recipe, features, t, target); },
          torch::rand({1, 3, 8, 8}), 2e-10);  // thousands of activations have a kink each
    }
}

TEST_F(Losses, GradientPenaltyHasTheGradientsOfDifferences) {
  // By the discriminator's weights, through its gradient by its input.
  const auto real = torch::rand({3, 3, 4, 4}, torch::kDouble),
             fake = torch::rand({3, 3, 4, 4}, torch::kDouble),
             mix = torch::rand({3, 1, 1, 1}, torch::kDouble);
  check(
      "gradient penalty",
      [&](const torch::Tensor& weights) {
        return gradient_penalty(
            [&](const torch::Tensor& x) { return torch::tanh(x.flatten(1).matmul(weights)).sum(1, true); },
            real, fake, mix);
      },
      torch::randn({48, 5}));
}

TEST_F(Losses, GradientPenaltyIsZeroForASlopeOfOne) {
  const auto real = torch::rand({3, 3, 4, 4}), fake = torch::rand({3, 3, 4, 4}),
             mix = torch::rand({3, 1, 1, 1});
  const auto plane = [](double slope) {
    return [slope](const torch::Tensor& x) { return slope * x.flatten(1).sum(1, true) / std::sqrt(48.0); };
  };
  EXPECT_NEAR(gradient_penalty(plane(1), real, fake, mix).item<double>(), 0, 1e-6);
  EXPECT_NEAR(gradient_penalty(plane(3), real, fake, mix).item<double>(), 4, 1e-4);
}

// ---- networks ----

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
      small("RRDBNet", 4, {{"upsampling", "transposed"}, {"learned_residual_scale", "yes"}})};
  ThreadPool pool(2);
  const auto device = make_cpu_device(pool);
  double worst = 0;
  for (const Architecture& a : all) {
    const auto generator = make_generator(a);
    for (auto& parameter : generator->parameters()) {
      const torch::NoGradGuard no_gradients;
      parameter.add_(0.05 * torch::randn_like(parameter));
    }
    const auto x = torch::rand({2, 3, 20, 24});
    generator->train();
    generator->forward(x);  // running statistics of their own
    generator->eval();
    const torch::NoGradGuard no_gradients;
    const auto expected = generator->forward(x).slice(0, 0, 1).permute({0, 2, 3, 1}).contiguous();
    const auto network = device->compile(build_graph(detect_model(state_of(*generator))), false);
    const auto input = x.slice(0, 0, 1).permute({0, 2, 3, 1}).contiguous();
    auto found = torch::empty_like(expected);
    network->run(input.data_ptr<float>(), 24, 20, found.data_ptr<float>(), {});
    const double range = (expected.max() - expected.min()).item<double>();
    const double difference = (expected - found).abs().max().item<double>() / range;
    EXPECT_LE(difference, 2e-5) << a.summary() << ", seed " << test::seed();
    worst = std::max(worst, difference);
  }
  std::printf("%zu networks, largest difference from the engine %.2e of the output range\n", all.size(),
              worst);
}

TEST(Generator, LearnsTheSameOnTheProjectsKernels) {
  torch::manual_seed(test::seed());
  for (const Architecture& a :
       {small("SRVGGNetCompact", 4), small("MSRResNet", 4), small("SRResNet", 2), small("RRDBNet", 4),
        small("RRDBNet", 4, {{"learned_residual_scale", "yes"}})}) {
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

TEST(Discriminator, HasThePublishedNumberOfParameters) {
  EXPECT_EQ(count(*make_discriminator({DiscriminatorRecipe::Kind::vgg, 128, 64})), 14'499'401U);
  EXPECT_EQ(count(*make_discriminator({DiscriminatorRecipe::Kind::unet, 128, 64})), 4'376'897U);
}

TEST(Discriminator, EveryKindTakesItsPatches) {
  for (const int size : {128, 192, 256}) {
    const auto vgg = make_discriminator({DiscriminatorRecipe::Kind::vgg, size, 2});
    EXPECT_EQ(vgg->forward(torch::rand({2, 3, size, size})).sizes().vec(), (std::vector<int64_t>{2, 1}))
        << size;
  }
  const auto srgan = make_discriminator({DiscriminatorRecipe::Kind::srgan, 96, 2});
  EXPECT_EQ(srgan->forward(torch::rand({2, 3, 96, 96})).sizes().vec(), (std::vector<int64_t>{2, 1}));
  const auto unet = make_discriminator({DiscriminatorRecipe::Kind::unet, 64, 2});
  EXPECT_EQ(unet->forward(torch::rand({2, 3, 64, 64})).sizes().vec(), (std::vector<int64_t>{2, 1, 64, 64}));
  const auto vgg = make_discriminator({DiscriminatorRecipe::Kind::vgg, 128, 2});
  EXPECT_NE(error_of([&] {
              vgg->forward(torch::rand({1, 3, 64, 64}));
            }).find("128 pixels a side"),
            std::string::npos);
}

TEST(Discriminator, IsReadFromPyTorchsFiles) {
  const auto vgg = make_discriminator({DiscriminatorRecipe::Kind::vgg, 128, 2});
  StateDict state = state_of(*vgg);
  state.tensors["features.2.num_batches_tracked"] = {{}, {7}};
  EXPECT_NO_THROW(load_state(*vgg, state));
  state.tensors["features.2.other"] = {{}, {7}};
  EXPECT_THROW(load_state(*vgg, state), Error);
}

TEST(Discriminator, SpectralNormBoundsEveryLayer) {
  torch::manual_seed(test::seed());
  const auto unet = make_discriminator({DiscriminatorRecipe::Kind::unet, 64, 4});
  // However near the two largest singular values are, so many steps come within some thousandths.
  for (int i = 0; i < 500; ++i) unet->forward(torch::rand({1, 3, 16, 16}));
  const auto weight = unet->named_parameters()["conv2.weight_orig"].detach().flatten(1);
  const auto u = unet->named_buffers()["conv2.weight_u"], v = unet->named_buffers()["conv2.weight_v"];
  const double found = torch::dot(u, torch::mv(weight, v)).item<double>();
  EXPECT_NEAR(found, torch::linalg_norm(weight, 2).item<double>(), 1e-2 * found) << "seed " << test::seed();
}

}  // namespace
}  // namespace esrgan::train
