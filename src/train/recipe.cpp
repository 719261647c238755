#include "train/recipe.h"

#include <esrgan/error.h>
#include <esrgan/models.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "model/family.h"
#include "model/model.h"
#include "train/data/degradations/degradation.h"
#include "train/losses/loss.h"
#include "train/networks/discriminator.h"
#include "train/schemes/scheme.h"
#include "train/settings.h"

namespace esrgan::train {
namespace {

namespace fs = std::filesystem;

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

void read_training(Settings train, Recipe& r) {
  r.steps = train.at_least("niter", int64_t{1}, int64_t{400'000});
  r.schedule = read_schedule(train.section("scheduler"), r.steps);
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
}

void read_logger(Settings logger, Recipe& r) {
  r.log_every = logger.at_least("print_freq", int64_t{1}, r.log_every);
  r.checkpoint_every = logger.at_least("save_checkpoint_freq", int64_t{1}, r.checkpoint_every);
  r.checkpoints_kept = logger.at_least("keep_checkpoints", 1, r.checkpoints_kept);
  r.validate_every = logger.at_least("val_freq", int64_t{1}, r.validate_every);
  r.patience = logger.at_least("patience", 0, 0);
}

/// A network that is told of tasks, and pictures that have them, go together.
void check_tasks(const Recipe& r, const Settings& root) {
  if (r.generator.tasks != r.data.is_of_tasks)
    root.refuse("datasets", "train: {type: tasks} for a network with tasks: true, and for no other");
}

/// Clips have as many frames as the network sees; of one, they are pictures.
void take_frames(Recipe& r, const Settings& root) {
  if (r.generator.frames > 1 && r.data.clips.empty())
    root.refuse("datasets", "train: {type: clips}, for a network that sees several frames");
  r.data.window = r.generator.frames;
}

/// Asks for all that a recipe may say.
Recipe interpret(Settings& root, const std::string& file) {
  Recipe r;
  r.name = root.get<std::string>("name", fs::path(file).stem().string());
  if (r.name.empty() || r.name.find('/') != std::string::npos)
    root.refuse("name", "a name for the run's folder");
  const int scale = read_scale(root);
  r.seed = read_seed(root);
  r.threads = root.at_least("threads", 0, 0);
  r.deterministic = root.get("deterministic", false);
  Settings generator = root.section("network_G");
  r.generator_file = generator.get<std::string>("model", "");
  if (r.generator_file.empty())
    r.generator = read_generator(generator, scale);
  else
    r.generator.scale = scale;

  Settings datasets = root.section("datasets");
  r.data = read_data(datasets, scale, r.seed);
  r.validation = read_validation(datasets, r.data);
  if ((r.data.hr_size / scale) % r.generator.unshuffle != 0)
    datasets.refuse("train", "HR_size a multiple of scale times unshuffle, " +
                                 std::to_string(scale * r.generator.unshuffle));

  if (r.generator_file.empty()) {
    take_frames(r, root);
    check_tasks(r, root);
  }

  Settings path = root.section("path");
  r.folder = path.get<std::string>("root", "experiments");
  if (r.generator_file.empty()) {
    r.generator_start = path.get<std::string>("pretrain_model_G", "");
    r.strict = path.get("strict", true);
  } else {
    path.ignore({"pretrain_model_G", "strict"}, "where network_G is a model's file");
  }

  Settings train = root.section("train");
  read_training(train, r);
  r.optimiser = read_optimiser(root.section("optimizer_G"), train, "lr_G");
  r.scheme = read_scheme(root, r);
  if (root.has("distillation")) r.teacher = root.section("distillation").require<std::string>("teacher");
  r.measuring = read_measuring(root.section("validation"));
  read_logger(root.section("logger"), r);
  return r;
}

/// The network of a weight file takes the place of one that a recipe describes.
void take_file(Recipe& r, const Settings& root) {
  r.generator_file = find_model(r.generator_file);
  const int scale = r.generator.scale;
  r.generator = read_model(r.generator_file).architecture;
  if (r.generator.scale != scale)
    root.refuse("scale", std::to_string(r.generator.scale) + ", as " + r.generator_file + " enlarges");
  if (r.generator.frames > 1)
    root.refuse("network_G", "which_model_G, frames and the rest, with path: {pretrain_model_G: " +
                                 r.generator_file + "}");
  if (r.generator.tasks)  // what a graph is made of has no strengths
    root.refuse("network_G",
                "which_model_G, tasks and the rest, with path: {pretrain_model_G: " + r.generator_file + "}");
  take_frames(r, root);
  check_tasks(r, root);
}

Recipe build(Settings root, const std::string& file) {
  Recipe r = interpret(root, file);
  root.check();
  std::ostringstream text;
  text << root.resolved() << '\n';
  r.resolved = text.str();
  r.remarks = root.remarks();
  if (!r.generator_file.empty()) take_file(r, root);
  return r;
}

/// Recipes that together ask for everything, as far as the tables tell. Files that they name are not opened.
std::vector<std::string> recipes_of_everything() {
  const auto recipe = [](const std::string& network, const std::string& data, const std::string& train,
                         const std::string& more) {
    return "network_G: " + network + "\ndatasets: {train: {HR: x, " + data +
           "}, val: {any: {HR: x}}}\ntrain: {ema: 0.9, feature: {weights: x}, " + train + "}\n" + more;
  };
  const std::string against = "network_D: {which_model_D: discriminator_srgan}\n";
  std::vector<std::string> all{
      recipe("{}", "sources: [{HR: x}]", "scheduler: {type: cosine}", against),
      recipe(
          "{}", "", "scheduler: {type: multistep, milestones: [1]}, feature_weight: 1",
          "validation: {metrics: [{type: lpips, weights: x, heads: x}, {type: dists, weights: x, heads: x}, "
          "{type: psnr}, {type: ssim}, {type: psnr_rgb}, {type: ssim_rgb}]}"),
      recipe("{}", "degradation: {}", "losses: [{type: gan}]", against),
      "network_G: {frames: 5, time_features: 8}\ndatasets: {train: {type: clips, sources: [{frames: x, "
      "motion: 1}]}, "
      "val: {any: {frames: x, every: 2}}}\ntrain: {feature_weight: 0}\n",
      "network_G: {}\nnetwork_F: {which_model_G: SRVGGNetCompact}\nnetwork_D: {which_model_D: "
      "discriminator_patch}\nscheme: cycle\ndatasets: {train: {type: "
      "unpaired, HR: x, "
      "LR: x}}\n",
      "network_G: {which_model_G: SPAN, tasks: true}\nscheme: tasks\ndatasets: {train: {type: tasks, HR: x}, "
      "val: {any: {HR: "
      "x}}}\n",
      recipe("{model: x}", "", "feature_weight: 0",
             "distillation: {teacher: x, feature_weight: 1, features: [{teacher: x, student: x}]}")};
  for (const Family* family : families())
    if (family->configure != nullptr)
      all.push_back(
          recipe(std::string("{which_model_G: ") + family->name + "}", "", "feature_weight: 0", ""));
  for (const std::string& name : discriminator_names()) {
    const size_t number = name.find_last_not_of("0123456789") + 1;
    all.push_back(recipe("{}", "HR_size: " + (number < name.size() ? name.substr(number) : "128"), "niter: 1",
                         "network_D: {which_model_D: " + name + "}"));
  }
  for (const LossKind& kind : loss_kinds())
    all.push_back(
        recipe("{}", "", std::string("losses: [{weights: x, heads: x, type: ") + kind.type + "}]", against));
  std::string operations;
  for (const DegradationKind& kind : degradation_kinds())
    if (const std::string type = kind.type; type != "any_order") operations += "{type: " + type + "}, ";
  const std::string common = "common: [" + operations + "], ";
  operations = "operations: [" + operations + "]";
  const std::string both = "{type: any_order, groups: [{" + operations + "}, {" + operations + "}]}";
  for (const std::string& list : {operations, "operations: [" + both + "]"})
    all.push_back(
        recipe("{}", "degradation: {type: operations, " + common + list + "}", "feature_weight: 0", ""));
  return all;
}

}  // namespace

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

std::string recipe_schema() {
  nlohmann::json schema = nlohmann::json::object();
  for (const std::string& text : recipes_of_everything()) {
    Settings root = Settings::parse(text, "schema");
    interpret(root, "recipe.yml");
    schema = merged_schemas(schema, root.schema());
  }
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "Training recipe of esrgan";
  return schema.dump(2);
}

Recipe read_recipe(const std::string& file, const std::vector<std::string>& changes) {
  return build(Settings::read(file, changes), file);
}

Recipe parse_recipe(const std::string& text, const std::string& file,
                    const std::vector<std::string>& changes) {
  return build(Settings::parse(text, file, changes), file);
}

}  // namespace esrgan::train
