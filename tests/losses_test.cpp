// The trainer's losses: beside PyTorch, and their gradients beside differences.
#include <esrgan/error.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "support.h"
#include "train/losses/loss.h"
#include "train/networks/torch_support.h"
#include "weights/read_weights.h"

namespace esrgan::train {
namespace {

using test::RandomTest;

const std::string cases = ESRGAN_LOSS_CASES;

/// A loss as a recipe's list has it.
std::shared_ptr<Loss> loss(const std::string& entry) {
  Settings train = Settings::parse("{losses: [" + entry + "], ema: 0.9}", "test");
  const LossRecipe recipe = read_losses(train, true, true);
  return recipe.terms.at(0).make();
}

/// What each kind is tried with.
const std::map<std::string, std::string>& entries() {
  static const std::map<std::string, std::string> all{
      {"l1", "{type: l1}"},
      {"l2", "{type: l2}"},
      {"charbonnier", "{type: charbonnier}"},
      {"tv", "{type: tv}"},
      {"ms-ssim", "{type: ms-ssim}"},
      {"ldl", "{type: ldl}"},
      {"gradient", "{type: gradient}"},
      {"colour", "{type: colour}"},
      {"feature-matching", "{type: feature-matching}"},
      {"vgg", "{type: vgg, criterion: l2, network: vgg16, weights: " + cases +
                  "/vgg16.safetensors, layers: {conv1_2: 0.25, conv2_2: 0.5, conv5_3: 1}}"},
      {"lpips",
       "{type: lpips, weights: " + cases + "/vgg16.safetensors, heads: " + cases + "/lpips.safetensors}"},
      {"dists",
       "{type: dists, weights: " + cases + "/vgg16.safetensors, heads: " + cases + "/dists.safetensors}"}};
  return all;
}

TEST(Losses, AreThoseOfPyTorch) {
  const StateDict expected = read_weights(cases + "/losses.safetensors");
  const auto tensor = [&](const std::string& name) { return from_tensor(expected.at(name)); };
  size_t compared = 0;
  for (const auto& [name, value] : expected.tensors) {
    if (!name.starts_with("value.")) continue;
    const std::string which = name.substr(6), type = which.substr(0, which.find('_'));
    const bool small = which != type;
    LossInputs inputs;
    inputs.fake = tensor(small ? "small" : "fake").requires_grad_(true);
    inputs.target = inputs.real = tensor(small ? "small_target" : "target");
    inputs.smooth = tensor("smooth");
    const torch::Tensor found = loss(entries().at(type))->of(inputs);
    const torch::Tensor gradient = torch::autograd::grad({found}, {inputs.fake})[0],
                        wanted = tensor("gradient." + which);
    // Scores are differences from 1: near 0 they have no more digits than that.
    const double exact = value.values[0],
                 error = std::abs(found.item<double>() - exact) / std::max(exact, 0.05),
                 slope_error = ((gradient - wanted).norm() / wanted.norm()).item<double>();
    std::printf("%s: %.1e, gradient %.1e\n", which.c_str(), error, slope_error);
    EXPECT_LE(error, 1e-5) << which;
    EXPECT_LE(slope_error, 1e-4) << which;
    ++compared;
  }
  EXPECT_EQ(compared, entries().size());  // one case more for small patches, none for feature-matching
}

class LossGradients : public RandomTest {
 protected:
  LossGradients() { torch::manual_seed(test::seed()); }

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

TEST_F(LossGradients, AreThoseOfDifferences) {
  for (const LossKind& kind : loss_kinds()) {
    const auto term = loss(entries().at(kind.type));
    term->to(torch::kDouble);
    LossInputs inputs;
    inputs.target = inputs.real = torch::rand({1, 3, 24, 24}, torch::kDouble);
    inputs.smooth = inputs.target;
    inputs.discriminator_features = [](const torch::Tensor& x) {
      return std::vector<torch::Tensor>{x.square(), torch::avg_pool2d(x, 2).sin()};
    };
    // The weights of LDL are taken as given: it has no gradient of its own to compare with.
    if (kind.needs_running_mean) continue;
    // Thousands of activations have a kink each.
    const bool deep = std::string(kind.name) == "feature" || std::string(kind.name) == "lpips" ||
                      std::string(kind.name) == "dists";
    check(
        kind.type,
        [&](const torch::Tensor& x) {
          inputs.fake = x;
          return term->of(inputs);
        },
        torch::rand({1, 3, 24, 24}), deep ? 1e-9 : 1e-7);
  }
}

TEST_F(LossGradients, OfAdversariesAreThoseOfDifferences) {
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

TEST_F(LossGradients, OfThePenaltyHasTheGradientsOfDifferences) {
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

TEST_F(LossGradients, OfThePenaltyIsZeroForASlopeOfOne) {
  const auto real = torch::rand({3, 3, 4, 4}), fake = torch::rand({3, 3, 4, 4}),
             mix = torch::rand({3, 1, 1, 1});
  const auto plane = [](double slope) {
    return [slope](const torch::Tensor& x) { return slope * x.flatten(1).sum(1, true) / std::sqrt(48.0); };
  };
  EXPECT_NEAR(gradient_penalty(plane(1), real, fake, mix).item<double>(), 0, 1e-6);
  EXPECT_NEAR(gradient_penalty(plane(3), real, fake, mix).item<double>(), 4, 1e-4);
}

TEST(Losses, OfAListAreCheckedWithTheRest) {
  const auto message = [](const std::string& list, bool adversarial, bool mean) {
    return test::error_of([&] {
      Settings train = Settings::parse("{losses: " + list + "}", "test");
      read_losses(train, adversarial, mean);
      train.check();
    });
  };
  EXPECT_EQ(message("[{type: l1, weight: 0.5}, {type: ms-ssim, scales: 3}]", false, false), "");
  EXPECT_NE(message("[{type: l3}]", false, false).find("one of gan, l1"), std::string::npos);
  EXPECT_NE(message("[{type: l1, wieght: 1}]", false, false).find("expected weight"), std::string::npos);
  EXPECT_NE(message("[{type: l1}, {type: l2}]", false, false).find("g_pixel"), std::string::npos);
  EXPECT_NE(message("[{type: gan}]", false, false).find("network_D"), std::string::npos);
  EXPECT_NE(message("[{type: feature-matching}]", false, false).find("network_D"), std::string::npos);
  EXPECT_NE(message("[{type: ldl}]", true, false).find("ema"), std::string::npos);
  EXPECT_NE(message("[{type: lpips}]", true, true).find("losses[0].weights"), std::string::npos);
}

}  // namespace
}  // namespace esrgan::train
