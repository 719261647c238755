#include "cli/other_program.h"

#include <esrgan/error.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>

#include "base/platform_process.h"
#include "cli/video_arguments.h"

namespace esrgan::cli {
namespace {

struct OtherProgram {
  const char* command;
  const char* file;
  const char* needs;             // where it is missing
  const char* option = nullptr;  // only where it is there
};

constexpr const char* with_torch = "a build with LibTorch ('script/setup train', then build again)";
constexpr const char* with_ffmpeg =
    "a build with FFmpeg's libraries and zimg ('script/setup video', then build again)";
constexpr OtherProgram programs[] = {
    {"train", "esrgan-train", with_torch},  {"distill", "esrgan-train", with_torch},
    {"prune", "esrgan-train", with_torch},  {"quantize", "esrgan-train", with_torch},
    {"video", "esrgan-video", with_ffmpeg}, {"metrics", "esrgan-video", with_ffmpeg, "--film"}};

}  // namespace

void start_other_program(int argc, char** argv) {
  if (argc < 2) return;
  for (const OtherProgram& program : programs) {
    const auto is_option = [&](const char* argument) { return std::string(argument) == program.option; };
    if (std::string(argv[1]) != program.command ||
        (program.option != nullptr && std::none_of(argv + 2, argv + argc, is_option)))
      continue;
    const std::string beside = (path_of_program().parent_path() / program.file).string();
    become_program(beside, argv + 1);
    become_program(program.file, argv + 1);
    throw Error(ErrorKind::not_found, beside, "cannot be started", program.needs, "");
  }
}

void add_train(CLI::App& app) {
  app.add_subcommand("train", "Train a network by a recipe");
  app.add_subcommand("distill", "Train a small network to do as a large one does");
  app.add_subcommand("prune", "Take the channels that matter least out of a network");
  app.add_subcommand("quantize", "Write a network of 8-bit numbers as ONNX");
}

void add_video(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("video", "Enlarge films");
  auto arguments = std::make_shared<VideoArguments>();
  arguments->describe(*sub);
  sub->callback([arguments] {});  // they live as long as the command
}

}  // namespace esrgan::cli
