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
#include "cli/picture_scores.h"
#include "cli/progress_bar.h"
#include "cli/session.h"
#include "image/resize.h"
#include "metrics/metrics.h"

namespace esrgan::cli {
namespace {

constexpr const char* explanation =
    R"(Every picture is cropped to a multiple of the scale, reduced by the bicubic of the published tables, stored with 8 bits,
enlarged again, stored again, and compared; PSNR and SSIM after cutting the scale from each side. With --small the small pictures are
those of a folder, NAME or NAMExS for each NAME.

Examples:
  esrgan evaluate -m realsr-df2k-x4 --data Set5/HR --scale 4
  esrgan evaluate -m realesr-general-x4v3 --data Set14 --small Set14/degraded --features vgg16.safetensors
)";

FloatImage without_alpha(const FloatImage& picture) {
  if (picture.channels % 2 != 0) return picture;
  FloatImage opaque(picture.width, picture.height, picture.channels - 1);
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x)
      for (int c = 0; c < opaque.channels; ++c) opaque.at(x, y, c) = picture.at(x, y, c);
  return opaque;
}

/// What there is of one kind: true pictures, bicubic ones, the model's.
struct Series {
  const char* name;
  std::vector<Scores> scores{};
};

struct EvaluateCommand {
  std::string model, data, small, save;
  int scale = 0, threads = 0;  // 0: the model's, or 4
  float denoise = 0, deblur = 0;
  bool json = false, self_ensemble = false;
  Precision precision = Precision::full;
  PictureJudge judge;

  int run() {
    open();
    const std::vector<std::string> pictures = pictures_in(data);
    if (!json) std::printf("%-16s%-9s%s\n", "image", "", judge.head().c_str());
    nlohmann::ordered_json images = nlohmann::ordered_json::array();
    for (const std::string& picture : pictures) {
      if (stop_token().stop_requested()) throw Cancelled();
      const std::string name = std::filesystem::path(picture).stem().string();
      add(picture, name);
      nlohmann::ordered_json entry{{"image", name}};
      for (const Series& series : series_) entry[series.name] = judge.json(series.scores.back());
      images.push_back(std::move(entry));
      if (!json) print(name, [](const Series& series) { return series.scores.back(); });
    }
    const auto mean = [](const Series& series) { return mean_of(series.scores); };
    if (!json) print("mean", mean);
    if (json) {
      nlohmann::ordered_json document{{"data", data}, {"scale", scale}, {"model", model}, {"images", images}};
      if (!small.empty()) document["small"] = small;
      for (const Series& series : series_) document["mean"][series.name] = judge.json(mean(series));
      print_json(document);
    }
    return all_done;
  }

 private:
  void open() {
    judge.open({MetricChannels::y, MetricChannels::rgb}, threads);
    series_ = {{"truth"}, {"bicubic"}};
    if (!small.empty()) small_pictures_ = pictures_in(small);
    if (model.empty()) {
      if (scale == 0) scale = 4;
      return;
    }
    series_.push_back({"model"});
    UpscaleOptions options;
    options.threads = threads;
    options.self_ensemble = self_ensemble;
    options.denoise = denoise;
    options.deblur = deblur;
    options.precision = precision;
    upscaler_.emplace(find_model(model), options);
    if (!save.empty()) std::filesystem::create_directories(save);
    if (scale == 0) scale = upscaler_->network_scale();
    if (upscaler_->network_scale() != scale)
      throw Error(ErrorKind::unsupported, model, "enlargement of the model", std::to_string(scale),
                  std::to_string(upscaler_->network_scale()));
  }

  void add(const std::string& picture, const std::string& name) {
    FloatImage truth = crop_to_multiple(without_alpha(to_float_image(read_image(picture))), scale);
    FloatImage reduced = reduced_picture(truth, name);
    // What degrades pictures makes colours of gray ones.
    if (truth.channels != reduced.channels)
      (truth.channels == 1 ? truth : reduced) = as_colours(truth.channels == 1 ? truth : reduced);
    series_[0].scores.push_back(judge.alone(truth));
    series_[1].scores.push_back(judge.of(truth, resize_bicubic(reduced, scale, SampleType::u8), scale));
    if (small.empty()) {
      const Quality published = published_bicubic(truth, scale);
      series_[1].scores.back()[0] = published.psnr;
      series_[1].scores.back()[1] = published.ssim;
    }
    if (!upscaler_) return;
    const FloatImage result = upscale(reduced, name);
    series_[2].scores.push_back(judge.of(truth, result, scale));
    if (!save.empty())
      write_image(from_float_image(result, SampleType::u8, {}),
                  (std::filesystem::path(save) / (name + ".png")).string());
  }

  static FloatImage as_colours(const FloatImage& gray) {
    FloatImage colours(gray.width, gray.height, 3);
    for (size_t i = 0; i < gray.pixels.size(); ++i)
      std::fill_n(colours.pixels.begin() + static_cast<ptrdiff_t>(3 * i), 3, gray.pixels[i]);
    return colours;
  }

  FloatImage reduced_picture(const FloatImage& truth, const std::string& name) const {
    if (small.empty()) return resize_bicubic(truth, 1.0 / scale, SampleType::u8);
    for (const std::string& file : small_pictures_) {
      const std::string stem = std::filesystem::path(file).stem().string();
      if (stem != name && stem != name + "x" + std::to_string(scale)) continue;
      FloatImage found = without_alpha(to_float_image(read_image(file)));
      const auto size = [](int width, int height) {
        return std::to_string(width) + "x" + std::to_string(height);
      };
      if (found.width * scale != truth.width || found.height * scale != truth.height)
        throw Error(ErrorKind::bad_data, file, "size of the small picture",
                    size(truth.width / scale, truth.height / scale), size(found.width, found.height));
      return found;
    }
    throw Error(ErrorKind::not_found, small, "there is no small picture called '" + name + "'");
  }

  FloatImage upscale(const FloatImage& reduced, const std::string& name) {
    ProgressBar bar(name, 0);
    const UpscaleEvents events{[&](double share) { bar.show(share); }, stop_token()};
    FloatImage result =
        to_float_image(upscaler_->upscale(from_float_image(reduced, SampleType::f32, {}), events));
    quantise(result);
    return result;
  }

  template <typename ScoresOf>
  void print(const std::string& name, const ScoresOf& scores_of) const {
    ProgressBar::clear_line();
    std::string title = escaped(name);
    for (const Series& series : series_) {
      std::printf("%-16s%-9s%s\n", title.c_str(), series.name, judge.row(scores_of(series)).c_str());
      title.clear();
    }
    std::fflush(stdout);
  }

  std::vector<Series> series_;
  std::vector<std::string> small_pictures_;
  std::optional<Upscaler> upscaler_;
};

}  // namespace

void add_evaluate(CLI::App& app, Action& action) {
  auto command = std::make_shared<EvaluateCommand>();
  CLI::App* sub =
      app.add_subcommand("evaluate", "How good a model, and bicubic, are over a folder of true pictures");
  sub->add_option("-m,--model,--model-path", command->model,
                  "Model by name or file; without it, bicubic alone")
      ->type_name("MODEL");
  sub->add_option("--data", command->data, "Folder of true (HR) pictures")
      ->required()
      ->type_name("HR_DIR")
      ->check(CLI::ExistingDirectory);
  sub->add_option("--small", command->small,
                  "Folder of small pictures; without it, the true ones are reduced")
      ->type_name("LR_DIR")
      ->check(CLI::ExistingDirectory);
  sub->add_option("-s,--scale", command->scale,
                  "How many times to reduce and enlarge; without it, as the model does, or 4")
      ->type_name("S")
      ->check(CLI::Range(1, 16));
  add_strengths(*sub, command->denoise, command->deblur);
  sub->add_flag("--self-ensemble", command->self_ensemble, "Mean over 8 flips and rotations");
  sub->add_option("--save", command->save, "Folder for the pictures that the model makes")
      ->type_name("FOLDER");
  command->judge.describe(*sub);
  add_precision(*sub, command->precision);
  sub->add_option("-j,--threads", command->threads, "Worker threads")
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
  sub->add_flag("--json", command->json, "Print as JSON");
  sub->footer(explanation);
  sub->callback([command, &action] { action = [command] { return command->run(); }; });
}

}  // namespace esrgan::cli
