#include "train/networks/convolution.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <utility>

#include "device/training.h"

namespace esrgan::train {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

thread_local bool kernels_on = false;

const TrainingKernels& kernels() {
  static const TrainingKernels made(chosen_isa(), true,
                                    {[] { return at::get_num_threads(); },
                                     [](int parts, const std::function<void(int)>& body) {
                                       at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
                                         for (int64_t part = begin; part < end; ++part)
                                           body(static_cast<int>(part));
                                       });
                                     }});
  return made;
}

/// Maps as the kernels want them: floats, channels last.
Tensor channels_last(const Tensor& maps) {
  return maps.detach().to(torch::kFloat).contiguous(torch::MemoryFormat::ChannelsLast);
}

Tensor empty_maps(const Tensor& like, int64_t channels) {
  return torch::empty({like.size(0), channels, like.size(2), like.size(3)},
                      torch::TensorOptions(torch::kFloat).memory_format(torch::MemoryFormat::ChannelsLast));
}

BatchView view_of(const Tensor& maps) {
  if (!maps.defined()) return {};
  return {maps.data_ptr<float>(), maps.size(1), static_cast<int>(maps.size(1))};
}

BatchSize size_of(const Tensor& maps) {
  return {static_cast<int>(maps.size(0)), static_cast<int>(maps.size(2)), static_cast<int>(maps.size(3))};
}

FilterView filters_of(const Tensor& weight, const Tensor& bias) {
  return {weight.defined() ? weight.data_ptr<float>() : nullptr,
          bias.defined() && bias.numel() > 0 ? bias.data_ptr<float>() : nullptr};
}

/// Whether the kernels can do it and are worth it: few tiles leave them idle beside the filters' transforms.
bool suits(const Tensor& x, const Tensor& weight) {
  constexpr int64_t least_pixels = 1024;
  return kernels_on && x.device().is_cpu() && weight.size(2) == 3 && weight.size(3) == 3 &&
         x.size(0) * x.size(2) * x.size(3) >= least_pixels;
}

class Convolve : public torch::autograd::Function<Convolve> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& weight,
                        const Tensor& bias, double slope) {
    const Tensor x = channels_last(input), filters = weight.detach().contiguous();
    const Tensor y = empty_maps(x, filters.size(0));
    kernels().convolve(size_of(x), view_of(x), filters_of(filters, bias), static_cast<float>(slope),
                       view_of(y));
    context->save_for_backward({x, filters, slope == 1 ? Tensor() : y.detach()});
    context->saved_data["slope"] = slope;
    context->saved_data["bias"] = bias.numel() > 0;
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const Tensor &x = saved[0], &filters = saved[1], &y = saved[2];
    const Tensor dy = channels_last(gradients[0]);
    Tensor dx, dweight, dbias;
    if (context->needs_input_grad(0)) dx = empty_maps(x, x.size(1));
    if (context->needs_input_grad(1)) {
      dweight = torch::empty_like(filters);
      if (context->saved_data["bias"].toBool()) dbias = torch::empty({filters.size(0)});
    }
    kernels().convolve_gradient(size_of(x), view_of(x), filters_of(filters, {}),
                                static_cast<float>(context->saved_data["slope"].toDouble()), view_of(y),
                                view_of(dy), view_of(dx), filters_of(dweight, dbias));
    return {dx, dweight, dbias, {}};
  }
};

class Prelu : public torch::autograd::Function<Prelu> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& slopes) {
    const Tensor x = channels_last(input);
    context->save_for_backward({x, slopes});
    return torch::prelu(x, slopes.detach());
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const Tensor& x = saved[0];
    const Tensor slopes = saved[1].detach().expand({x.size(1)}).contiguous(),
                 dslopes = torch::empty_like(slopes);
    const Tensor dy = channels_last(gradients[0]), dx = empty_maps(x, x.size(1));
    kernels().prelu_gradient(size_of(x), view_of(x), slopes.data_ptr<float>(), view_of(dy), view_of(dx),
                             dslopes.data_ptr<float>());
    return {dx, saved[1].numel() == 1 ? dslopes.sum().view({1}) : dslopes};
  }
};

class SiluFunction : public torch::autograd::Function<SiluFunction> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& input) {
    const Tensor x = channels_last(input);
    context->save_for_backward({x});
    Tensor y = torch::empty_like(x);
    kernels().silu(x.numel(), x.data_ptr<float>(), y.data_ptr<float>());
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const Tensor x = context->get_saved_variables()[0], dy = channels_last(gradients[0]);
    Tensor dx = torch::empty_like(x);
    kernels().silu_gradient(x.numel(), x.data_ptr<float>(), dy.data_ptr<float>(), dx.data_ptr<float>());
    return {dx};
  }
};

class GateFunction : public torch::autograd::Function<GateFunction> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& first, const Tensor& second) {
    const Tensor o = channels_last(first), x = channels_last(second);
    context->save_for_backward({o, x});
    Tensor y = torch::empty_like(x);
    kernels().gate(x.numel(), o.data_ptr<float>(), x.data_ptr<float>(), y.data_ptr<float>());
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const Tensor &o = saved[0], &x = saved[1], dy = channels_last(gradients[0]);
    Tensor d_o = torch::empty_like(o), dx = torch::empty_like(x);
    kernels().gate_gradient(x.numel(), o.data_ptr<float>(), x.data_ptr<float>(), dy.data_ptr<float>(),
                            d_o.data_ptr<float>(), dx.data_ptr<float>());
    return {d_o, dx};
  }
};

constexpr size_t convolutions = 5;  // of a dense block

TrainingKernels::DenseBlock describe(const Tensor& x, const std::vector<Tensor>& weights,
                                     const std::vector<Tensor>& biases, double slope, double scale,
                                     double skip) {
  TrainingKernels::DenseBlock block;
  block.channels.push_back(static_cast<int>(x.size(1)));
  for (size_t j = 0; j < convolutions; ++j) {
    block.filters.push_back(filters_of(weights[j], biases[j]));
    if (j + 1 < convolutions) block.channels.push_back(static_cast<int>(weights[j].size(0)));
  }
  block.out_channels = static_cast<int>(weights.back().size(0));
  block.slope = static_cast<float>(slope);
  block.scale = static_cast<float>(scale);
  block.skip = static_cast<float>(skip);
  return block;
}

class Dense : public torch::autograd::Function<Dense> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& w1, const Tensor& w2,
                        const Tensor& w3, const Tensor& w4, const Tensor& w5, const Tensor& b1,
                        const Tensor& b2, const Tensor& b3, const Tensor& b4, const Tensor& b5, double slope,
                        double scale, double skip) {
    const Tensor x = channels_last(input);
    std::vector<Tensor> weights, biases;
    int64_t grown = 0;
    for (const Tensor* weight : {&w1, &w2, &w3, &w4, &w5}) weights.push_back(weight->detach().contiguous());
    for (const Tensor* bias : {&b1, &b2, &b3, &b4, &b5}) biases.push_back(bias->detach());
    for (size_t j = 0; j + 1 < convolutions; ++j) grown += weights[j].size(0);
    const Tensor inner = empty_maps(x, grown), out = empty_maps(x, weights.back().size(0));
    kernels().dense_block(size_of(x), describe(x, weights, biases, slope, scale, skip), view_of(x),
                          view_of(inner), view_of(out));
    variable_list saved = weights;
    saved.push_back(x);
    saved.push_back(inner);
    context->save_for_backward(saved);
    for (const auto& [name, value] :
         {std::pair("slope", slope), std::pair("scale", scale), std::pair("skip", skip)})
      context->saved_data[name] = value;
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const std::vector<Tensor> weights(saved.begin(), saved.begin() + convolutions);
    const Tensor &x = saved[convolutions], &inner = saved[convolutions + 1];
    const Tensor dout = channels_last(gradients[0]), dx = empty_maps(x, x.size(1));
    std::vector<Tensor> dweights, dbiases;
    std::vector<FilterView> to;
    for (const Tensor& weight : weights) {
      dweights.push_back(torch::empty_like(weight));
      dbiases.push_back(torch::empty({weight.size(0)}));
      to.push_back(filters_of(dweights.back(), dbiases.back()));
    }
    const auto number = [&](const char* name) { return context->saved_data[name].toDouble(); };
    kernels().dense_block_gradient(size_of(x),
                                   describe(x, weights, std::vector<Tensor>(convolutions), number("slope"),
                                            number("scale"), number("skip")),
                                   view_of(x), view_of(inner), view_of(dout), view_of(dx), to);
    variable_list result{dx};
    result.insert(result.end(), dweights.begin(), dweights.end());
    result.insert(result.end(), dbiases.begin(), dbiases.end());
    result.resize(result.size() + 3);
    return result;
  }
};

Tensor activated(const Tensor& x, double slope) {
  return slope == 1 ? x : slope == 0 ? torch::relu(x) : torch::leaky_relu(x, slope);
}

}  // namespace

KernelsGuard::KernelsGuard(bool on) : previous_(std::exchange(kernels_on, on)) {}

KernelsGuard::~KernelsGuard() {
  kernels_on = previous_;
}

const char* training_kernels_name() {
  return kernels().name();
}

Tensor convolve(const Tensor& x, const Tensor& weight, const Tensor& bias, double slope) {
  // A function of autograd takes no tensor that is not defined.
  if (suits(x, weight)) return Convolve::apply(x, weight, bias.defined() ? bias : torch::empty({0}), slope);
  return activated(torch::conv2d(x, weight, bias, 1, weight.size(2) / 2), slope);
}

Tensor convolve(const torch::nn::Conv2d& layer, const Tensor& x, double slope) {
  return convolve(x, layer->weight, layer->bias, slope);
}

Tensor channel_prelu(const Tensor& x, const Tensor& slopes) {
  return kernels_on && x.device().is_cpu() ? Prelu::apply(x, slopes) : torch::prelu(x, slopes);
}

Tensor silu(const Tensor& x) {
  return kernels_on && x.device().is_cpu() ? SiluFunction::apply(x) : torch::silu(x);
}

Tensor symmetric_gate(const Tensor& o, const Tensor& x) {
  if (kernels_on && x.device().is_cpu()) return GateFunction::apply(o, x);
  return (o + x) * (torch::sigmoid(o) - 0.5);
}

Tensor dense_block(const Tensor& x, const std::array<torch::nn::Conv2d, convolutions>& convs, double slope,
                   double scale, double skip) {
  if (suits(x, convs[0]->weight)) {
    const auto weight = [&](size_t j) { return convs.at(j)->weight; };
    const auto bias = [&](size_t j) { return convs.at(j)->bias; };
    return Dense::apply(x, weight(0), weight(1), weight(2), weight(3), weight(4), bias(0), bias(1), bias(2),
                        bias(3), bias(4), slope, scale, skip);
  }
  std::vector<Tensor> known{x};
  for (size_t j = 0; j + 1 < convolutions; ++j)
    known.push_back(convolve(convs.at(j), torch::cat(known, 1), slope));
  const Tensor last = convolve(convs.back(), torch::cat(known, 1));
  if (skip != 0) return torch::add(skip == 1 ? x : x * skip, last, scale);
  return scale == 1 ? last : last * scale;
}

}  // namespace esrgan::train
