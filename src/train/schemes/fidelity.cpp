#include "train/schemes/fidelity.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/log.h"
#include "model/model.h"
#include "train/networks/arithmetic.h"
#include "train/networks/convolution.h"
#include "train/networks/generator.h"
#include "train/networks/graph_network.h"
#include "train/networks/torch_support.h"
#include "train/networks/trace.h"
#include "train/schemes/kinds.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

std::optional<Teaching> start_teaching(const Recipe& recipe, const FidelityRecipe& own) {
  if (!own.teaching) return {};
  return std::make_optional<Teaching>(*own.teaching, start_generator(recipe), recipe.generator.scale);
}

}  // namespace

LearningRecipe learning_of(const Recipe& recipe, const OptimiserRecipe& optimiser) {
  LearningRecipe learning;
  learning.optimiser = optimiser;
  learning.schedule = recipe.schedule;
  learning.scaled = recipe.arithmetic == Arithmetic::half;
  return learning;
}

std::shared_ptr<Network> start_generator(const Recipe& recipe) {
  if (!recipe.generator_file.empty())
    return std::make_shared<GraphNetwork>(read_model(recipe.generator_file));
  std::shared_ptr<Network> generator = make_generator(recipe.generator);
  if (recipe.generator_start.empty()) return generator;
  const StateDict start = read_model(recipe.generator_start).weights;
  if (recipe.strict)
    load_state(*generator, start);
  else
    log_warning(recipe.generator_start + ": " + load_what_fits(*generator, start));
  return generator;
}

LearningRecipe generator_recipe(const Recipe& recipe) {
  LearningRecipe learning = learning_of(recipe, recipe.optimiser);
  learning.clip_norm = recipe.clip_norm;
  learning.ema = recipe.ema;
  return learning;
}

Tensor pictures_of(const Batch& batch, const std::string& name, const Recipe& recipe, torch::Device device) {
  const BatchArray& array = batch.at(name);
  Tensor tensor = torch::from_blob(const_cast<float*>(array.values.data()), array.shape, torch::kFloat);
  if (device.is_cuda()) tensor = tensor.pin_memory();
  return tensor.to(
      tensor.options().device(device), /*non_blocking=*/device.is_cuda(), /*copy=*/true,
      recipe.channels_last ? torch::MemoryFormat::ChannelsLast : torch::MemoryFormat::Contiguous);
}

std::map<std::string, double> read_at_once(const std::map<std::string, Tensor>& losses) {
  std::vector<Tensor> values;
  for (const auto& [name, value] : losses) values.push_back(value);
  const Tensor all = torch::stack(values).cpu();
  std::map<std::string, double> found;
  const double* next = all.data_ptr<double>();
  for (const auto& [name, value] : losses) found[name] = *next++;
  return found;
}

Fidelity::Fidelity(const Recipe& recipe, const FidelityRecipe& own, torch::Device device, const Ranks& ranks)
    : recipe_(recipe),
      device_(device),
      ranks_(ranks),
      teaching_(start_teaching(recipe, own)),
      generator_("generator", teaching_ ? teaching_->student() : start_generator(recipe),
                 generator_recipe(recipe), device, ranks) {
  if (teaching_) teaching_->to(device);
  sparsity_ = own.sparsity;
  if (sparsity_ > 0 && generator_.norm_scales().empty())
    throw Error(ErrorKind::invalid_argument, "", "train.sparsity", "a network with batch normalisation",
                recipe.generator.summary());
  for (const LossTerm& term : own.losses) {
    terms_.push_back({std::string("g_") + term.kind->name, term.weight, term.make()});
    terms_.back().loss->to(device);
    needs_smooth_ = needs_smooth_ || term.kind->needs_running_mean;
  }
}

std::vector<std::string> Fidelity::loss_names() const {
  std::vector<std::string> names{"g_total", "g_norm"};
  for (const Term& term : terms_) names.push_back(term.name);
  if (sparsity_ > 0) names.emplace_back("g_sparsity");
  if (teaching_) std::ranges::copy(teaching_->loss_names(), std::back_inserter(names));
  return names;
}

StateDict Fidelity::result() {
  StateDict state = generator_.result();
  if (teaching_) Teaching::drop_adapters(state);
  return state;
}

void Fidelity::note(const std::string& name, const Tensor& loss) {
  const Tensor share = loss.detach().to(torch::kDouble) / recipe_.accumulate;
  Tensor& sum = losses_[name];
  sum = sum.defined() ? sum + share : share;
}

Tensor Fidelity::part_of(const Tensor& whole, int part) const {
  return whole.chunk(recipe_.accumulate)[static_cast<size_t>(part)];
}

bool Fidelity::generator_learns(int64_t /*step*/) const {
  return true;
}

void Fidelity::add_losses(LossSum& sum, const LossInputs& inputs) {
  for (const Term& term : terms_) sum.add(term.name, term.weight, term.loss->of(inputs));
  if (sparsity_ == 0) return;
  Tensor gammas = torch::zeros({}, inputs.fake.options());
  for (const Tensor& scale : generator_.norm_scales()) gammas = gammas + scale.abs().sum();
  sum.add("g_sparsity", sparsity_, gammas);
}

void Fidelity::learn(TrainedNetwork& network, const std::string& norm_name, int64_t step) {
  const Span span(network.name() + ", optimiser", times_.optimiser);
  if (const auto norm = network.step(step))
    losses_[norm_name] = norm->to(torch::kDouble);
  else
    too_narrow_ = true;
}

void Fidelity::generator_step(const Tensor& lr, const LossInputs& whole, int64_t step) {
  const bool learns = generator_learns(step);
  if (learns) generator_.zero_gradients();
  for (int part = 0; part < recipe_.accumulate; ++part) {
    Tensor loss;
    {
      const Span span("generator, forward", times_.forward);
      const torch::AutoGradMode gradients(learns);
      const AutocastGuard autocast(recipe_.arithmetic, device_);
      const KernelsGuard kernels(recipe_.arithmetic == Arithmetic::bfloat16);
      LossInputs inputs;
      if (learns && needs_smooth_)
        inputs.smooth = generator_.forward_result(part_of(lr, part)).to(torch::kFloat);
      Features maps;
      const Tensor small = part_of(lr, part);
      inputs.fake = (learns && needs_maps() ? generator_.forward(small, maps) : generator_.forward(small))
                        .to(torch::kFloat);
      fakes_.push_back(inputs.fake.detach());
      if (learns) {
        inputs.target = part_of(whole.target, part);
        inputs.real = part_of(whole.real, part);
        LossSum sum(*this, inputs.fake.options());
        add_losses(sum, inputs);
        add_losses_of_maps(sum, small, maps, part);
        if (teaching_)
          for (const Teaching::Part& taught : teaching_->parts(small, inputs.fake, maps))
            sum.add(taught.name, taught.weight, taught.loss);
        note("g_total", sum.total());
        loss = sum.total() * (1.0 / recipe_.accumulate);
      }
    }
    const Span span("generator, backward", times_.backward);
    if (learns) generator_.backward(loss, part + 1 == recipe_.accumulate);
  }
  if (learns) learn(generator_, "g_norm", step);
  generator_.update_running_mean();
}

std::map<std::string, double> Fidelity::read_losses_of_step() {
  std::map<std::string, double> found = read_at_once(losses_);
  // Too narrow a precision is no failure.
  if (too_narrow_) std::erase_if(found, [](const auto& loss) { return !std::isfinite(loss.second); });
  return found;
}

std::map<std::string, double> Fidelity::step(const Batch& batch, int64_t step) {
  losses_.clear();
  fakes_.clear();
  too_narrow_ = false;
  times_ = {};
  LossInputs whole;
  whole.real = pictures_of(batch, "hr", recipe_, device_);
  whole.target = batch.has("sharp") ? pictures_of(batch, "sharp", recipe_, device_) : whole.real;
  generator_.train();
  generator_step(pictures_of(batch, "lr", recipe_, device_), whole, step);
  after_generator(whole.real, step);
  fakes_.clear();
  return read_losses_of_step();
}

double read_sparsity(Settings& train) {
  return train.at_least("sparsity", 0.0, 0.0);
}

MakeScheme read_fidelity(Settings& root, const Recipe& recipe) {
  root.ignore({"network_D"}, "with scheme: fidelity");
  root.ignore({"optimizer_D"}, "without network_D");
  root.section("path").ignore({"pretrain_model_D"}, "without network_D");
  Settings train = root.section("train");
  const FidelityRecipe own{read_losses(train, false, recipe.ema > 0).terms, read_teaching(root),
                           read_sparsity(train)};
  train.ignore({"lr_D", "D_update_ratio", "D_init_iters"}, "without network_D");
  return [own](const Recipe& r, torch::Device device, const Ranks& ranks) {
    return std::make_unique<Fidelity>(r, own, device, ranks);
  };
}

}  // namespace esrgan::train
