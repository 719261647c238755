#include "train/recipe.h"

#include <esrgan/error.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "model/family.h"
#include "train/settings.h"

namespace esrgan::train {
namespace {

namespace fs = std::filesystem;

PixelLoss pixel_loss(Settings& settings, const std::string& key) {
  return settings.choose_as<PixelLoss>(
      key, {{"l1", PixelLoss::l1}, {"l2", PixelLoss::l2}, {"charbonnier", PixelLoss::charbonnier}},
      PixelLoss::l1);
}

/// What the section network_G says.
class WishesOfRecipe : public NetworkWishes {
 public:
  explicit WishesOfRecipe(Settings& settings) : settings_(settings) {}

  int at_least(const std::string& key, int least, int fallback) override {
    return settings_.at_least(key, least, fallback);
  }
  bool flag(const std::string& key, bool fallback) override { return settings_.get(key, fallback); }
  std::string choose(const std::string& key, const std::vector<std::string>& choices,
                     const std::string& fallback) override {
    return settings_.choose(key, choices, fallback);
  }
  [[noreturn]] void refuse(const std::string& key, const std::string& expected) const override {
    settings_.refuse(key, expected);
  }

 private:
  Settings& settings_;
};

Architecture read_generator(Settings net, int scale) {
  std::vector<std::string> names;
  for (const Family* family : families())
    if (family->configure != nullptr) names.emplace_back(family->name);
  Architecture a;
  a.family = find_family(net.get<std::string>("which_model_G", names.front()));
  if (a.family == nullptr || a.family->configure == nullptr) net.refuse_word("which_model_G", names);
  a.scale = scale;
  a.in_channels = net.at_least("in_nc", 1, 3);
  if (a.in_channels != 3) net.refuse("in_nc", "3: patches are RGB");
  a.out_channels = net.at_least("out_nc", 1, a.in_channels);
  if (a.out_channels != a.in_channels)
    net.refuse("out_nc", "as many channels as go in (" + std::to_string(a.in_channels) + ")");
  a.features = net.at_least("nf", 1, 64);
  WishesOfRecipe wishes(net);
  a.family->configure(wishes, a);
  return a;
}

DiscriminatorRecipe read_discriminator(Settings net, int hr_size) {
  DiscriminatorRecipe d;
  using Kind = DiscriminatorRecipe::Kind;
  const auto [kind, side] =
      net.choose_as<std::pair<Kind, int>>("which_model_D",
                                          {{"discriminator_vgg_128", {Kind::vgg, 128}},
                                           {"discriminator_vgg_192", {Kind::vgg, 192}},
                                           {"discriminator_vgg_256", {Kind::vgg, 256}},
                                           {"discriminator_unet", {Kind::unet, hr_size}},
                                           {"discriminator_srgan", {Kind::srgan, hr_size}}},
                                          {Kind::vgg, 128});
  d.kind = kind;
  d.input_size = side;
  d.features = net.at_least("nf", 1, 64);
  if (net.at_least("in_nc", 1, 3) != 3) net.refuse("in_nc", "3: patches are RGB");
  if (d.kind == DiscriminatorRecipe::Kind::unet && hr_size % 8 != 0)
    net.refuse("which_model_D", "HR_size as a multiple of 8 for the U-Net");
  if (d.kind == DiscriminatorRecipe::Kind::vgg && d.input_size != hr_size)
    net.refuse("which_model_D",
               "a discriminator for the patches' size (HR_size: " + std::to_string(hr_size) + ")");
  return d;
}

/// `rate_in_train`: the mission's other place for the rate, train.lr_G.
OptimizerRecipe read_optimizer(Settings settings, Settings& train, const std::string& rate_in_train) {
  OptimizerRecipe o;
  using Kind = OptimizerRecipe::Kind;
  o.kind = settings.choose_as<Kind>("type", {{"Adam", Kind::adam}, {"AdamW", Kind::adamw}}, Kind::adam);
  const double rate = train.get(rate_in_train, o.rate);
  o.rate = settings.get("lr", rate);
  if (train.has(rate_in_train) && o.rate != rate)
    train.remark(rate_in_train, "has no effect beside the optimizer's own lr");
  if (!(o.rate > 0)) settings.refuse("lr", "a positive number");
  if (settings.has("betas")) {
    const auto betas = settings.require<std::vector<double>>("betas");
    if (betas.size() != 2) settings.refuse("betas", "two numbers");
    for (const double beta : betas)
      if (!(beta >= 0 && beta < 1)) settings.refuse("betas", "numbers from 0 to below 1");
    o.beta1 = betas[0];
    o.beta2 = betas[1];
  }
  o.weight_decay = settings.at_least("weight_decay", 0.0, 0.0);
  return o;
}

ScheduleRecipe read_schedule(Settings settings, int64_t steps) {
  ScheduleRecipe s;
  using Kind = ScheduleRecipe::Kind;
  s.kind = settings.choose_as<Kind>(
      "type", {{"constant", Kind::constant}, {"multistep", Kind::multistep}, {"cosine", Kind::cosine}},
      Kind::constant);
  s.warmup = settings.at_least("warmup", int64_t{0}, int64_t{0});
  if (s.kind == Kind::multistep) {
    s.milestones = settings.require<std::vector<int64_t>>("milestones");
    s.gamma = settings.get("gamma", s.gamma);
  } else if (s.kind == Kind::cosine) {
    s.periods = settings.get("periods", std::vector<int64_t>{steps});
    s.restart_weights = settings.get("restart_weights", std::vector<double>{1});
    s.eta_min = settings.at_least("eta_min", 0.0, 0.0);
    if (s.periods.empty()) settings.refuse("periods", "the steps between restarts");
    for (const int64_t period : s.periods)
      if (period < 1) settings.refuse("periods", "positive numbers");
  }
  return s;
}

PerceptualRecipe read_perceptual(Settings& train, bool adversarial) {
  PerceptualRecipe p;
  p.weight = train.at_least("feature_weight", 0.0, adversarial ? 1.0 : 0.0);
  if (p.weight == 0) {
    train.ignore({"feature_criterion", "feature"}, "while feature_weight is 0");
    return p;
  }
  p.criterion = pixel_loss(train, "feature_criterion");
  Settings settings = train.section("feature");
  p.network = settings.choose("network", {"vgg16", "vgg19"}, "vgg19");
  p.weights = settings.get<std::string>("weights", "");
  if (p.weight > 0 && p.weights.empty())
    throw Error(ErrorKind::bad_data, "", "train.feature.weights",
                "a file with torchvision's " + p.network + " weights (.pth or .safetensors)", "nothing");
  p.before_activation = settings.get("before_activation", true);
  Settings layers = settings.section("layers");
  for (int block = 1; block <= 5; ++block)
    for (int i = 1; i <= 4; ++i) {
      const std::string layer = "conv" + std::to_string(block) + "_" + std::to_string(i);
      if (const auto weight = layers.find<double>(layer)) p.layers[layer] = layers.get(layer, *weight);
    }
  if (p.layers.empty()) p.layers[p.network == "vgg16" ? "conv5_3" : "conv5_4"] = 1;
  return p;
}

LossRecipe read_losses(Settings& train, bool adversarial) {
  LossRecipe l;
  l.pixel_weight = train.at_least("pixel_weight", 0.0, adversarial ? 1e-2 : 1.0);
  l.pixel = pixel_loss(train, "pixel_criterion");
  l.perceptual = read_perceptual(train, adversarial);
  l.total_variation = train.at_least("tv_weight", 0.0, 0.0);
  if (!adversarial) return l;
  l.gan_weight = train.at_least("gan_weight", 0.0, 5e-3);
  if (l.gan_weight == 0) train.refuse("gan_weight", "more than 0, since the recipe has a network_D");
  l.gan = train.choose_as<GanLoss>("gan_type",
                                   {{"ragan", GanLoss::relativistic},
                                    {"vanilla", GanLoss::standard},
                                    {"lsgan", GanLoss::least_squares},
                                    {"hinge", GanLoss::hinge},
                                    {"wgan-gp", GanLoss::wasserstein}},
                                   GanLoss::relativistic);
  l.gradient_penalty = train.at_least("gp_weight", 0.0, l.gradient_penalty);
  return l;
}

/// DIV2K as it is published, `DIV2K_train_HR` and `DIV2K_train_LR_bicubic/X4`, or without the first word.
/// Small pictures that are not there are made.
SourceRecipe find_div2k(Settings& settings, const std::string& root, int scale, const std::string& part) {
  std::error_code absent;
  for (const std::string prefix : {"DIV2K_", ""}) {
    const fs::path hr = fs::path(root) / (prefix + part + "_HR");
    const fs::path lr = fs::path(root) / (prefix + part + "_LR_bicubic") / ("X" + std::to_string(scale));
    if (!fs::is_directory(hr, absent)) continue;
    return {hr.string(), fs::is_directory(lr, absent) ? lr.string() : "", 1};
  }
  settings.refuse("root", "a folder with DIV2K_" + part + "_HR or " + part + "_HR in it");
}

/// Folders of pictures: HR with or without LR, or DIV2K's `part` in the folder `root`.
SourceRecipe read_folders(Settings& settings, int scale, const std::string& part) {
  const auto root = settings.get<std::string>("root", "");
  if (!root.empty()) {
    settings.ignore({"HR", "LR"}, "beside root");
    return find_div2k(settings, root, scale, part);
  }
  SourceRecipe s;
  s.hr = settings.require<std::string>("HR");
  s.lr = settings.get<std::string>("LR", "");
  return s;
}

SourceRecipe read_source(Settings settings, int scale, const std::string& part) {
  SourceRecipe s = read_folders(settings, scale, part);
  s.weight = settings.get("weight", 1.0);
  if (!(s.weight > 0)) settings.refuse("weight", "a positive number");
  return s;
}

Range read_range(Settings& settings, const std::string& key, const Range& fallback, double least,
                 double most) {
  const auto found = settings.get(key, std::vector<double>{fallback.low, fallback.high});
  if (found.size() != 2 || !(found[0] >= least && found[0] <= found[1] && found[1] <= most))
    settings.refuse(key, "two ascending numbers");
  return {found[0], found[1]};
}

template <size_t Count>
std::array<double, Count> read_weights(Settings& settings, const std::string& key,
                                       const std::array<double, Count>& fallback) {
  const auto found = settings.get(key, std::vector<double>(fallback.begin(), fallback.end()));
  double sum = 0;
  for (const double weight : found) sum += weight >= 0 ? weight : std::nan("");
  if (found.size() != Count || !(sum > 0)) settings.refuse(key, std::to_string(Count) + " weights");
  std::array<double, Count> result{};
  std::copy(found.begin(), found.end(), result.begin());
  return result;
}

double read_probability(Settings& settings, const std::string& key, double fallback) {
  const double found = settings.at_least(key, 0.0, fallback);
  if (found > 1) settings.refuse(key, "a number between 0 and 1");
  return found;
}

DegradationStage read_stage(Settings settings, const DegradationStage& defaults) {
  constexpr double huge = 1e9;
  DegradationStage s;
  s.blur_probability = read_probability(settings, "blur_prob", defaults.blur_probability);
  s.kernel_weights = read_weights(settings, "kernel_prob", defaults.kernel_weights);
  s.sinc_probability = read_probability(settings, "sinc_prob", defaults.sinc_probability);
  s.sigma = read_range(settings, "blur_sigma", defaults.sigma, 1e-3, huge);
  s.beta_generalised = read_range(settings, "betag_range", defaults.beta_generalised, 1e-3, huge);
  s.beta_plateau = read_range(settings, "betap_range", defaults.beta_plateau, 1e-3, huge);
  s.resize_weights = read_weights(settings, "resize_prob", defaults.resize_weights);
  s.resize = read_range(settings, "resize_range", defaults.resize, 1e-3, 8);
  for (const auto& [key, range] :
       {std::pair("betag_range", s.beta_generalised), std::pair("betap_range", s.beta_plateau),
        std::pair("resize_range", s.resize)})
    if (range.low > 1 || range.high < 1) settings.refuse(key, "a range around 1");
  s.gaussian_probability = read_probability(settings, "gaussian_noise_prob", defaults.gaussian_probability);
  s.gaussian_sigma = read_range(settings, "noise_range", defaults.gaussian_sigma, 0, huge);
  s.poisson_scale = read_range(settings, "poisson_scale_range", defaults.poisson_scale, 0, huge);
  s.gray_probability = read_probability(settings, "gray_noise_prob", defaults.gray_probability);
  s.jpeg_quality = read_range(settings, "jpeg_range", defaults.jpeg_quality, 1, 100);
  return s;
}

DegradationRecipe read_degradation(Settings& train) {
  DegradationRecipe d;
  d.on = train.has("degradation");
  if (!d.on) return d;
  Settings settings = train.section("degradation");
  settings.choose("type", {"realesrgan"}, "realesrgan");
  d.first = read_stage(settings.section("first"), d.first);
  d.second = read_stage(settings.section("second"), d.second);
  d.final_sinc_probability = read_probability(settings, "final_sinc_prob", d.final_sinc_probability);
  d.sharpen = settings.get("gt_usm", d.sharpen);
  return d;
}

DataRecipe read_data(Settings train, int scale) {
  DataRecipe d;
  for (Settings& source : train.sections("sources")) d.sources.push_back(read_source(source, scale, "train"));
  if (train.has("root") || train.has("HR")) d.sources.push_back(read_folders(train, scale, "train"));
  if (d.sources.empty())
    train.refuse("HR", "a folder of pictures (--set datasets.train.HR=FOLDER; or root: the folder of DIV2K)");
  d.batch_size = train.at_least("batch_size", 1, 16);
  d.hr_size = train.at_least("HR_size", 8, 128);
  if (d.hr_size % scale != 0) train.refuse("HR_size", "a multiple of the scale, " + std::to_string(scale));
  d.flip = train.get("use_flip", true);
  d.rotate = train.get("use_rot", true);
  d.workers = train.at_least("n_workers", 1, d.workers);
  d.cache_memory = static_cast<uint64_t>(train.at_least("cache_megabytes", int64_t{0}, int64_t{0})) << 20U;
  d.pack_folder = train.get<std::string>("pack", "");
  d.degradation = read_degradation(train);
  if (d.degradation.on)
    for (const SourceRecipe& source : d.sources)
      if (!source.lr.empty())
        train.refuse("degradation", "no LR folder beside it: it makes the small pictures");
  return d;
}

void read_training(Settings train, Recipe& r, bool adversarial) {
  r.steps = train.at_least("niter", int64_t{1}, int64_t{400'000});
  r.schedule = read_schedule(train.section("scheduler"), r.steps);
  r.losses = read_losses(train, adversarial);
  r.clip_norm = train.at_least("grad_clip", 0.0, 0.0);
  r.ema = train.at_least("ema", 0.0, 0.0);
  if (r.ema >= 1) train.refuse("ema", "a number below 1");
  r.accumulate = train.at_least("accumulate", 1, 1);
  if (r.data.batch_size % r.accumulate != 0)
    train.refuse("accumulate", "a divisor of batch_size, " + std::to_string(r.data.batch_size));
  r.arithmetic = train.choose_as<Arithmetic>(
      "precision", {{"full", Arithmetic::full}, {"bf16", Arithmetic::bfloat16}, {"fp16", Arithmetic::half}},
      Arithmetic::full);
  r.channels_last = train.get("channels_last", false);
  if (adversarial) {
    r.discriminator_every = train.at_least("D_update_ratio", 1, 1);
    r.discriminator_first = train.at_least("D_init_iters", int64_t{0}, int64_t{0});
  } else {
    train.ignore({"lr_D", "gan_type", "gan_weight", "gp_weight", "D_update_ratio", "D_init_iters"},
                 "without network_D");
  }
}

Recipe build(Settings root, const std::string& file) {
  Recipe r;
  r.name = root.get<std::string>("name", fs::path(file).stem().string());
  if (r.name.empty() || r.name.find('/') != std::string::npos)
    root.refuse("name", "a name for the run's folder");
  const int scale = root.at_least("scale", 1, 4);
  if (scale != 1 && scale != 2 && scale != 3 && scale != 4 && scale != 8)
    root.refuse("scale", "1, 2, 3, 4 or 8");
  r.seed = static_cast<uint64_t>(root.at_least("seed", int64_t{0}, int64_t{0}));
  r.threads = root.at_least("threads", 0, 0);
  r.generator = read_generator(root.section("network_G"), scale);

  Settings datasets = root.section("datasets");
  r.data = read_data(datasets.section("train"), scale);
  for (auto& [name, settings] : datasets.named_sections("val")) {
    if (name.empty() || name.find_first_of("/,") != std::string::npos)
      datasets.refuse("val", "names without '/' and ','");
    r.validation.push_back({name, read_source(settings, scale, "valid")});
  }

  if ((r.data.hr_size / scale) % r.generator.unshuffle != 0)
    datasets.refuse("train", "HR_size a multiple of scale times unshuffle, " +
                                 std::to_string(scale * r.generator.unshuffle));

  const bool adversarial = root.has("network_D");
  if (adversarial)
    r.discriminator = read_discriminator(root.section("network_D"), r.data.hr_size);
  else
    root.ignore({"network_D", "optimizer_D"}, "without network_D");

  Settings path = root.section("path");
  r.folder = path.get<std::string>("root", "experiments");
  r.generator_start = path.get<std::string>("pretrain_model_G", "");
  if (adversarial)
    r.discriminator_start = path.get<std::string>("pretrain_model_D", "");
  else
    path.ignore({"pretrain_model_D"}, "without network_D");

  Settings train = root.section("train");
  read_training(train, r, adversarial);
  r.optimizer_g = read_optimizer(root.section("optimizer_G"), train, "lr_G");
  if (adversarial) r.optimizer_d = read_optimizer(root.section("optimizer_D"), train, "lr_D");

  Settings logger = root.section("logger");
  r.log_every = logger.at_least("print_freq", int64_t{1}, r.log_every);
  r.checkpoint_every = logger.at_least("save_checkpoint_freq", int64_t{1}, r.checkpoint_every);
  r.checkpoints_kept = logger.at_least("keep_checkpoints", 1, r.checkpoints_kept);
  r.validate_every = logger.at_least("val_freq", int64_t{1}, r.validate_every);
  r.patience = logger.at_least("patience", 0, 0);

  root.check();
  std::ostringstream text;
  text << root.resolved() << '\n';
  r.resolved = text.str();
  r.remarks = root.remarks();
  return r;
}

}  // namespace

Recipe read_recipe(const std::string& file, const std::vector<std::string>& changes) {
  return build(Settings::read(file, changes), file);
}

Recipe parse_recipe(const std::string& text, const std::string& file,
                    const std::vector<std::string>& changes) {
  return build(Settings::parse(text, file, changes), file);
}

}  // namespace esrgan::train
