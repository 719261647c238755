#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>

#include "cli/picture_scores.h"
#include "cli/session.h"

namespace esrgan::cli {
namespace {

struct MetricsCommand {
  std::string reference, test;
  int crop = 0, threads = 0;
  MetricChannels channels = MetricChannels::y;
  bool json = false, films = false;  // films belong to another program
  PictureJudge judge;

  int run() {
    judge.open({channels}, threads);
    const FloatImage first = to_float_image(read_image(reference));
    const bool pair = !test.empty();
    const Scores scores = pair ? judge.of(first, to_float_image(read_image(test)), crop) : judge.alone(first);
    const char* name = channels == MetricChannels::y ? "y" : "rgb";
    nlohmann::ordered_json document{{"reference", reference}};
    if (pair) document.update({{"test", test}, {"crop", crop}, {"channel", name}});
    document.update(judge.json(scores));
    if (json) {
      print_json(document);
      return all_done;
    }
    if (pair)
      std::printf("PSNR %.4f dB  SSIM %.6f  (%s, %d pixels cropped)\n", *scores[0], *scores[1], name, crop);
    for (const char* other : {"naturalness", "features", "lpips"})
      if (document.contains(other) && document[other].is_number())
        std::printf("%s %.4f\n", other, document[other].get<double>());
    return all_done;
  }
};

}  // namespace

void add_metrics(CLI::App& app, Action& action) {
  auto command = std::make_shared<MetricsCommand>();
  CLI::App* sub =
      app.add_subcommand("metrics", "How far a picture is from the true one, or how natural it is");
  sub->add_option("reference", command->reference, "The true picture")->required()->type_name("REFERENCE");
  sub->add_option("test", command->test,
                  "The picture to judge; without it, only the first one's naturalness is told")
      ->type_name("TEST");
  sub->add_flag("--film", command->films, "Both are films: PSNR and SSIM by frame, and flicker");
  sub->add_option("--crop", command->crop,
                  "Pixels to cut from each side for PSNR and SSIM; tables cut the scale")
      ->type_name("N")
      ->check(CLI::Range(0, 100000));
  sub->add_option("--channel", command->channels, "Luma, or all colours")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, MetricChannels>{{"y", MetricChannels::y}, {"rgb", MetricChannels::rgb}}))
      ->type_name("y|rgb");
  command->judge.describe(*sub);
  sub->add_option("-j,--threads", command->threads, "Worker threads")
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
  sub->add_flag("--json", command->json, "Print as JSON");
  sub->footer(
      "Examples:\n  esrgan metrics baby.png baby_x4.png --crop 4\n  esrgan metrics --film true.mkv "
      "film4x.mkv\n");
  sub->callback([command, &action] { action = [command] { return command->run(); }; });
}

}  // namespace esrgan::cli
