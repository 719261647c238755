#include <esrgan/error.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>

#include "cli/jobs.h"
#include "cli/session.h"
#include "image/metadata/georeference.h"
#include "image/resize.h"

namespace esrgan::cli {
namespace {

struct DownscaleCommand {
  JobRequest request;
  int scale = 4;
  bool overwrite = false, json = false;

  int run() {
    request.suffix = "x" + std::to_string(scale);
    nlohmann::ordered_json results = nlohmann::ordered_json::array();
    int failures = 0;
    const Plan plan = plan_jobs(request);
    for (const std::string& remark : plan.remarks) print_message(remark);
    for (const FailedInput& input : plan.failed) {
      print_message(input.input + ": " + input.reason);
      results.push_back({{"input", input.input}, {"status", "failed"}, {"error", input.reason}});
      ++failures;
    }
    for (const FileJob& job : plan.jobs) {
      nlohmann::ordered_json result{{"input", job.input}, {"output", job.output}};
      std::string error;
      if (!overwrite && std::filesystem::exists(job.output)) {
        print_message(job.output + " exists, skipped (--overwrite replaces it)");
        result["status"] = "skipped";
      } else if (try_input([&] { reduce(job); }, error)) {
        result["status"] = "done";
      } else {
        ++failures;
        result["status"] = "failed";
        result["error"] = error;
      }
      results.push_back(result);
      if (stop_token().stop_requested()) throw Cancelled();
    }
    if (json) print_json({{"scale", scale}, {"results", results}});
    return failures > 0 ? some_failed : all_done;
  }

 private:
  void reduce(const FileJob& job) const {
    const Image image = read_image(job.input);
    const FloatImage picture = crop_to_multiple(to_float_image(image), scale);
    if (picture.width == 0 || picture.height == 0)
      throw Error(ErrorKind::bad_data, job.input, "size of the picture",
                  "at least " + std::to_string(scale) + " pixels each way",
                  std::to_string(image.info.width) + "x" + std::to_string(image.info.height));
    const FloatImage small = resize_bicubic(picture, 1.0 / scale, image.info.type);
    const std::filesystem::path folder = std::filesystem::path(job.output).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder);
    const double factor = 1.0 / scale;  // what was cropped lay on the right and below
    const ImageInfo info = with_size(image.info, small.width, small.height, factor, factor);
    write_image(from_float_image(small, image.info.type, info), job.output);
  }
};

}  // namespace

void add_downscale(CLI::App& app, Action& action) {
  auto command = std::make_shared<DownscaleCommand>();
  CLI::App* sub = app.add_subcommand(
      "downscale",
      "Reduce pictures by the bicubic of the published tables (MATLAB's imresize), after cropping to a "
      "multiple of the scale");
  sub->add_option("input,--input", command->request.inputs, "Pictures and folders")
      ->required()
      ->type_name("FILE...");
  sub->add_option("-o,--output", command->request.output, "File or folder to write to")->type_name("PATH");
  sub->add_option("-s,--scale", command->scale, "How many times smaller")
      ->required()
      ->type_name("S")
      ->check(CLI::Range(1, 64));
  sub->add_option("-f,--format", command->request.format, "Write this kind of file")->type_name("EXT");
  sub->add_flag("-r,--recursive", command->request.recursive, "Folders with their sub-folders");
  sub->add_flag("--overwrite", command->overwrite, "Replace outputs that exist, instead of skipping them");
  sub->add_flag("--json", command->json, "Print a report as JSON");
  sub->footer("Example:\n  esrgan downscale DIV2K_train_HR -o DIV2K_train_LR_bicubic/X4 --scale 4\n");
  sub->callback([command, &action] { action = [command] { return command->run(); }; });
}

}  // namespace esrgan::cli
