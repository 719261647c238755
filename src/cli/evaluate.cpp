#include <esrgan/error.h>
#include <esrgan/models.h>
#include <esrgan/upscaler.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "base/text.h"
#include "cli/picture_folder.h"
#include "cli/progress_bar.h"
#include "cli/session.h"
#include "image/resize.h"
#include "metrics/metrics.h"

namespace esrgan::cli {
namespace {

constexpr const char* explanation =
    R"(Every picture is cropped to a multiple of the scale, reduced by the bicubic of the
published tables, stored with 8 bits, enlarged again, stored again, and compared after cutting the scale from each side.

Example:
  esrgan evaluate -m realsr-df2k-x4 --data Set5/HR --scale 4
)";

struct Scores {
  Quality y, rgb;
  void add(const Scores& other) {
    y.psnr += other.y.psnr;
    y.ssim += other.y.ssim;
    rgb.psnr += other.rgb.psnr;
    rgb.ssim += other.rgb.ssim;
  }
  Scores divided_by(double n) const { return {{y.psnr / n, y.ssim / n}, {rgb.psnr / n, rgb.ssim / n}}; }
  nlohmann::ordered_json json() const {
    return {{"psnr_y", y.psnr}, {"ssim_y", y.ssim}, {"psnr_rgb", rgb.psnr}, {"ssim_rgb", rgb.ssim}};
  }
};

struct EvaluateCommand {
  std::string model, data;
  int scale = 4, threads = 0;
  bool json = false, self_ensemble = false;
  Precision precision = Precision::full;
  std::optional<Upscaler> upscaler;

  int run() {
    if (!model.empty()) {
      UpscaleOptions options;
      options.threads = threads;
      options.self_ensemble = self_ensemble;
      options.precision = precision;
      upscaler.emplace(find_model(model), options);
      if (upscaler->network_scale() != scale)
        throw Error(ErrorKind::unsupported, model, "enlargement of the model", std::to_string(scale),
                    std::to_string(upscaler->network_scale()));
    }
    const std::vector<std::string> pictures = pictures_in(data);
    print_header();
    Scores bicubic_sum, model_sum;
    nlohmann::ordered_json images = nlohmann::ordered_json::array();
    for (const std::string& picture : pictures) {
      if (stop_token().stop_requested()) throw Cancelled();
      const std::string name = std::filesystem::path(picture).stem().string();
      const FloatImage truth = crop_to_multiple(without_alpha(to_float_image(read_image(picture))), scale);
      const FloatImage small = resize_bicubic(truth, 1.0 / scale, SampleType::u8);
      const Scores bicubic = score_bicubic(truth, small);
      bicubic_sum.add(bicubic);
      nlohmann::ordered_json entry{{"image", name}, {"bicubic", bicubic.json()}};
      Scores ours;
      if (upscaler) {
        ours = score(truth, upscale(small, name));
        model_sum.add(ours);
        entry["model"] = ours.json();
      }
      images.push_back(entry);
      print_row(name, bicubic, ours);
    }
    const auto count = static_cast<double>(pictures.size());
    print_row("mean", bicubic_sum.divided_by(count), model_sum.divided_by(count));
    if (json) {
      nlohmann::ordered_json document{{"data", data}, {"scale", scale}, {"model", model}, {"images", images}};
      document["mean"]["bicubic"] = bicubic_sum.divided_by(count).json();
      if (upscaler) document["mean"]["model"] = model_sum.divided_by(count).json();
      print_json(document);
    }
    return all_done;
  }

 private:
  static FloatImage without_alpha(const FloatImage& picture) {
    if (picture.channels % 2 != 0) return picture;
    FloatImage opaque(picture.width, picture.height, picture.channels - 1);
    for (int y = 0; y < picture.height; ++y)
      for (int x = 0; x < picture.width; ++x)
        for (int c = 0; c < opaque.channels; ++c) opaque.at(x, y, c) = picture.at(x, y, c);
    return opaque;
  }

  Scores score_bicubic(const FloatImage& truth, const FloatImage& small) const {
    return {published_bicubic(truth, scale),
            compare(truth, resize_bicubic(small, scale, SampleType::u8), scale, MetricChannels::rgb)};
  }

  Scores score(const FloatImage& truth, FloatImage result) const {
    quantise(result);
    return {compare(truth, result, scale, MetricChannels::y),
            compare(truth, result, scale, MetricChannels::rgb)};
  }

  FloatImage upscale(const FloatImage& small, const std::string& name) {
    ProgressBar bar(name, 0);
    const UpscaleEvents events{[&](double share) { bar.show(share); }, stop_token()};
    return to_float_image(upscaler->upscale(from_float_image(small, SampleType::f32, {}), events));
  }

  void print_header() const {
    if (json) return;
    std::printf("%-16s%-38s%s\n", "", "bicubic", upscaler ? "model" : "");
    std::printf("%-16s%s%s\n", "image", "PSNR-Y  SSIM-Y  PSNR-RGB SSIM-RGB      ",
                upscaler ? "PSNR-Y  SSIM-Y  PSNR-RGB SSIM-RGB" : "");
  }

  void print_row(const std::string& name, const Scores& bicubic, const Scores& ours) const {
    if (json) return;
    ProgressBar::clear_line();
    std::printf("%-16s%6.2f  %.4f  %6.2f   %.4f", escaped(name).c_str(), bicubic.y.psnr, bicubic.y.ssim,
                bicubic.rgb.psnr, bicubic.rgb.ssim);
    if (upscaler)
      std::printf("        %6.2f  %.4f  %6.2f   %.4f", ours.y.psnr, ours.y.ssim, ours.rgb.psnr,
                  ours.rgb.ssim);
    std::printf("\n");
    std::fflush(stdout);
  }
};

}  // namespace

void add_evaluate(CLI::App& app, Action& action) {
  auto command = std::make_shared<EvaluateCommand>();
  CLI::App* sub = app.add_subcommand(
      "evaluate", "PSNR and SSIM of a model, and of bicubic, over a folder of true pictures");
  sub->add_option("-m,--model,--model-path", command->model,
                  "Model by name or file; without it, bicubic alone")
      ->type_name("MODEL");
  sub->add_option("--data", command->data, "Folder of true (HR) pictures")
      ->required()
      ->type_name("HR_DIR")
      ->check(CLI::ExistingDirectory);
  sub->add_option("-s,--scale", command->scale, "How many times to reduce and enlarge")
      ->type_name("S")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  sub->add_flag("--self-ensemble", command->self_ensemble, "Mean over 8 flips and rotations");
  add_precision(*sub, command->precision);
  sub->add_option("-j,--threads", command->threads, "Worker threads")
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
  sub->add_flag("--json", command->json, "Print as JSON");
  sub->footer(explanation);
  sub->callback([command, &action] { action = [command] { return command->run(); }; });
}

}  // namespace esrgan::cli
