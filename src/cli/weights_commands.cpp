// info, convert and interpolate: what can be done with a weight file.
#include <esrgan/error.h>
#include <esrgan/models.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <map>

#include "base/memory.h"
#include "base/text.h"
#include "cli/session.h"
#include "device/device.h"
#include "engine/channels.h"
#include "model/family.h"
#include "model/model.h"
#include "weights/safetensors.h"

namespace esrgan::cli {
namespace {

/// Reads a model and makes sure that every layer fits its neighbours and no tensor is left over.
Model load_checked(const std::string& file, Graph* graph = nullptr) {
  Model model = read_model(find_model(file));
  Graph built = build_graph(model);
  if (graph != nullptr) *graph = std::move(built);
  return model;
}

struct InfoCommand {
  std::string file;
  bool json = false, tensors = false;

  int run() const {
    Graph graph;
    const Model model = load_checked(file, &graph);
    const Architecture& a = model.architecture;
    nlohmann::ordered_json document{{"file", model.weights.file},
                                    {"format", model.weights.format},
                                    {"network", a.family->name},
                                    {"scale", a.scale},
                                    {"in_channels", a.in_channels},
                                    {"out_channels", a.out_channels},
                                    {"enlarges_pictures", takes_pictures(a.in_channels, a.out_channels)},
                                    {"features", a.features},
                                    {"blocks", a.blocks},
                                    {"pixel_unshuffle", a.unshuffle},
                                    {"parameters", parameter_count(model.weights)},
                                    {"macs_per_input_pixel", graph.macs_per_pixel()},
                                    {"receptive_radius", graph.receptive_radius()},
                                    {"reasons", model.reasons},
                                    {"metadata", model.weights.metadata}};
    if (a.details)
      for (const auto& [name, number] : a.details->numbers()) document[name] = number;
    if (tensors)
      for (const auto& [name, tensor] : model.weights.tensors)
        document["tensors"][name] = {{"shape", tensor.shape}, {"stored_as", name_of(tensor.stored_as)}};
    if (json)
      print_json(document);
    else
      print(model, document);
    return all_done;
  }

 private:
  static void print(const Model& model, const nlohmann::ordered_json& document) {
    std::cout << "file         " << escaped(model.weights.file) << " (" << model.weights.format << ")\n"
              << "network      " << model.architecture.summary() << "\n"
              << (document["enlarges_pictures"].get<bool>()
                      ? ""
                      : "use          none for pictures: " + model.architecture.channels_text() +
                            " channels\n")
              << "parameters   " << document["parameters"] << "\n"
              << "work         " << static_cast<long>(document["macs_per_input_pixel"].get<double>())
              << " multiply-accumulates for each input pixel\n"
              << "sees         " << document["receptive_radius"] << " pixels in each direction\n";
    for (const std::string& reason : model.reasons) std::cout << "because      " << escaped(reason) << "\n";
    for (const auto& [key, value] : model.weights.metadata)
      std::cout << "metadata     " << escaped(key) << " = " << escaped(value) << "\n";
    if (document.contains("tensors"))
      for (const auto& [name, tensor] : model.weights.tensors)
        std::cout << "tensor       " << escaped(name) << "  " << tensor.shape_text() << "  "
                  << name_of(tensor.stored_as) << "\n";
  }
};

/// Options of every command that writes weights.
struct Writing {
  std::string output;
  ElementType type = ElementType::f32;
  std::map<std::string, std::string> metadata;
  bool overwrite = false;

  void describe(CLI::App& app, const std::string& output_option, ElementType default_type) {
    type = default_type;
    app.add_option(output_option, output, "File to write, .safetensors")->required()->type_name("FILE");
    app.add_option("--precision", type, "How to store the weights")
        ->transform(CLI::CheckedTransformer(
            std::map<std::string, ElementType>{{"full", ElementType::f32}, {"half", ElementType::f16}}))
        ->type_name("full|half");
    for (const char* key : {"licence", "purpose", "objective"})
      app.add_option_function<std::string>(
             std::string("--") + key,
             [this, key](const std::string& text) { metadata[std::string("esrgan.") + key] = text; },
             std::string("Note in the file: ") +
                 (std::string(key) == "objective" ? "psnr, gan, restore or tasks" : key))
          ->type_name("TEXT");
    app.add_flag("--overwrite", overwrite, "Replace the output when it exists");
  }

  void write(Model& model) const {
    if (!output.ends_with(".safetensors"))
      throw Error(ErrorKind::invalid_argument, output, "weights are written as .safetensors only");
    if (!overwrite && std::ifstream(output))
      throw Error(ErrorKind::io, output, "exists already (--overwrite replaces it)");
    model.weights.metadata["esrgan.network"] = model.architecture.summary();
    model.weights.metadata["esrgan.scale"] = std::to_string(model.architecture.scale);
    for (const auto& [key, value] : metadata) model.weights.metadata[key] = value;
    write_safetensors(model.weights, type, output);
    print_message(output + ": " + model.architecture.summary());
  }
};

struct ConvertCommand {
  std::string input;
  Writing writing;
  int run() const {
    Model model = load_checked(input);
    writing.write(model);
    return all_done;
  }
};

struct InterpolateCommand {
  std::string first, second;
  float alpha = 0.5F;
  Writing writing;
  int run() const {
    Model model = interpolate(load_checked(first), load_checked(second), alpha);
    writing.write(model);
    return all_done;
  }
};

}  // namespace

void add_weights_commands(CLI::App& app, Action& action) {
  auto info = std::make_shared<InfoCommand>();
  CLI::App* sub =
      app.add_subcommand("info", "Tell what network a weight file holds, and why it was taken for that");
  sub->add_option("file,-m,--model", info->file, "Weight file, or name of a model")
      ->required()
      ->type_name("FILE");
  sub->add_flag("--tensors", info->tensors, "List the tensors, by their canonical names");
  sub->add_flag("--json", info->json, "Print as JSON");
  sub->callback([info, &action] { action = [info] { return info->run(); }; });

  auto convert = std::make_shared<ConvertCommand>();
  sub = app.add_subcommand("convert", "Write weights of any format as safetensors with canonical names");
  sub->add_option("input", convert->input, ".pth, .safetensors, .onnx, or .param/.bin of ncnn")
      ->required()
      ->type_name("FILE");
  convert->writing.describe(*sub, "output,-o,--output", ElementType::f32);
  sub->footer("Example:\n  esrgan convert RealESRGAN_x4plus.pth realesrgan.safetensors --precision half\n");
  sub->callback([convert, &action] { action = [convert] { return convert->run(); }; });

  auto mix = std::make_shared<InterpolateCommand>();
  sub = app.add_subcommand("interpolate", "Mix two models of the same network: (1 - ALPHA) * A + ALPHA * B");
  sub->add_option("first", mix->first, "Model A, for example one trained for PSNR")
      ->required()
      ->type_name("A");
  sub->add_option("second", mix->second, "Model B, for example one trained as a GAN")
      ->required()
      ->type_name("B");
  sub->add_option("--alpha", mix->alpha, "Share of B")
      ->required()
      ->type_name("0-1")
      ->check(CLI::Range(0.0F, 1.0F));
  mix->writing.describe(*sub, "-o,--output", ElementType::f32);
  sub->footer(
      "Example:\n  esrgan interpolate psnr.safetensors gan.safetensors --alpha 0.8 -o mixed.safetensors\n");
  sub->callback([mix, &action] { action = [mix] { return mix->run(); }; });
}

}  // namespace esrgan::cli
