#include "train/networks/trained_network.h"

#include <ATen/autocast_mode.h>
#include <esrgan/error.h>

#include "base/text.h"

namespace esrgan::train {
namespace {

const StateDict& group(const Checkpoint& checkpoint, const std::string& name) {
  const auto found = checkpoint.groups.find(name);
  if (found == checkpoint.groups.end())
    throw Error(ErrorKind::bad_data, "", "the checkpoint lacks the group '" + name + "'");
  return found->second;
}

std::shared_ptr<Network> moved(std::shared_ptr<Network> module, torch::Device device) {
  module->to(device);
  return module;
}

}  // namespace

TrainedNetwork::TrainedNetwork(std::string name, std::shared_ptr<Network> module,
                               const LearningRecipe& recipe, torch::Device device, const Ranks& ranks)
    : name_(std::move(name)),
      module_(moved(std::move(module), device)),
      recipe_(recipe),
      ranks_(ranks),
      flat_(*module_),
      optimiser_(make_optimiser(recipe.optimiser, flat_)),
      scale_(recipe.scaled),
      gradient_mean_(ranks, flat_.parameters()) {
  if (recipe.ema > 0) ema_ = flat_.values().clone();
}

std::vector<torch::Tensor> TrainedNetwork::norm_scales() const {
  std::vector<torch::Tensor> scales;
  for (const auto& module : module_->modules())
    if (const auto* norm = module->as<torch::nn::BatchNorm2d>()) scales.push_back(norm->weight);
  return scales;
}

void TrainedNetwork::backward(const torch::Tensor& loss, bool last) {
  const torch::Tensor scaled = scale_.factor() == 1 ? loss : loss * scale_.factor();
  if (last) gradient_mean_.expect(scaled);
  ranks_.together([&] { scaled.backward(); });
}

void TrainedNetwork::backward(std::initializer_list<TrainedNetwork*> networks, const torch::Tensor& loss) {
  for (TrainedNetwork* network : networks) network->gradient_mean_.expect(loss);
  (*networks.begin())->ranks_.together([&] { loss.backward(); });
}

std::optional<torch::Tensor> TrainedNetwork::step(int64_t step) {
  const bool can_fall = scale_.can_fall();
  if (!scale_.accept(flat_.divide(scale_.factor())) && can_fall) return std::nullopt;
  torch::Tensor norm = flat_.norm();
  clipped_to_ = flat_.clip(norm, recipe_.clip_norm);
  optimiser_->step(flat_, learning_rate(recipe_.schedule, recipe_.optimiser.rate, step));
  return norm;
}

void TrainedNetwork::update_running_mean() {
  if (!ema_.defined()) return;
  const torch::NoGradGuard no_gradients;
  ema_.lerp_(optimiser_->result(flat_.values()), 1 - recipe_.ema);
}

std::vector<ParameterNorm> TrainedNetwork::norms() const {
  std::vector<ParameterNorm> norms = flat_.norms();
  if (!clipped_to_.defined()) return norms;
  const double factor = clipped_to_.item<double>();
  for (ParameterNorm& norm : norms) norm.gradient /= factor;
  return norms;
}

torch::Tensor TrainedNetwork::best_values() const {
  return ema_.defined() ? ema_ : optimiser_->result(flat_.values());
}

torch::Tensor TrainedNetwork::forward_result(const torch::Tensor& x) {
  const torch::NoGradGuard no_gradients;
  const torch::Tensor values = best_values(), learning = flat_.values().clone();
  at::autocast::clear_cache();  // of casts: other values are to come, and afterwards gradients
  flat_.values().copy_(values);
  const bool was_training = module_->is_training();
  module_->eval();
  torch::Tensor result = module_->forward(x);
  module_->train(was_training);
  flat_.values().copy_(learning);
  at::autocast::clear_cache();
  return result;
}

StateDict TrainedNetwork::result() const {
  StateDict state = state_of(*module_);
  for (auto& [name, tensor] : flat_.split(best_values()).tensors) state.tensors.at(name) = std::move(tensor);
  return state;
}

void TrainedNetwork::save(Checkpoint& checkpoint) {
  checkpoint.groups[name_] = state_of(*module_);
  for (const auto& [memory, tensor] : optimiser_->memory())
    checkpoint.groups[name_ + "." + memory] = flat_.split(*tensor);
  if (ema_.defined()) checkpoint.groups[name_ + ".ema"] = flat_.split(ema_);
  for (const auto& [memory, number] : optimiser_->numbers())
    checkpoint.numbers[name_ + "." + memory] = exact_text_of(*number);
  checkpoint.numbers[name_ + ".steps"] = std::to_string(optimiser_->steps);
  checkpoint.numbers[name_ + ".factor"] = exact_text_of(scale_.saved_factor());
  checkpoint.numbers[name_ + ".finite_steps"] = std::to_string(scale_.finite_steps());
}

void TrainedNetwork::load(const Checkpoint& checkpoint) {
  const torch::NoGradGuard no_gradients;
  load_state(*module_, group(checkpoint, name_));
  for (const auto& [memory, tensor] : optimiser_->memory())
    flat_.join(group(checkpoint, name_ + "." + memory), *tensor);
  if (ema_.defined()) flat_.join(group(checkpoint, name_ + ".ema"), ema_);
  for (const auto& [memory, number] : optimiser_->numbers())
    *number = number_of(checkpoint.number(name_ + "." + memory));
  optimiser_->steps = std::stoll(checkpoint.number(name_ + ".steps"));
  scale_.restore(number_of(checkpoint.number(name_ + ".factor")),
                 std::stoll(checkpoint.number(name_ + ".finite_steps")));
}

void TrainedNetwork::synchronise() {
  ranks_.broadcast(flat_.values());
  for (const torch::Tensor& buffer : module_->buffers()) ranks_.broadcast(buffer);
  for (const auto& [memory, tensor] : optimiser_->memory()) ranks_.broadcast(*tensor);
  if (ema_.defined()) ranks_.broadcast(ema_);
  std::vector<double> values{scale_.saved_factor(), static_cast<double>(scale_.finite_steps()),
                             static_cast<double>(optimiser_->steps)};
  for (const auto& [memory, number] : optimiser_->numbers()) values.push_back(*number);
  const torch::Tensor numbers = torch::tensor(values, torch::kDouble);
  ranks_.broadcast(numbers);
  const auto* found = numbers.data_ptr<double>();
  scale_.restore(found[0], static_cast<int64_t>(found[1]));
  optimiser_->steps = static_cast<int64_t>(found[2]);
  for (const auto& [memory, number] : optimiser_->numbers()) *number = *(found++ + 3);
}

}  // namespace esrgan::train
