#include "cli/film_metrics.h"

#include <esrgan/error.h>
#include <esrgan/video.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <string>

#include "cli/progress_bar.h"
#include "cli/session.h"

namespace esrgan::cli {
namespace {

nlohmann::ordered_json number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

nlohmann::ordered_json to_json(const FilmQuality& quality) {
  nlohmann::ordered_json frames = nlohmann::ordered_json::array();
  for (const FilmQuality::Frame& frame : quality.frames) {
    frames.push_back({{"psnr", number(frame.psnr)}, {"ssim", frame.ssim}});
    if (frame.flicker >= 0) frames.back()["flicker"] = frame.flicker;
  }
  return {{"psnr", number(quality.psnr())},     {"ssim", quality.ssim()},
          {"flicker", quality.flicker},         {"true_flicker", quality.true_flicker},
          {"same_length", quality.same_length}, {"frames", frames}};
}

}  // namespace

int film_metrics(int argc, char** argv) {
  CLI::App app{"How far a film is from the true one, and how restless it is", "esrgan metrics --film"};
  std::string truth, film, channels = "y";
  FilmComparison comparison;
  bool json = false, is_film = false;
  app.add_flag("--film", is_film, "Films, not pictures");
  app.add_option("reference", truth, "The true film, or a folder of its frames")
      ->required()
      ->type_name("REFERENCE");
  app.add_option("test", film, "The film to judge")->required()->type_name("TEST");
  app.add_option("--crop", comparison.crop, "Pixels to cut from each side for PSNR and SSIM")
      ->type_name("N")
      ->check(CLI::Range(0, 100000));
  app.add_option("--channel", channels, "Luma, or all colours")
      ->check(CLI::IsMember({"y", "rgb"}))
      ->type_name("y|rgb");
  app.add_flag("--json", json, "Print as JSON, with every frame");
  try {
    app.parse(spelled(argc, argv));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? all_done : wrong_usage;
  }
  comparison.rgb = channels == "rgb";
  VideoEvents events;
  events.stop = stop_token();
  FilmQuality quality;
  {
    ProgressBar bar(film, 0);
    events.progress = [&](const VideoProgress& progress) {
      bar.show(0, std::to_string(progress.frames) + " frames");
    };
    quality = compare_films(truth, film, comparison, events);
  }
  if (quality.frames.empty()) throw Error(ErrorKind::bad_data, film, "there is no frame to compare");
  if (json)
    print_json(to_json(quality));
  else
    std::printf("PSNR %.4f dB  SSIM %.6f  (%s)  flicker %.3f, of the true film %.3f  %zu frames\n",
                quality.psnr(), quality.ssim(), channels.c_str(), quality.flicker, quality.true_flicker,
                quality.frames.size());
  if (quality.same_length) return all_done;
  print_message("the films are not equally long: the first " + std::to_string(quality.frames.size()) +
                " frames were compared");
  return some_failed;
}

}  // namespace esrgan::cli
