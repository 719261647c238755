// `esrgan train` starts the separate program esrgan-train, so that this one needs no LibTorch.
#include <esrgan/error.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "cli/session.h"

namespace esrgan::cli {

void add_train(CLI::App& app) {
  app.add_subcommand("train",
                     "Train a network by a recipe");  // for the list of commands; see start_trainer()
}

void start_trainer(char** arguments) {
  std::error_code unknown;
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe", unknown).parent_path();
  const std::string beside = (here / "esrgan-train").string();
  execv(beside.c_str(), arguments);
  execvp("esrgan-train", arguments);
  throw Error(beside, "cannot be started", "a build with LibTorch ('script/setup train', then build again)",
              "");
}

}  // namespace esrgan::cli
