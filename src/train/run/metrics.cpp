#include "train/run/metrics.h"

#include <torch/torch.h>

#include <algorithm>

#include "metrics/metrics.h"
#include "train/losses/loss.h"

namespace esrgan::train {
namespace {

/// PSNR or SSIM with borders of `scale` pixels cut off.
class Classic : public Metric {
 public:
  Classic(std::string name, double Quality::*part, MetricChannels channels)
      : Metric(std::move(name), true), part_(part), channels_(channels) {}

  double of(const FloatImage& original, const FloatImage& found, int scale) const override {
    return compare(original, found, scale, channels_).*part_;
  }
  double of_published_bicubic(const FloatImage& original, const FloatImage& bicubic,
                              int scale) const override {
    return channels_ == MetricChannels::y ? published_bicubic(original, scale).*part_
                                          : of(original, bicubic, scale);
  }

 private:
  double Quality::*part_;
  MetricChannels channels_;
};

/// A loss that is a distance of two pictures, such as LPIPS.
class LossMetric : public Metric {
 public:
  LossMetric(std::string name, std::shared_ptr<Loss> loss)
      : Metric(std::move(name), false), loss_(std::move(loss)) {}

  double of(const FloatImage& original, const FloatImage& found, int /*scale*/) const override {
    const torch::NoGradGuard no_gradients;
    LossInputs inputs;
    inputs.target = tensor_of(original);
    inputs.fake = tensor_of(found);
    return loss_->of(inputs).item<double>();
  }

 private:
  static torch::Tensor tensor_of(const FloatImage& picture) {
    return torch::from_blob(const_cast<float*>(picture.pixels.data()), {1, picture.height, picture.width, 3})
        .permute({0, 3, 1, 2})
        .contiguous();
  }

  std::shared_ptr<Loss> loss_;
};

template <bool psnr, MetricChannels channels>
MakeMetric read_classic(Settings& /*settings*/) {
  return [] {
    const std::string name =
        std::string(psnr ? "psnr" : "ssim") + (channels == MetricChannels::y ? "" : "_rgb");
    return std::make_shared<Classic>(name, psnr ? &Quality::psnr : &Quality::ssim, channels);
  };
}

MakeMetric distance(const std::string& type, Settings& settings) {
  const MakeLoss make = find_loss(type)->read(settings);
  return [=] { return std::make_shared<LossMetric>(type, make()); };
}

MakeMetric read_lpips_metric(Settings& settings) {
  return distance("lpips", settings);
}

MakeMetric read_dists_metric(Settings& settings) {
  return distance("dists", settings);
}

/// A metric of a file of its own is a line here.
constexpr MetricKind kinds[] = {
    {"psnr", read_classic<true, MetricChannels::y>},
    {"ssim", read_classic<false, MetricChannels::y>},
    {"psnr_rgb", read_classic<true, MetricChannels::rgb>},
    {"ssim_rgb", read_classic<false, MetricChannels::rgb>},
    {"lpips", read_lpips_metric},
    {"dists", read_dists_metric},
};

}  // namespace

MeasuringRecipe read_measuring(Settings settings) {
  MeasuringRecipe recipe;
  std::vector<std::string> known, used;
  for (const MetricKind& kind : kinds) known.emplace_back(kind.name);
  const auto add = [&](const std::string& type, Settings& entry) {
    if (std::find(used.begin(), used.end(), type) != used.end())
      settings.refuse("metrics", "each metric once, not " + type + " twice");
    used.push_back(type);
    for (const MetricKind& kind : kinds)
      if (type == kind.name) recipe.metrics.push_back(kind.read(entry));
  };
  for (Settings& entry : settings.sections("metrics")) add(entry.choose("type", known, "psnr"), entry);
  if (used.empty())
    for (const char* type : {"psnr", "ssim"}) add(type, settings);
  used.insert(used.end(), {"usual", "none"});
  recipe.best = settings.choose("best", used, "usual");
  recipe.all_pictures = settings.get("all_pictures", false);
  return recipe;
}

}  // namespace esrgan::train
