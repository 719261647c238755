#include "train/data/data_recipe.h"

#include <filesystem>

#include "train/data/clip_source.h"
#include "train/data/degradations/degradation.h"
#include "train/data/patch_source.h"
#include "train/data/ranges.h"
#include "train/data/task_source.h"
#include "train/data/unpaired_source.h"

namespace esrgan::train {
namespace {

namespace fs = std::filesystem;

/// DIV2K as it is published, `DIV2K_train_HR` and `DIV2K_train_LR_bicubic/X4`, or without the first word.
/// Small pictures that are not there are made.
SourceRecipe find_div2k(Settings& settings, const std::string& root, int scale, const std::string& part) {
  std::error_code absent;
  for (const std::string prefix : {"DIV2K_", ""}) {
    const fs::path hr = fs::path(root) / (prefix + part + "_HR");
    const fs::path lr = fs::path(root) / (prefix + part + "_LR_bicubic") / ("X" + std::to_string(scale));
    if (fs::is_directory(hr, absent))
      return {hr.string(), fs::is_directory(lr, absent) ? lr.string() : "", 1, "", {1}};
  }
  settings.refuse("root", "a folder with DIV2K_" + part + "_HR or " + part + "_HR in it");
}

/// Folders of pictures: HR with or without LR, or DIV2K's `part` in the folder `root`.
SourceRecipe read_folders(Settings& settings, int scale, const std::string& part) {
  const auto root = settings.get<std::string>("root", "");
  if (!root.empty()) {
    settings.ignore({"HR", "LR", "LR_name", "HR_scales"}, "beside root");
    return find_div2k(settings, root, scale, part);
  }
  SourceRecipe s;
  s.hr = settings.require<std::string>("HR");
  s.lr = settings.get<std::string>("LR", "");
  s.lr_name = settings.get<std::string>("LR_name", "");
  if (!s.lr_name.empty() && s.lr_name.find("{}") == std::string::npos)
    settings.refuse("LR_name", "a name with {} for the large picture's, such as {}_small");
  s.hr_scales = settings.get("HR_scales", s.hr_scales);
  for (const double hr_scale : s.hr_scales)
    if (!(hr_scale > 0 && hr_scale <= 1)) settings.refuse("HR_scales", "numbers above 0, at most 1");
  if (s.hr_scales.empty() || (!s.lr.empty() && s.hr_scales != std::vector<double>{1}))
    settings.refuse("HR_scales", "no LR folder beside it: the small pictures are made of the reduced ones");
  return s;
}

SourceRecipe read_source(Settings settings, int scale, const std::string& part) {
  SourceRecipe s = read_folders(settings, scale, part);
  s.weight = settings.get("weight", 1.0);
  if (!(s.weight > 0)) settings.refuse("weight", "a positive number");
  return s;
}

MixtureRecipe read_mixture(Settings& train) {
  MixtureRecipe m;
  m.mixup = read_probability(train, "mixup_prob", 0);
  m.cutmix = read_probability(train, "cutmix_prob", 0);
  m.cutblur = read_probability(train, "cutblur_prob", 0);
  if (m.mixup + m.cutmix + m.cutblur > 1) train.refuse("mixup_prob", "probabilities whose sum is at most 1");
  m.mixup_alpha = train.at_least("mixup_alpha", 0.01, m.mixup_alpha);
  m.cut = read_range(train, "cut_range", m.cut, 0.01, 1);
  return m;
}

void read_degradation_of(Settings& train, DataRecipe& d) {
  if (!train.has("degradation")) return;
  Settings settings = train.section("degradation");
  d.degradation = read_degradation(settings);
  d.sharpen = settings.get("gt_usm", true);
  if (DegradationSteps common = read_operations(settings, "common"); !common.empty())
    d.common = std::make_shared<DegradationChain>(std::move(common));
  for (const SourceRecipe& source : d.sources)
    if (!source.lr.empty())
      train.refuse("degradation", "no LR folder beside it: it makes the small pictures");
}

MakeSource read_patches(Settings& train, DataRecipe& d) {
  for (Settings& source : train.sections("sources"))
    d.sources.push_back(read_source(source, d.scale, "train"));
  if (train.has("root") || train.has("HR")) d.sources.push_back(read_folders(train, d.scale, "train"));
  if (d.sources.empty())
    train.refuse("HR", "a folder of pictures (--set datasets.train.HR=FOLDER; or root: the folder of DIV2K)");
  d.mixture = read_mixture(train);
  read_degradation_of(train, d);
  return [](const DataRecipe& recipe, int sharing) { return std::make_unique<PatchSource>(recipe, sharing); };
}

ClipRecipe read_frames(Settings& settings) {
  ClipRecipe c;
  c.frames = settings.get<std::string>("frames", "");
  c.first = settings.at_least("first", 0, c.first);
  c.count = settings.at_least("count", 0, c.count);
  return c;
}

ClipRecipe read_clip(Settings settings) {
  ClipRecipe c = read_frames(settings);
  c.pictures = settings.get<std::string>("HR", "");
  if (c.frames.empty() == c.pictures.empty())
    settings.refuse("frames", "a film, or a folder of frames; or HR: a folder of pictures, instead");
  c.motion = settings.at_least("motion", 0, c.motion);
  c.weight = settings.get("weight", c.weight);
  if (!(c.weight > 0)) settings.refuse("weight", "a positive number");
  return c;
}

MakeSource read_clips(Settings& train, DataRecipe& d) {
  for (Settings& source : train.sections("sources")) d.clips.push_back(read_clip(source));
  if (d.clips.empty()) train.refuse("sources", "a list of clips, such as - {frames: FILM}");
  read_degradation_of(train, d);
  if (d.sharpen && d.degradation) train.refuse("degradation", "gt_usm: false with clips");
  if (d.common) train.refuse("degradation", "no common with clips");
  return [](const DataRecipe& recipe, int sharing) { return std::make_unique<ClipSource>(recipe, sharing); };
}

MakeSource read_unpaired(Settings& train, DataRecipe& d) {
  for (const char* key : {"HR", "LR"}) {
    SourceRecipe source;
    source.hr = train.require<std::string>(key);
    d.sources.push_back(std::move(source));
  }
  d.is_unpaired = true;
  return
      [](const DataRecipe& recipe, int sharing) { return std::make_unique<UnpairedSource>(recipe, sharing); };
}

TaskRecipe read_damage(Settings& train) {
  TaskRecipe t;
  t.noise = train.at_least("noise", 0.0, t.noise);
  t.blur = train.at_least("blur", 0.0, t.blur);
  t.share = read_probability(train, "share", t.share);
  return t;
}

MakeSource read_tasks(Settings& train, DataRecipe& d) {
  read_patches(train, d);
  if (d.degradation) train.refuse("degradation", "none with type: tasks, which has its own");
  d.is_of_tasks = true;
  d.tasks = read_damage(train);
  return [](const DataRecipe& recipe, int sharing) { return std::make_unique<TaskSource>(recipe, sharing); };
}

/// A kind of samples of a file of its own is a line here.
constexpr SourceKind source_kinds[] = {
    {"patches", read_patches}, {"clips", read_clips}, {"unpaired", read_unpaired}, {"tasks", read_tasks}};

}  // namespace

DataRecipe read_data(Settings& datasets, int scale, uint64_t seed) {
  Settings train = datasets.section("train");
  DataRecipe d;
  d.scale = scale;
  d.seed = seed;
  d.batch_size = train.at_least("batch_size", 1, d.batch_size);
  d.hr_size = train.at_least("HR_size", 8, d.hr_size);
  if (d.hr_size % scale != 0) train.refuse("HR_size", "a multiple of the scale, " + std::to_string(scale));
  d.crop_tries = train.at_least("crop_tries", 1, d.crop_tries);
  d.flip = train.get("use_flip", d.flip);
  d.rotate = train.get("use_rot", d.rotate);
  d.workers = train.at_least("n_workers", 1, d.workers);
  d.cache_memory = static_cast<uint64_t>(train.at_least("cache_megabytes", int64_t{0}, int64_t{0})) << 20U;
  d.pack_folder = train.get<std::string>("pack", "");
  d.open = train.choose_row("type", source_kinds, source_kinds[0]).read(train, d);
  return d;
}

void read_strengths(Settings& set, TaskStrengths& strengths) {
  for (size_t t = 0; t < strengths.size(); ++t)
    strengths.at(t) = static_cast<float>(read_probability(set, task_names.at(t), 0));
}

std::vector<ValidationRecipe> read_validation(Settings& datasets, const DataRecipe& data) {
  const int scale = data.scale;
  std::vector<ValidationRecipe> sets;
  for (auto& [name, settings] : datasets.named_sections("val")) {
    if (name.empty() || name.find_first_of("/,") != std::string::npos)
      datasets.refuse("val", "names without '/' and ','");
    ValidationRecipe set;
    set.name = name;
    if (settings.has("frames")) {
      set.clips = read_frames(settings);
      set.every = settings.at_least("every", 1, set.every);
    } else {
      set.source = read_source(settings, scale, "valid");
      if (data.is_of_tasks) read_strengths(settings, set.strengths);
      set.tasks = data.tasks;
    }
    sets.push_back(std::move(set));
  }
  return sets;
}

int read_scale(Settings& root) {
  const int scale = root.at_least("scale", 1, 4);
  if (scale != 1 && scale != 2 && scale != 3 && scale != 4 && scale != 8)
    root.refuse("scale", "1, 2, 3, 4 or 8");
  return scale;
}

uint64_t read_seed(Settings& root) {
  return static_cast<uint64_t>(root.at_least("seed", int64_t{0}, int64_t{0}));
}

DataRecipe read_data_recipe(const std::string& file, const std::vector<std::string>& changes) {
  Settings root = Settings::read(file, changes);
  const int scale = read_scale(root);
  Settings datasets = root.section("datasets");
  DataRecipe recipe = read_data(datasets, scale, read_seed(root));
  datasets.section("train").check();
  return recipe;
}

}  // namespace esrgan::train
