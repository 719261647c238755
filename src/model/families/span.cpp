#include "model/families/span.h"

#include <esrgan/error.h>

#include <array>

#include "model/families/families.h"
#include "model/families/task_heads.h"
#include "model/families/time_head.h"

namespace esrgan {
namespace {

constexpr int blocks = 6;

constexpr Naming namings[] = {{"canonical", "block_1.c1_r.sk.weight", nullptr, nullptr},
                              {"canonical, collapsed", "block_1.c1_r.weight", nullptr, nullptr}};

void detect(Evidence& evidence, Architecture& a) {
  a.blocks = blocks;
  const bool collapsed = !evidence.has("conv_1.sk.weight");
  const std::string first = collapsed ? "conv_1" : "conv_1.sk";
  if (!detect_time_head(evidence, a)) {
    a.in_channels = evidence.in_channels(first);
    a.features = evidence.out_channels(first);
  }
  a.tasks = detect_tasks(evidence);
  a.upsamplings = 1;
  // As many channels come out as go in, else those of another kind of picture.
  const int shuffled = evidence.out_channels("upsampler.0");
  a.out_channels = a.in_channels;
  for (const int channels : {a.in_channels, 3, 1, 4})
    if (is_square(shuffled, channels)) {
      a.out_channels = channels;
      break;
    }
  a.scale = evidence.shuffle_factor("upsampler.0", a.out_channels);
  evidence.because(collapsed ? "blocks of three convolutions (c1_r, c2_r, c3_r): SPAN, collapsed"
                             : "blocks of three re-parametrised convolutions (c1_r.sk, c1_r.conv): SPAN");
  evidence.because(std::to_string(shuffled) + " channels are shuffled to " + std::to_string(a.out_channels) +
                   ": scale " + std::to_string(a.scale));
  evidence.because(evidence.has("no_norm") ? "the tensor no_norm: colours are taken as they are"
                                           : "no tensor no_norm: colours are centred and multiplied by 255");
  SpanDetails details;
  details.centred = !evidence.has("no_norm");
  a.details = std::make_shared<SpanDetails>(details);
}

/// Conv3XC of the published code: 1x1, 3x3, 1x1 after each other on the input with a border of zeros, and
/// beside them a 1x1 (sk), are one 3x3 convolution. A file may hold that too (eval_conv), as old as it may
/// be: it is not used. A network that was trained as one convolution each is taken as it is.
ConvolutionTensors collapsed_tensors(GraphBuilder& builder, const std::string& name, size_t in) {
  if (builder.has(name + ".weight")) return builder.convolution_tensors(name);
  const auto layer = [&](const std::string& part) { return builder.convolution_tensors(name + "." + part); };
  const ConvolutionTensors sk = layer("sk"), first = layer("conv.0"), middle = layer("conv.1"),
                           last = layer("conv.2");
  const size_t out = last.out, inner = first.out, wide = middle.out;
  // The inner layers are so many times as wide as what goes in and comes out, in all published networks;
  // others could make a product of the first two that is far larger than the file.
  constexpr size_t gain = 2;
  const bool fits = inner == gain * in && wide == gain * out && sk.in == in && sk.out == out &&
                    first.in == in && middle.in == inner && last.in == wide && sk.kernel == 1 &&
                    first.kernel == 1 && middle.kernel == 3 && last.kernel == 1;
  if (!fits)
    throw Error(ErrorKind::bad_data, builder.shapes().weights().file, "layers of '" + name + "'",
                "1x1, 3x3 and 1x1 convolutions, twice as wide inside", "other shapes");
  for (const char* tensor : {".eval_conv.weight", ".eval_conv.bias"})
    if (builder.has(name + tensor)) builder.tensor(name + tensor);
  std::vector<float> weights(out * in * 9), bias(out);
  for (size_t tap = 0; tap < 9; ++tap) {
    std::vector<double> both(wide * in);  // of the first two
    for (size_t w = 0; w < wide; ++w)
      for (size_t k = 0; k < inner; ++k)
        for (size_t i = 0; i < in; ++i)
          both[w * in + i] += static_cast<double>(middle.weights[(w * inner + k) * 9 + tap]) *
                              static_cast<double>(first.weights[k * in + i]);
    for (size_t o = 0; o < out; ++o)
      for (size_t i = 0; i < in; ++i) {
        double sum = tap == 4 ? static_cast<double>(sk.weights[o * in + i]) : 0;
        for (size_t w = 0; w < wide; ++w)
          sum += static_cast<double>(last.weights[o * wide + w]) * both[w * in + i];
        weights[(o * in + i) * 9 + tap] = static_cast<float>(sum);
      }
  }
  std::vector<double> carried(wide);  // the first bias through the middle layer, whose border it fills, too
  for (size_t w = 0; w < wide; ++w) {
    carried[w] = static_cast<double>(middle.bias[w]);
    for (size_t k = 0; k < inner; ++k)
      for (size_t tap = 0; tap < 9; ++tap)
        carried[w] += static_cast<double>(middle.weights[(w * inner + k) * 9 + tap]) *
                      static_cast<double>(first.bias[k]);
  }
  for (size_t o = 0; o < out; ++o) {
    double sum = static_cast<double>(last.bias[o]) + static_cast<double>(sk.bias[o]);
    for (size_t w = 0; w < wide; ++w) sum += static_cast<double>(last.weights[o * wide + w]) * carried[w];
    bias[o] = static_cast<float>(sum);
  }
  return {out, in, 3, std::move(weights), std::move(bias)};
}

Convolution collapsed(GraphBuilder& builder, const std::string& name, MapId input) {
  if (builder.has(name + ".weight")) return builder.convolution(name, input);
  ConvolutionTensors made = collapsed_tensors(builder, name, static_cast<size_t>(builder.channels(input)));
  return builder.convolution(name, {input}, std::move(made.weights), std::move(made.bias), 3);
}

/// (x - mean) * 255 as a 1x1 convolution: the zeros around the next one are means then, as in the published
/// code.
MapId normalised(GraphBuilder& builder, MapId input) {
  const auto channels = static_cast<size_t>(builder.channels(input));
  if (channels > span_means.size())
    throw Error(ErrorKind::bad_data, builder.shapes().weights().file,
                "channels of a SPAN that centres its colours", "at most 3", std::to_string(channels));
  std::vector<float> weights(channels * channels), bias(channels);
  for (size_t c = 0; c < channels; ++c) {
    weights[c * channels + c] = span_range;
    bias[c] = -span_range * span_means.at(c);
  }
  return builder.add(builder.convolution("normalisation", {input}, std::move(weights), std::move(bias), 1));
}

MapId first_map(GraphBuilder& builder, const Architecture& a) {
  const bool plain = builder.has("no_norm");
  if (plain) builder.tensor("no_norm");
  if (a.frames > 1 && !plain)
    throw Error(ErrorKind::bad_data, builder.shapes().weights().file,
                "colours of a network for several frames", "taken as they are (no_norm)", "centred");
  if (a.frames > 1)
    return add_time_head(builder, a,
                         collapsed_tensors(builder, "conv_1", static_cast<size_t>(a.in_channels)));
  MapId x = builder.input(a.in_channels);
  builder.begin_stage();
  if (!plain) x = normalised(builder, x);
  pass_over_tasks(builder, "");
  return builder.add(collapsed(builder, "conv_1", x));
}

MapId build(GraphBuilder& builder, const Architecture& a) {
  const MapId first = first_map(builder, a);
  MapId x = first;
  MapId after_first_block = first, inner_of_last_block = first;
  for (int n = 1; n <= blocks; ++n) {
    builder.begin_stage();
    const std::string block = "block_" + std::to_string(n);
    pass_over_tasks(builder, block + ".");
    const MapId inner = builder.silu(builder.add(collapsed(builder, block + ".c1_r", x)));
    const MapId second = builder.silu(builder.add(collapsed(builder, block + ".c2_r", inner)));
    x = builder.symmetric_gate(builder.add(collapsed(builder, block + ".c3_r", second)), x);
    if (n == 1) after_first_block = x;
    inner_of_last_block = inner;
  }
  builder.begin_stage();
  pass_over_small_head(builder);
  const MapId last = builder.add(collapsed(builder, "conv_2", x));
  const MapId all =
      builder.add(builder.convolution("conv_cat", {first, last, after_first_block, inner_of_last_block}));
  return builder.pixel_shuffle(builder.add(builder.convolution("upsampler.0", all)), a.scale);
}

/// A collapsed convolution as Conv3XC: the 1x1 layers hand their input on, the one beside them adds nothing.
void expand(StateDict& weights, const std::string& name) {
  const Tensor collapsed = weights.at(name + ".weight"), bias = weights.at(name + ".bias");
  weights.tensors.erase(name + ".weight");
  weights.tensors.erase(name + ".bias");
  const auto out = static_cast<size_t>(collapsed.shape.at(0)),
             in = static_cast<size_t>(collapsed.shape.at(1));
  const auto add = [&](const std::string& part, size_t outs, size_t ins, size_t kernel, const auto& fill) {
    Tensor tensor{{static_cast<int64_t>(outs), static_cast<int64_t>(ins), static_cast<int64_t>(kernel),
                   static_cast<int64_t>(kernel)},
                  std::vector<float>(outs * ins * kernel * kernel)};
    fill(tensor.values, ins);
    weights.add(name + part + ".weight", std::move(tensor));
    weights.add(name + part + ".bias", {{static_cast<int64_t>(outs)}, std::vector<float>(outs)});
  };
  const auto hand_on = [](size_t count) {
    return [count](std::vector<float>& values, size_t ins) {
      for (size_t c = 0; c < count; ++c) values[c * ins + c] = 1;
    };
  };
  constexpr size_t gain = 2;
  add(".sk", out, in, 1, [](std::vector<float>&, size_t) {});
  add(".conv.0", gain * in, in, 1, hand_on(in));
  add(".conv.1", gain * out, gain * in, 3, [&](std::vector<float>& values, size_t ins) {
    for (size_t o = 0; o < out; ++o)
      for (size_t i = 0; i < in * 9; ++i) values[o * ins * 9 + i] = collapsed.values[o * in * 9 + i];
  });
  add(".conv.2", out, gain * out, 1, hand_on(out));
  weights.tensors.at(name + ".conv.2.bias").values = bias.values;
  weights.add(name + ".eval_conv.weight", collapsed);
  weights.add(name + ".eval_conv.bias", bias);
}

void publish(StateDict& weights) {
  if (!weights.contains("conv_1.weight")) return;
  expand(weights, "conv_1");
  expand(weights, "conv_2");
  for (int n = 1; n <= blocks; ++n)
    for (const char* layer : {".c1_r", ".c2_r", ".c3_r"})
      expand(weights, "block_" + std::to_string(n) + layer);
}

void configure(NetworkWishes& wishes, Architecture& a) {
  SpanDetails details;
  details.centred = wishes.flag("norm", false);
  configure_time_head(wishes, a);
  configure_tasks(wishes, a);
  if (details.centred && a.frames > 1) wishes.refuse("norm", "false for a network that sees several frames");
  a.blocks = blocks;
  a.upsamplings = 1;
  a.details = std::make_shared<SpanDetails>(details);
}

}  // namespace

const SpanDetails& span_details(const Architecture& architecture) {
  return static_cast<const SpanDetails&>(*architecture.details);
}

const Family span{"SPAN", {}, "blocks", namings, detect, build, false, publish, configure};

}  // namespace esrgan
