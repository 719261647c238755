// esrgan export: a network for other programs.
#include <esrgan/error.h>
#include <esrgan/models.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>

#include "base/file.h"
#include "cli/session.h"
#include "export/ncnn_export.h"
#include "export/onnx_export.h"
#include "export/pth_export.h"
#include "model/model.h"
#include "model/tasks.h"

namespace esrgan::cli {
namespace {

constexpr const char* explanation =
    R"(By the output's extension: .onnx for ONNX Runtime, TensorRT, OpenVINO; .pth for BasicSR, spandrel, chaiNNer; .param, with
its .bin, for ncnn's programs and upscayl. docs/deploy.md goes on from there.

Examples:
  esrgan export realesrgan-x4plus -o realesrgan.onnx --precision half
  esrgan export mine.safetensors -o mine.param
)";

struct ExportCommand {
  std::string model, output;
  float denoise = 0, deblur = 0;
  int scale = 0;
  bool half = false, half_ports = false, overwrite = false;

  int run() const {
    const std::filesystem::path target = output;
    const std::string kind = target.extension().string();
    if (half_ports && (kind != ".onnx" || !half))
      throw Error(ErrorKind::invalid_argument, "", "--io fp16", "an .onnx with --precision half", output);
    for (const std::filesystem::path& file : files_of(target, kind))
      if (std::error_code absent; !overwrite && std::filesystem::exists(file, absent))
        throw Error(ErrorKind::io, file.string(), "exists already (--overwrite replaces it)");
    Model network = read_model(find_model(model));
    if (network.architecture.tasks || told())
      network = with_tasks(std::move(network), {denoise, deblur}, scale == 1);
    if (kind == ".onnx") {
      write_file(target, export_onnx(network, {half, half_ports}));
    } else if (kind == ".pth") {
      build_graph(network);  // every layer fits its neighbours
      export_pth(network, half, target);
    } else {
      const NcnnFiles files = export_ncnn(network, half);
      write_file(files_of(target, kind).back(), files.bin);  // the .param last: with it the pair is there
      write_file(target, {reinterpret_cast<const uint8_t*>(files.param.data()), files.param.size()});
    }
    print_message(output + ": " + network.architecture.summary());
    return all_done;
  }

 private:
  bool told() const { return denoise > 0 || deblur > 0 || scale == 1; }

  static std::vector<std::filesystem::path> files_of(const std::filesystem::path& target,
                                                     const std::string& kind) {
    if (kind == ".onnx" || kind == ".pth") return {target};
    if (kind == ".param") return {target, std::filesystem::path(target).replace_extension(".bin")};
    throw Error(ErrorKind::invalid_argument, "", "--output",
                "a name with .onnx, .pth or .param ('esrgan convert' writes .safetensors)",
                "'" + target.string() + "'");
  }
};

}  // namespace

void add_export(CLI::App& app, Action& action) {
  auto command = std::make_shared<ExportCommand>();
  CLI::App* sub = app.add_subcommand("export", "Write a network as ONNX, .pth or ncnn, for other programs");
  sub->add_option("model,-m,--model", command->model, "Model by name or file")
      ->required()
      ->type_name("MODEL");
  sub->add_option("-o,--output", command->output, "File to write: .onnx, .pth or .param")
      ->required()
      ->type_name("FILE");
  sub->add_option("--precision", command->half, "Weights, and of ONNX the computation, of float32 or float16")
      ->transform(CLI::CheckedTransformer(std::map<std::string, bool>{{"full", false}, {"half", true}}))
      ->type_name("full|half");
  sub->add_option("--io", command->half_ports, "What an .onnx of float16 takes and gives")
      ->transform(CLI::CheckedTransformer(std::map<std::string, bool>{{"fp32", false}, {"fp16", true}}))
      ->type_name("fp32|fp16");
  add_strengths(*sub, command->denoise, command->deblur);
  sub->add_option("--scale", command->scale, "Of such a network, what restores in the picture's own size")
      ->type_name("1")
      ->check(CLI::IsMember({1}));
  sub->add_flag("--overwrite", command->overwrite, "Replace the output when it exists");
  sub->footer(explanation);
  sub->callback([command, &action] { action = [command] { return command->run(); }; });
}

}  // namespace esrgan::cli
