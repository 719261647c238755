#include "cli/compress_commands.h"

#include <esrgan/error.h>
#include <esrgan/models.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "cli/progress_bar.h"
#include "cli/session.h"
#include "export/onnx_export.h"
#include "train/compress/comparison.h"
#include "train/compress/importance.h"
#include "train/compress/quantisation.h"
#include "train/run/evaluator.h"
#include "train/run/surroundings.h"
#include "weights/builtin.h"
#include "weights/safetensors.h"

namespace esrgan::cli {
namespace {

namespace fs = std::filesystem;

/// What prune and quantize share.
struct CompressCommand {
  std::string model, output, test, sheet;
  train::CalibrationData data;
  bool json = false, overwrite = false;

  void describe(CLI::App& app, const char* kind) {
    app.add_option("model,-m,--model", model, "Model by name or file")->required()->type_name("MODEL");
    app.add_option("-o,--output", output, std::string("File to write, ") + kind)
        ->required()
        ->type_name("FILE");
    app.add_option("--batches", data.batches, "Batches of 8 patches to look at")
        ->type_name("N")
        ->check(CLI::Range(1, 100'000))
        ->capture_default_str();
    app.add_option("--test", test, "Folder of true pictures for the table; without it, --data's")
        ->type_name("HR_DIR");
    app.add_option("--sheet", sheet, "Picture to write: a piece of the first one, before and after")
        ->type_name("FILE");
    app.add_flag("--overwrite", overwrite, "Replace the output when it exists");
    app.add_flag("--json", json, "Print the table as JSON");
  }

  void check(const char* extension) const {
    if (!output.ends_with(extension))
      throw Error(ErrorKind::invalid_argument, "", "--output", std::string("a name with ") + extension,
                  "'" + output + "'");
    if (std::error_code absent; !overwrite && fs::exists(output, absent))
      throw Error(ErrorKind::io, output, "exists already (--overwrite replaces it)");
  }

  Model read() const { return read_model(find_model(model)); }

  /// Nothing where there are no pictures to compare by.
  void compare(const std::vector<train::Compared>& networks, int scale) const {
    const std::string folder = test.empty() ? data.folder : test;
    if (folder.empty()) return print_message("no table: there are no pictures to compare by (--test)");
    const train::Comparison comparison = train::compare_networks(networks, folder, scale);
    std::cout << (json ? comparison.json() + "\n" : comparison.table());
    if (!sheet.empty()) comparison.write_sheet(sheet);
  }
};

uint64_t size_of_file(const std::string& file) {
  if (const auto inside = builtin_bytes(file)) return inside->size();
  std::error_code unknown;
  const uint64_t size = fs::file_size(file, unknown);
  return unknown ? 0 : size;
}

struct PruneCommand : CompressCommand {
  enum class Importance { automatic, taylor, gamma, magnitude };
  Importance importance = Importance::automatic;
  PruneOptions options;

  int run() {
    check(".safetensors");
    const Model before = read();
    Model after = prune(before, importance_of(before), options);
    after.weights.metadata["esrgan.network"] = after.architecture.summary();
    after.weights.metadata["esrgan.scale"] = std::to_string(after.architecture.scale);
    write_safetensors(after.weights, ElementType::f32, output);
    print_message(output + ": " + after.architecture.summary());
    const std::string file = find_model(model);
    compare({{"before", &before, size_of_file(file), file, {}},
             {"after", &after, size_of_file(output), output, {}}},
            before.architecture.scale);
    return all_done;
  }

 private:
  ChannelImportance importance_of(const Model& model_before) const {
    const ChannelImportance gammas = gamma_importance(model_before);
    if (importance == Importance::gamma && gammas.empty())
      throw Error(ErrorKind::invalid_argument, model, "--importance gamma",
                  "a network with batch normalisation", "none");
    if (importance == Importance::gamma || (importance == Importance::automatic && !gammas.empty()))
      return gammas;
    if (importance == Importance::magnitude) return magnitude_importance(model_before);
    if (data.folder.empty())
      throw Error(ErrorKind::invalid_argument, "", "--data",
                  "a folder of pictures, or --importance magnitude", "none");
    ProgressBar bar("looking at pictures", 0);
    return train::taylor_importance(model_before, data, [&](int done) {
      if (stop_token().stop_requested()) throw Cancelled();
      bar.show(static_cast<double>(done) / data.batches);
    });
  }
};

struct QuantizeCommand : CompressCommand {
  train::RangeChoice choice = train::RangeChoice::mean_squared_error;
  int keep_float = 0;

  int run() {
    check(".onnx");
    const Model network = read();
    QuantisedRanges ranges = train::calibrate(network, data, choice);
    const std::vector<train::LayerLoss> losses = train::worst_layers(network, ranges, data);
    for (size_t i = 0; i < losses.size() && i < shown; ++i)
      print_message("8 bits cost most in " + losses[i].layer + ": " + fixed_text_of(losses[i].psnr, 1) +
                    " dB" + (i < static_cast<size_t>(keep_float) ? ", which stays in floats" : ""));
    for (size_t i = 0; i < losses.size() && i < static_cast<size_t>(keep_float); ++i)
      ranges.erase(losses[i].layer);
    write_file(output, onnx::write(quantised(onnx_model(network, {}), ranges)));
    print_message(output + ": " + network.architecture.summary() + ", " + std::to_string(ranges.size()) +
                  " layers of 8 bits");
    const auto simulated = std::make_shared<train::QuantisedNetwork>(network, ranges);
    const std::string file = find_model(model);
    compare({{"before", &network, size_of_file(file), file, {}},
             {"after", &network, size_of_file(output), "", upscale_by(simulated, network.architecture)}},
            network.architecture.scale);
    return all_done;
  }

 private:
  static constexpr size_t shown = 5;

  static train::Upscale upscale_by(const std::shared_ptr<train::QuantisedNetwork>& network,
                                   const Architecture& a) {
    return train::network_upscale(
        [network](const torch::Tensor& x) {
          const torch::NoGradGuard no_gradients;
          return network->forward(x);
        },
        torch::kCPU, a.scale, a.unshuffle, a.frames);
  }
};

int parsed(CLI::App& app, int argc, char** argv, const std::function<int()>& work) {
  try {
    app.parse(spelled(argc, argv));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? all_done : wrong_usage;
  }
  return train::with_torch(work);
}

}  // namespace

int run_prune(int argc, char** argv) {
  CLI::App app{"Take the channels that matter least out of a network", "esrgan prune"};
  PruneCommand command;
  command.describe(app, ".safetensors");
  app.add_option("--keep", command.options.keep, "Share of the multiply-accumulates to keep")
      ->type_name("0-1")
      ->check(CLI::Range(0.01, 1.0))
      ->capture_default_str();
  app.add_flag("--per-layer", command.options.per_layer,
               "The same share of every layer, rather than what matters least of all");
  app.add_option("--multiple", command.options.multiple,
                 "Channels leave in sets of so many, and so many stay")
      ->type_name("N")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  using Importance = PruneCommand::Importance;
  app.add_option(
         "--importance", command.importance,
         "What tells how much a channel matters; auto: gamma where there is normalisation, else taylor")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, Importance>{{"auto", Importance::automatic},
                                                                    {"taylor", Importance::taylor},
                                                                    {"gamma", Importance::gamma},
                                                                    {"magnitude", Importance::magnitude}}))
      ->type_name("auto|taylor|gamma|magnitude");
  app.add_option("--data", command.data.folder, "Folder of true pictures that taylor looks at")
      ->type_name("HR_DIR");
  app.footer(
      "The result goes on learning by a recipe with 'network_G: {model: FILE}'.\nExample:\n  esrgan prune "
      "rrdb.safetensors "
      "-o small.safetensors --keep 0.6 --data photos --test Set5/HR\n");
  return parsed(app, argc, argv, [&] { return command.run(); });
}

int run_quantize(int argc, char** argv) {
  CLI::App app{"Write a network of 8-bit numbers as ONNX", "esrgan quantize"};
  QuantizeCommand command;
  command.describe(app, ".onnx");
  app.add_option("--data", command.data.folder, "Folder of true pictures to calibrate with")
      ->required()
      ->type_name("HR_DIR");
  using train::RangeChoice;
  app.add_option("--method", command.choice, "How the ranges are chosen")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, RangeChoice>{{"min-max", RangeChoice::min_max},
                                             {"percentile", RangeChoice::percentile},
                                             {"mse", RangeChoice::mean_squared_error}}))
      ->type_name("min-max|percentile|mse");
  app.add_option("--keep-float", command.keep_float, "So many of the layers that suffer most stay in floats")
      ->type_name("N")
      ->check(CLI::Range(0, 100'000));
  app.footer(
      "Example:\n  esrgan quantize realesr-animevideov3-x4 -o small.onnx --data photos --test Set5/HR "
      "--keep-float 2\n");
  return parsed(app, argc, argv, [&] { return command.run(); });
}

void compare_with_teacher(const train::Recipe& recipe) {
  if (recipe.validation.empty()) return;
  const std::string teacher = find_model(recipe.teacher),
                    student =
                        (fs::path(recipe.folder) / recipe.name / "models" / "latest.safetensors").string();
  const Model before = read_model(teacher), after = read_model(student);
  const train::Comparison comparison =
      train::compare_networks({{"teacher", &before, size_of_file(teacher), teacher, {}},
                               {"student", &after, size_of_file(student), student, {}}},
                              recipe.validation.front().source.hr, after.architecture.scale);
  std::cout << comparison.table();
}

}  // namespace esrgan::cli
