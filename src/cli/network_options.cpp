#include "cli/network_options.h"

#include <esrgan/error.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>

#include "base/memory.h"
#include "cli/session.h"
#include "device/device.h"
#include "engine/picture_upscaler.h"

namespace esrgan::cli {

void NetworkOptions::describe(CLI::App& app) {
  app.add_option("-m,-n,--model,--model-path,--model-name", model,
                 "Model by name (see 'esrgan models') or file")
      ->type_name("MODEL");
  app.add_option(
         "--model-type", objective,
         "Take the first model of this kind: faithful, sharp, for old pictures, or with strengths to choose")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Objective>{{"psnr", Objective::psnr},
                                                                           {"gan", Objective::gan},
                                                                           {"restore", Objective::restore},
                                                                           {"tasks", Objective::tasks}}))
      ->type_name("psnr|gan|restore|tasks");
  app.add_flag_callback(
      "--restore", [this] { objective = Objective::restore; },
      "Old photographs and prints: the same as --model-type restore");
  app.add_option("-s,--scale", upscale.scale, "Final enlargement; without it, the model's")
      ->type_name("S")
      ->check(CLI::Range(0.01, 64.0));
  app.add_option("-t,--tile", tile, "Side of the tiles in input pixels, 0 for none")->type_name("auto|0|N");
  app.add_option("--halo", upscale.halo, "Pixels around a tile that the network sees besides it")
      ->type_name("N")
      ->capture_default_str();
  app.add_flag("-x,--self-ensemble", upscale.self_ensemble,
               "Mean over 8 flips and rotations: a little better, 8 times slower");
  add_precision(app, upscale.precision);
  app.add_flag_callback(
      "--fp16", [this] { upscale.precision = Precision::half; }, "The same as --precision half");
  app.add_option("--strength", upscale.strength,
                 "Share of the network's result, from 0 to 1; the rest is the plain enlargement")
      ->type_name("0-1");
  add_strengths(app, upscale.denoise, upscale.deblur);
  app.add_option("--denoise-tv", upscale.denoise_tv, "Smooth the result by total variation, for example 0.05")
      ->type_name("W");
  app.add_option("-g,--device,--gpu-id", device,
                 "Where to compute (see 'esrgan devices'); several share the work")
      ->type_name("auto|NAME,...");
  app.add_option("-j,--threads", threads, "Worker threads; without it, one per processor")->type_name("N");
  app.add_flag("-v,--verbose", verbose,
               "Accepted for the sake of other programs' users; what matters is always told");
  app.add_option("--max-memory", memory, "Ceiling for the whole program; without it, half of what is free")
      ->type_name("SIZE");
  app.add_option("--max-memory-device", device_memory,
                 "Ceiling for a GPU's own memory; without it, what it has")
      ->type_name("SIZE");
}

void NetworkOptions::read() {
  read_device();
  read_threads();
  if (tile != "auto" && !whole_number(tile, upscale.tile))
    throw Error(ErrorKind::invalid_argument, "", "--tile", "auto, 0 or a number of pixels", "'" + tile + "'");
  if (!device_memory.empty())
    upscale.max_memory_device = parse_memory_size(device_memory, "--max-memory-device");
  if (!memory.empty()) upscale.max_memory = parse_memory_size(memory, "--max-memory");
  check_options(upscale);
}

/// Names that 'esrgan devices' shows. The ncnn programs count GPUs, "0,1", and call the processor -1.
void NetworkOptions::read_device() {
  upscale.device.clear();
  if (device == "auto" || device == "cpu" || device == "-1") {
    upscale.device = device == "-1" ? "cpu" : device;
    return;
  }
  const std::vector<std::string> known = device_names();
  const auto is_known = [&](const std::string& name) {
    return std::find(known.begin(), known.end(), name) != known.end();
  };
  std::istringstream names(device);
  for (std::string name; std::getline(names, name, ',');) {
    int number = 0;
    const bool counted = whole_number(name, number) && number >= 0;
    if (counted) name = "gpu:" + std::to_string(number);
    if (counted && !is_known(name)) {
      print_message("there is no GPU " + std::to_string(number) +
                    " here; the best of what there is computes");
      upscale.device = "auto";
      return;
    }
    if (name != "gpu" && name != "auto" && !is_known(name)) {
      std::string expected = "auto";
      for (const std::string& there : known) expected += ", " + there;
      throw Error(ErrorKind::invalid_argument, "", "--device", expected, "'" + device + "'");
    }
    upscale.device += (upscale.device.empty() ? "" : ",") + name;
  }
}

/// The ncnn programs name threads for loading, computing and saving, "1:2:2"; here they see to that
/// themselves.
void NetworkOptions::read_threads() {
  if (threads.empty() || threads.find(':') != std::string::npos) return;
  if (!whole_number(threads, upscale.threads) || upscale.threads < 1 || upscale.threads > 4096)
    throw Error(ErrorKind::invalid_argument, "", "--threads", "a number from 1 to 4096", "'" + threads + "'");
}

std::string NetworkOptions::model_file() const {
  if (!model.empty()) return find_model(model);
  const bool told = upscale.denoise > 0 || upscale.deblur > 0;
  return find_model(default_model(told && !objective ? Objective::tasks : objective, upscale.scale));
}

void add_sizes(CLI::App& app, UpscaleOptions& upscale, std::string& fit) {
  const auto side = CLI::Range(1, 1'000'000);
  auto* width = app.add_option("--width", upscale.width, "Width of the result")->type_name("N")->check(side);
  auto* height =
      app.add_option("--height", upscale.height, "Height of the result")->type_name("N")->check(side);
  auto* box =
      app.add_option("--fit", fit, "Largest result within a box, its proportions kept")->type_name("WxH");
  auto* longest =
      app.add_option("--longest", upscale.longest, "Longer side of the result")->type_name("N")->check(side);
  box->excludes(width)->excludes(height)->excludes(longest);
  longest->excludes(width)->excludes(height);
  for (CLI::Option* option : {width, height, box, longest}) option->excludes(app.get_option("--scale"));
}

void read_fit(const std::string& fit, UpscaleOptions& upscale) {
  if (fit.empty()) return;
  const size_t cross = fit.find('x');
  if (cross == std::string::npos || !whole_number(fit.substr(0, cross), upscale.width) ||
      !whole_number(fit.substr(cross + 1), upscale.height) || upscale.width < 1 || upscale.height < 1)
    throw Error(ErrorKind::invalid_argument, "", "--fit", "a size such as 1920x1080", "'" + fit + "'");
  upscale.fit = true;
}

bool whole_number(const std::string& text, int& value) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc{} && end == text.data() + text.size() && !text.empty();
}

std::array<float, 3> read_colour(const std::string& text) {
  if (text == "white") return {1, 1, 1};
  if (text == "black") return {0, 0, 0};
  std::string digits = text.starts_with("#") ? text.substr(1) : text;
  if (digits.size() == 3) digits = {digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]};
  uint32_t value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 6 || failure != std::errc{} || end != digits.data() + digits.size())
    throw Error(ErrorKind::invalid_argument, "", "--background", "white, black or a colour such as #20a0ff",
                "'" + text + "'");
  const auto share = [&](unsigned shift) { return static_cast<float>(value >> shift & 0xFFU) / 255; };
  return {share(16), share(8), share(0)};
}

}  // namespace esrgan::cli
