// Recipes and the schedules in them.
#include <esrgan/error.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "model/family.h"
#include "support.h"
#include "train/recipe.h"
#include "train/schedule.h"
#include "train/settings.h"

namespace esrgan::train {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::TemporaryFolder;

constexpr const char* small_recipe = R"(name: small
scale: 4
network_G: {which_model_G: RRDBNet, nf: 8, nb: 1, gc: 4}
datasets: {train: {HR: pictures, batch_size: 2, HR_size: 32}}
train: {niter: 10}
)";

/// What a recipe came to, as its resolved form has it.
std::string said(const Recipe& recipe, const std::string& key) {
  YAML::Node node = YAML::Load(recipe.resolved);
  std::istringstream parts(key);
  for (std::string part; std::getline(parts, part, '.');) node.reset(node[part]);
  return node.as<std::string>();
}

TEST(Recipe, HasDefaultsAndReadsItsOwnResolvedFormBack) {
  const Recipe recipe = parse_recipe(small_recipe, "r.yml");
  EXPECT_EQ(recipe.generator.blocks, 1);
  EXPECT_EQ(recipe.steps, 10);
  EXPECT_DOUBLE_EQ(recipe.optimiser.rate, 1e-4);
  EXPECT_EQ(said(recipe, "scheme"), "fidelity");
  EXPECT_EQ(parse_recipe(recipe.resolved, "resolved").resolved, recipe.resolved);
}

TEST(Recipe, NamesLineAndNearestKey) {
  const auto message = [](std::string text) { return error_of([&] { parse_recipe(text, "r.yml"); }); };
  const std::string base = small_recipe;
  EXPECT_EQ(message(base + "loger: {print_freq: 3}\n"), "r.yml:6: unknown key 'loger': expected logger");
  EXPECT_EQ(message(base + "optimizer_G:\n  type: Adam\n  learning: 1\n"),
            "r.yml:8: unknown key 'optimizer_G.learning': expected lr");
  EXPECT_EQ(message(base + "seed: many\n"), "r.yml:6: 'seed': expected a whole number, found 'many'");
  EXPECT_EQ(message(base + "scale: 2\n"), "r.yml:6: the key 'scale' stands here a second time");
  EXPECT_EQ(message(base + "path: [1\n").substr(0, 6), "r.yml:");
  EXPECT_EQ(message("name: x\nscale: 5\n"), "r.yml:2: 'scale': expected 1, 2, 3, 4 or 8, found '5'");
  EXPECT_NE(message("scale: 4\n").find("--set datasets.train.HR=FOLDER"), std::string::npos);
}

/// What the mission's text prints, word for word.
constexpr const char* missions_text = R"(
network_G: {which_model_G: RRDB, nf: 64, nb: 23}
train: {lr_G: 1e-4, lr_D: 1e-4, pixel_criterion: l1, feature_criterion: l1}
optimizer_G: {lr: 1e-5}
)";

TEST(Recipe, TakesTheMissionsTextAsItIs) {
  const Recipe first = parse_recipe(missions_text, "mission.yml", {"datasets.train.HR=pictures"});
  EXPECT_EQ(first.name, "mission");
  EXPECT_EQ(first.generator.family->name, std::string("RRDBNet"));
  EXPECT_EQ(first.generator.blocks, 23);
  EXPECT_DOUBLE_EQ(first.optimiser.rate, 1e-5);
  EXPECT_EQ(said(first, "scheme"), "fidelity");
  EXPECT_EQ(said(first, "train.pixel_weight"), "1");
  const std::vector<std::string> remarks{
      "mission.yml:3: 'train.lr_G' has no effect beside the optimizer's own lr",
      "mission.yml:3: 'train.feature_criterion' has no effect while feature_weight is 0",
      "mission.yml:3: 'train.lr_D' has no effect without network_D"};
  EXPECT_EQ(first.remarks, remarks);

  // The second stage has the paper's weights.
  const Recipe second =
      parse_recipe(missions_text, "mission.yml",
                   {"datasets.train.HR=pictures", "network_D={which_model_D: discriminator_vgg_128}",
                    "train.feature={weights: vgg.pth}", "optimizer_D.lr=2e-5"});
  EXPECT_EQ(said(second, "scheme"), "adversarial");
  for (const auto& [key, value] :
       {std::pair("train.pixel_weight", 1e-2), std::pair("train.feature_weight", 1.0),
        std::pair("train.gan_weight", 5e-3), std::pair("optimizer_D.lr", 2e-5),
        std::pair("train.feature.layers.conv5_4", 1.0)})
    EXPECT_DOUBLE_EQ(std::stod(said(second, key)), value) << key;
  EXPECT_NE(error_of([] {
              parse_recipe(missions_text, "m.yml", {"datasets.train.HR=pictures", "network_D={nf: 8}"});
            }).find("train.feature.weights"),
            std::string::npos);
}

TEST(Recipe, FindsDiv2kInBothItsLayouts) {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& root) {
    return parse_recipe(
        missions_text, "m.yml",
        {"datasets.train.root=" + (folder / root), "datasets.val.own.root=" + (folder / root)});
  };
  for (const char* path :
       {"official/DIV2K_train_HR", "official/DIV2K_train_LR_bicubic/X4", "official/DIV2K_valid_HR",
        "short/train_HR", "short/train_LR_bicubic/X4", "short/valid_HR"})
    fs::create_directories(folder.path() / path);
  const Recipe official = read("official"), brief = read("short");
  EXPECT_EQ(official.data.sources.at(0).hr, folder / "official/DIV2K_train_HR");
  EXPECT_EQ(official.data.sources.at(0).lr, folder / "official/DIV2K_train_LR_bicubic/X4");
  EXPECT_EQ(official.validation.at(0).source.lr, "");
  EXPECT_EQ(brief.data.sources.at(0).lr, folder / "short/train_LR_bicubic/X4");
  EXPECT_EQ(brief.validation.at(0).source.hr, folder / "short/valid_HR");
  EXPECT_NE(error_of([&] { read("absent"); }).find("DIV2K_train_HR"), std::string::npos);
}

TEST(Recipe, IsChangedFromOutside) {
  const Recipe recipe =
      parse_recipe(small_recipe, "r.yml", {"train.niter=7", "network_G.nb=2", "logger.val_freq=3", "seed=5"});
  EXPECT_EQ(recipe.steps, 7);
  EXPECT_EQ(recipe.generator.blocks, 2);
  EXPECT_EQ(recipe.validate_every, 3);
  EXPECT_EQ(recipe.seed, 5U);
  const auto message = [](const std::string& change) {
    return error_of([&] { parse_recipe(small_recipe, "r.yml", {change}); });
  };
  EXPECT_NE(message("train.nitre=7").find("unknown key 'train.nitre': expected niter"), std::string::npos);
  EXPECT_NE(message("train.niter").find("--set"), std::string::npos);
  EXPECT_NE(message("scale.x=1").find("'scale' is neither"), std::string::npos);
  const std::string sources = "datasets: {train: {sources: [{HR: a}, {HR: b}]}}\n";
  const Recipe listed = parse_recipe(sources, "r.yml", {"datasets.train.sources.1.HR=c"});
  EXPECT_EQ(listed.data.sources.at(0).hr, "a");
  EXPECT_EQ(listed.data.sources.at(1).hr, "c");
  EXPECT_NE(error_of([&] {
              parse_recipe(sources, "r.yml", {"datasets.train.sources.2.HR=c"});
            }).find("a number below 2"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              parse_recipe(sources, "r.yml", {"datasets.train.sources.1x.HR=c"});
            }).find("a number below 2"),
            std::string::npos);
  EXPECT_NE(message("seed=[1").find("--set"), std::string::npos);
  EXPECT_NE(message("seed=1e30").find("a whole number"), std::string::npos);
}

TEST(Recipe, KnowsNetworksByTheirOtherNames) {
  for (const char* name : {"RRDBNet", "rrdb", "ESRGAN"})
    EXPECT_EQ(parse_recipe(small_recipe, "r.yml", {std::string("network_G.which_model_G=") + name})
                  .generator.family->name,
              std::string("RRDBNet"))
        << name;
  EXPECT_NE(error_of([] {
              parse_recipe(small_recipe, "r.yml", {"network_G.which_model_G=RDBNet"});
            }).find("one of RRDBNet"),
            std::string::npos);
}

TEST(Recipe, EveryOneOfTheProjectIsValid) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(ESRGAN_OPTIONS)) {
    std::ifstream file(entry.path());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    std::vector<std::string> changes;  // those of clips name what they take in a list
    if (text.find("type: clips") == std::string::npos) changes.emplace_back("datasets.train.HR=photos");
    EXPECT_EQ(error_of([&] { read_recipe(entry.path().string(), changes); }), "") << entry.path();
    ++count;
  }
  EXPECT_GE(count, 1);
}

TEST(Schedule, FollowsItsFormulas) {
  ScheduleRecipe s;
  s.kind = ScheduleRecipe::Kind::cosine;
  s.periods = {100, 200};
  s.restart_weights = {1, 0.5};
  s.eta_min = 1e-7;
  EXPECT_DOUBLE_EQ(learning_rate(s, 2e-4, 0), 2e-4);
  EXPECT_NEAR(learning_rate(s, 2e-4, 50), (2e-4 + 1e-7) / 2, 1e-12);
  EXPECT_NEAR(learning_rate(s, 2e-4, 100), 1e-7 + 0.5 * (2e-4 - 1e-7), 1e-12);  // restarted
  EXPECT_NEAR(learning_rate(s, 2e-4, 1000), 1e-7, 1e-15);
  s = {};
  s.kind = ScheduleRecipe::Kind::multistep;
  s.milestones = {10, 20};
  s.warmup = 4;
  EXPECT_DOUBLE_EQ(learning_rate(s, 1, 0), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate(s, 1, 9), 1);
  EXPECT_DOUBLE_EQ(learning_rate(s, 1, 20), 0.25);
}

}  // namespace
}  // namespace esrgan::train
