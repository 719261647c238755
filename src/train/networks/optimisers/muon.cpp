// Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): steps of convolutions are made orthogonal, so
// that no direction of a layer learns faster than another. The step's length is that of Liu et al. 2025
// (arXiv:2502.16982), which makes AdamW's rates fit.
#include <algorithm>
#include <cmath>
#include <map>

#include "train/networks/optimisers/optimisers.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

/// The nearest orthogonal matrices, about: five steps of Jordan's iteration p(X) = a X + b (X X') X +
/// c (X X')^2 X. All that multiplies X is a polynomial of X X', which is small and is worked with alone.
/// `matrices`: count x rows x columns.
Tensor orthogonalised(const Tensor& matrices) {
  constexpr double a = 3.4445, b = -4.7750, c = 2.0315;
  if (matrices.size(1) > matrices.size(2)) return orthogonalised(matrices.transpose(1, 2)).transpose(1, 2);
  const Tensor x = matrices / (matrices.norm(2, {1, 2}, true) + optimiser_epsilon);
  const Tensor one = torch::eye(x.size(1), x.options());
  Tensor gram = torch::bmm(x, x.transpose(1, 2)), product = one.expand_as(gram).contiguous();
  for (int i = 0; i < 5; ++i) {
    const Tensor factor = a * one + b * gram + c * torch::bmm(gram, gram);
    product = torch::bmm(factor, product);
    gram = torch::bmm(factor, torch::bmm(factor, gram));
  }
  return torch::bmm(product, x);
}

/// Weights of convolutions but the network's first and last; all else is Adam's.
class Muon : public Optimiser {
 public:
  Muon(const OptimiserRecipe& recipe, const FlatParameters& parameters)
      : recipe_(recipe), moments_(parameters.values()) {
    std::vector<std::pair<int64_t, Shape>> weights;
    int64_t offset = 0;
    for (const Tensor& parameter : parameters.parameters()) {
      if (parameter.dim() == 4)
        weights.push_back({offset, {parameter.size(0), parameter.numel() / parameter.size(0)}});
      offset += parameter.numel();
    }
    for (size_t i = 1; i + 1 < weights.size(); ++i) layers_[weights[i].second].push_back(weights[i].first);
  }

  std::vector<std::pair<std::string, Tensor*>> memory() override { return moments_.memory(); }

  void step(FlatParameters& parameters, double rate) override {
    const torch::NoGradGuard no_gradients;
    ++steps;
    const Tensor gradient = parameters.gradients();
    Tensor& values = parameters.values();
    if (recipe_.weight_decay > 0) values.mul_(1 - rate * recipe_.weight_decay);
    moments_.add(gradient, recipe_, steps);
    Tensor change = moments_.mean.div(moments_.root).mul_(1 / moments_.share);
    const Tensor ahead = torch::lerp(gradient, moments_.mean, recipe_.beta1);  // Nesterov's
    for (const auto& [shape, offsets] : layers_) {
      const auto [rows, columns] = shape;
      const auto part = [&, rows = rows, columns = columns](const Tensor& flat, int64_t offset) {
        return flat.narrow(0, offset, rows * columns).view({rows, columns});
      };
      std::vector<Tensor> layers;
      for (const int64_t offset : offsets) layers.push_back(part(ahead, offset));
      const Tensor directions = orthogonalised(torch::stack(layers)) *
                                (0.2 * std::sqrt(static_cast<double>(std::max(rows, columns))));
      for (size_t i = 0; i < offsets.size(); ++i)
        part(change, offsets[i]).copy_(directions[static_cast<int64_t>(i)]);
    }
    values.sub_(change, rate);
  }

 private:
  using Shape = std::pair<int64_t, int64_t>;  // rows, columns
  OptimiserRecipe recipe_;
  Moments moments_;
  std::map<Shape, std::vector<int64_t>> layers_;  // places in the flat tensors
};

}  // namespace

std::unique_ptr<Optimiser> make_muon(const OptimiserRecipe& recipe, const FlatParameters& parameters) {
  return std::make_unique<Muon>(recipe, parameters);
}

}  // namespace esrgan::train
