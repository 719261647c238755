// Options of the commands that enlarge with a network.
#pragma once

#include <esrgan/models.h>
#include <esrgan/upscaler.h>

#include <string>

namespace CLI {
class App;
}

namespace esrgan::cli {

struct NetworkOptions {
  UpscaleOptions upscale;
  std::string model, tile = "auto", memory, device = "auto";
  Objective objective = Objective::gan;

  /// Adds them to a command; `this` must outlive it.
  void describe(CLI::App& app);
  /// After parsing: reads what was given as text. Throws Error naming the option.
  void read();
  /// The model's file. Throws Error when there is none.
  std::string model_file() const;
};

}  // namespace esrgan::cli
