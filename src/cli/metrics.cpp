#include "metrics/metrics.h"

#include <esrgan/error.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <map>

#include "cli/session.h"

namespace esrgan::cli {
namespace {

struct MetricsCommand {
  std::string reference, test;
  int crop = 0;
  MetricChannels channels = MetricChannels::y;
  bool json = false;

  int run() const {
    const Quality quality =
        compare(to_float_image(read_image(reference)), to_float_image(read_image(test)), crop, channels);
    const char* name = channels == MetricChannels::y ? "y" : "rgb";
    if (json) {
      // JSON has no infinity: equal pictures have a null PSNR.
      nlohmann::ordered_json document{
          {"reference", reference}, {"test", test}, {"crop", crop}, {"channel", name}};
      document["psnr"] =
          std::isfinite(quality.psnr) ? nlohmann::ordered_json(quality.psnr) : nlohmann::ordered_json();
      document["ssim"] = quality.ssim;
      print_json(document);
    } else {
      std::printf("PSNR %.4f dB  SSIM %.6f  (%s, %d pixels cropped)\n", quality.psnr, quality.ssim, name,
                  crop);
    }
    return all_done;
  }
};

}  // namespace

void add_metrics(CLI::App& app, Action& action) {
  auto command = std::make_shared<MetricsCommand>();
  CLI::App* sub = app.add_subcommand("metrics", "PSNR and SSIM of two pictures");
  sub->add_option("reference", command->reference, "The true picture")->required()->type_name("REFERENCE");
  sub->add_option("test", command->test, "The picture to judge")->required()->type_name("TEST");
  sub->add_option("--crop", command->crop, "Pixels to cut from each side; tables cut the scale")
      ->type_name("N")
      ->check(CLI::Range(0, 100000));
  sub->add_option("--channel", command->channels, "Luma, or all colours")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, MetricChannels>{{"y", MetricChannels::y}, {"rgb", MetricChannels::rgb}}))
      ->type_name("y|rgb");
  sub->add_flag("--json", command->json, "Print as JSON");
  sub->footer("Example:\n  esrgan metrics baby.png baby_x4.png --crop 4\n");
  sub->callback([command, &action] { action = [command] { return command->run(); }; });
}

}  // namespace esrgan::cli
