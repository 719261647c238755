#include "cli/network_options.h"

#include <esrgan/error.h>

#include <CLI/CLI.hpp>
#include <map>

#include "base/memory.h"
#include "cli/session.h"

namespace esrgan::cli {

void NetworkOptions::describe(CLI::App& app) {
  app.add_option("-m,--model,--model-path", model, "Model by name (see 'esrgan models') or file")
      ->type_name("MODEL");
  app.add_option("--model-type", objective, "Take the first installed model of this kind")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Objective>{{"psnr", Objective::psnr}, {"gan", Objective::gan}}))
      ->type_name("psnr|gan");
  app.add_option("-s,--scale", upscale.scale, "Final enlargement; without it, the model's")
      ->type_name("S")
      ->check(CLI::Range(0.01, 64.0));
  app.add_option("-t,--tile", tile, "Side of the tiles in input pixels, 0 for none")->type_name("auto|0|N");
  app.add_option("--halo", upscale.halo, "Pixels around a tile that the network sees besides it")
      ->type_name("N")
      ->capture_default_str();
  app.add_flag("--self-ensemble", upscale.self_ensemble,
               "Mean over 8 flips and rotations: a little better, 8 times slower");
  add_precision(app, upscale.precision);
  app.add_flag_callback(
      "--fp16", [this] { upscale.precision = Precision::half; }, "The same as --precision half");
  app.add_option("--denoise-tv", upscale.denoise_tv, "Smooth the result by total variation, for example 0.05")
      ->type_name("W");
  app.add_option("--device", device, "Where to compute")
      ->check(CLI::IsMember({"auto", "cpu"}))
      ->type_name("auto|cpu");
  app.add_option("-j,--threads", upscale.threads, "Worker threads; without it, one per processor")
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
  app.add_option("--max-memory", memory, "Ceiling for the whole program; without it, half of what is free")
      ->type_name("SIZE");
}

void NetworkOptions::read() {
  if (!memory.empty()) upscale.max_memory = parse_memory_size(memory, "--max-memory");
  if (tile == "auto") return;
  int number = 0;
  if (!CLI::detail::lexical_cast(tile, number))
    throw Error("", "--tile", "auto, 0 or a number of pixels", "'" + tile + "'");
  upscale.tile = number;
}

std::string NetworkOptions::model_file() const {
  return find_model(model.empty() ? default_model(objective) : model);
}

}  // namespace esrgan::cli
