#include "train/compress/comparison.h"

#include <esrgan/upscaler.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "image/comparison_sheet.h"
#include "image/resize.h"
#include "metrics/metrics.h"
#include "train/data/random.h"
#include "train/run/evaluator.h"

namespace esrgan::train {
namespace {

constexpr int piece_side = 128;

/// The middle, as far as there is so much.
FloatImage middle_of(const FloatImage& picture) {
  const int width = std::min(piece_side, picture.width), height = std::min(piece_side, picture.height);
  return cut(picture, (picture.width - width) / 2, (picture.height - height) / 2, width, height);
}

/// Seconds of the engine, the least of a few runs.
double seconds_of(const std::string& file) {
  constexpr int side = 256, runs = 3;
  Image noise{{side, side, 3, SampleType::u8, {}, nullptr}, {}};
  noise.samples.resize(noise.info.bytes());
  Random random{1};
  for (std::byte& sample : noise.samples) sample = static_cast<std::byte>(random.below(256));
  UpscaleOptions options;
  options.precision = Precision::full;
  Upscaler upscaler(file, options);
  double least = 0;
  for (int i = 0; i <= runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    upscaler.upscale(noise);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (i == 1 || (i > 1 && seconds < least)) least = seconds;  // the first one makes ready
  }
  return least;
}

}  // namespace

Comparison compare_networks(const std::vector<Compared>& networks, const std::string& folder, int scale) {
  SourceRecipe source;
  source.hr = folder;
  const std::vector<PairFiles> files = list_pairs(source, scale);
  Comparison result;
  std::vector<Upscale> upscales;
  for (const Compared& network : networks) {
    Candidate candidate{network.name,
                        network.bytes,
                        parameter_count(network.model->weights),
                        build_graph(*network.model).macs_per_pixel(),
                        {},
                        0,
                        0,
                        {}};
    if (!network.file.empty()) candidate.seconds = seconds_of(network.file);
    result.candidates.push_back(std::move(candidate));
    upscales.push_back(network.file.empty() ? network.upscale : engine_upscale(network.file, 0));
  }
  const auto count = static_cast<double>(files.size());
  for (size_t i = 0; i < files.size(); ++i) {
    const Pair pair = load_pair(files[i], scale);
    const FloatImage original = floats_of(pair.hr);
    const Quality bicubic = published_bicubic(original, scale);
    result.bicubic_psnr += bicubic.psnr / count;
    result.bicubic_ssim += bicubic.ssim / count;
    if (i == 0) {
      result.original = middle_of(original);
      result.bicubic = middle_of(resize_bicubic(floats_of(pair.lr), scale, SampleType::u8));
    }
    for (size_t n = 0; n < networks.size(); ++n) {
      const FloatImage made = upscales[n]({pair.lr});
      const Quality quality = compare(original, made, scale, MetricChannels::y);
      result.candidates[n].psnr += quality.psnr / count;
      result.candidates[n].ssim += quality.ssim / count;
      if (i == 0) result.candidates[n].piece = middle_of(made);
    }
  }
  return result;
}

std::string Comparison::table() const {
  std::array<char, 160> line{};
  std::snprintf(line.data(), line.size(), "%-10s%12s%14s%16s%10s%9s%9s\n", "", "bytes", "parameters",
                "MAC per pixel", "seconds", "PSNR-Y", "SSIM-Y");
  std::string text = line.data();
  std::snprintf(line.data(), line.size(), "%-62s%9.2f%9.4f\n", "bicubic", bicubic_psnr, bicubic_ssim);
  text += line.data();
  for (const Candidate& each : candidates) {
    const std::string seconds = each.seconds ? fixed_text_of(*each.seconds, 3) : "-";
    std::snprintf(line.data(), line.size(), "%-10s%12llu%14llu%16.0f%10s%9.2f%9.4f\n", each.name.c_str(),
                  static_cast<unsigned long long>(each.bytes),
                  static_cast<unsigned long long>(each.parameters), each.macs, seconds.c_str(), each.psnr,
                  each.ssim);
    text += line.data();
  }
  return text;
}

std::string Comparison::json() const {
  nlohmann::ordered_json document{{"bicubic", {{"psnr_y", bicubic_psnr}, {"ssim_y", bicubic_ssim}}}};
  for (const Candidate& each : candidates)
    document[each.name] = {
        {"bytes", each.bytes},
        {"parameters", each.parameters},
        {"macs_per_input_pixel", each.macs},
        {"seconds", each.seconds ? nlohmann::ordered_json(*each.seconds) : nlohmann::ordered_json()},
        {"psnr_y", each.psnr},
        {"ssim_y", each.ssim}};
  return document.dump(2);
}

void Comparison::write_sheet(const std::string& file) const {
  std::vector<SheetTile> tiles{{"bicubic", fixed_text_of(bicubic_psnr, 2) + " dB", bicubic, ""}};
  for (const Candidate& each : candidates)
    tiles.push_back({each.name, fixed_text_of(each.psnr, 2) + " dB", each.piece, ""});
  write_image(from_float_image(draw_sheet({"original", "", original, ""}, tiles), SampleType::u8, {}), file);
}

}  // namespace esrgan::train
