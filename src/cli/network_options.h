// Options of the commands that enlarge with a network.
#pragma once

#include <esrgan/models.h>
#include <esrgan/upscaler.h>

#include <array>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace esrgan::cli {

struct NetworkOptions {
  UpscaleOptions upscale;
  std::string model, tile = "auto", memory, device_memory, device = "auto", threads;
  std::optional<Objective> objective;
  bool verbose = false;

  /// Adds them to a command; `this` must outlive it.
  void describe(CLI::App& app);
  /// After parsing: reads what was given as text. Throws Error naming the option.
  void read();
  /// The model's file. Throws Error when there is none.
  std::string model_file() const;

 private:
  void read_device();
  void read_threads();
};

/// --width, --height, --fit and --longest; `fit` gets the text of --fit, for read_fit() after parsing. To be
/// added behind NetworkOptions, whose --scale excludes them.
void add_sizes(CLI::App& app, UpscaleOptions& upscale, std::string& fit);
void read_fit(const std::string& fit, UpscaleOptions& upscale);

/// All of a text as a whole number; false when it is none.
bool whole_number(const std::string& text, int& value);

/// "white", "black", "#RRGGBB" or "#RGB" as shares. Throws Error.
std::array<float, 3> read_colour(const std::string& text);

}  // namespace esrgan::cli
