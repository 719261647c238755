// Training: data, losses, networks beside the engine, runs that stop and go on.
#include <esrgan/error.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <span>

#include "image/resize.h"
#include "support.h"
#include "train/data/patch_source.h"
#include "train/data/prefetcher.h"
#include "train/run/run_folder.h"
#include "train/run/trainer.h"
#include "train/schemes/scheme.h"
#include "weights/read_weights.h"
#include "weights/safetensors.h"

namespace esrgan::train {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::TemporaryFolder;

// ---- data ----

DataRecipe pictures_in(const TemporaryFolder& folder, int count) {
  for (int i = 0; i < count; ++i) {
    Image picture = test::make_picture(40 + 4 * i, 44, 3);
    picture.data<uint8_t>()[0] = static_cast<uint8_t>(i);
    write_image(picture, folder / ("p" + std::to_string(i) + ".png"));
  }
  DataRecipe data;
  data.sources = {{folder.path().string(), "", 1, ""}};
  data.batch_size = 3;
  data.hr_size = 32;
  data.seed = 1;
  return data;
}

TEST(Data, ABatchIsAFunctionOfSeedAndStep) {
  const TemporaryFolder folder;
  DataRecipe recipe = pictures_in(folder, 5);
  const PatchSource first(recipe), again(recipe);
  recipe.seed = 8;
  const PatchSource other(recipe);
  const Batch whole = first.make(3, 0, 3), same = again.make(3, 0, 3), part = again.make(3, 1, 2);
  const std::vector<float>& hr = whole.at("hr").values;
  EXPECT_EQ(hr, same.at("hr").values);
  EXPECT_EQ(whole.at("lr").values, same.at("lr").values);
  EXPECT_TRUE(
      std::equal(part.at("hr").values.begin(), part.at("hr").values.end(), hr.begin() + 3L * 32 * 32));
  EXPECT_NE(other.make(3, 0, 3).at("hr").values, hr);
  Prefetcher prefetcher(first, 2, 0, 3, 2);
  prefetcher.next();
  EXPECT_EQ(prefetcher.next().at("hr").values, hr);
}

TEST(Data, SmallPatchesLieWhereTheLargeOnesDo) {
  // The mean of a large patch is that of its small one, whatever the flips.
  const TemporaryFolder folder;
  const PatchSource source(pictures_in(folder, 3));
  for (int step = 0; step < 10; ++step) {
    const Batch batch = source.make(step, 0, 3);
    const auto lr = torch::from_blob(const_cast<float*>(batch.at("lr").sample(0)), {3, 3, 8, 8});
    const auto hr = torch::from_blob(const_cast<float*>(batch.at("hr").sample(0)), {3, 3, 32, 32});
    const auto reduced = torch::avg_pool2d(hr, 4);
    EXPECT_LT((reduced - lr).abs().mean().item<double>(), 0.03);
    EXPECT_GT((reduced - lr.flip({3})).abs().mean().item<double>(), 0.04);
  }
}

TEST(Data, NamesAndSkipsWhatIsDamaged) {
  const TemporaryFolder folder;
  const DataRecipe recipe = pictures_in(folder, 3);
  test::write_bytes(folder / "p1.png", {1, 2, 3});
  write_image(test::make_picture(8, 8, 3), folder / "p9.png");  // smaller than a patch
  const PatchSource source(recipe);
  for (int step = 0; step < 4; ++step) EXPECT_EQ(source.make(step, 0, 3).count, 3);
  EXPECT_EQ(source.skipped(), 2U);
  for (int i = 0; i < 3; ++i) test::write_bytes(folder / ("p" + std::to_string(i) + ".png"), {1});
  EXPECT_NE(error_of([&] { PatchSource(recipe).make(0, 0, 1); }).find("none of the 4 training pictures"),
            std::string::npos);
}

TEST(Data, FindsThePartnersOfDiv2k) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "HR");
  fs::create_directories(folder.path() / "X4");
  SourceRecipe source{folder / "HR", folder / "X4", 1, ""};
  write_image(test::make_picture(40, 48, 3), folder / "HR/0001.png");
  EXPECT_NE(error_of([&] { list_pairs(source, 4); }).find("0001x4.png"), std::string::npos);
  write_image(test::make_picture(10, 12, 3), folder / "X4/0001x4.png");
  const auto pairs = list_pairs(source, 4);
  ASSERT_EQ(pairs.size(), 1U);
  EXPECT_EQ(load_pair(pairs[0], 4).lr.height, 12);
  // Any other name by its template.
  source.lr_name = "small_{}_bad";
  EXPECT_NE(error_of([&] { list_pairs(source, 4); }).find("small_0001_bad.png"), std::string::npos);
  fs::rename(folder.path() / "X4/0001x4.png", folder.path() / "X4/small_0001_bad.png");
  EXPECT_EQ(list_pairs(source, 4).size(), 1U);
  source.lr_name = "";
  write_image(test::make_picture(11, 12, 3), folder / "X4/0001x4.png");
  EXPECT_NE(error_of([&] { load_pair(list_pairs(source, 4).at(0), 4); }).find("expected 10x12, found 11x12"),
            std::string::npos);
}

TEST(Data, APictureServesAtEachOfItsScales) {
  const TemporaryFolder folder;
  const FloatImage picture = to_float_image(test::make_picture(48, 40, 3));
  write_image(test::make_picture(48, 40, 3), folder / "p.png");
  SourceRecipe source;
  source.hr = folder.path();
  source.hr_scales = {1, 0.5};
  const auto pairs = list_pairs(source, 4);
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(load_pair(pairs[0], 4).hr.width, 48);
  const Pair half = load_pair(pairs[1], 4);
  const FloatImage expected = resize_bicubic(picture, 0.5, SampleType::u8);
  EXPECT_TRUE(std::ranges::equal(half.hr.samples, stored(expected).samples));
  EXPECT_TRUE(
      std::ranges::equal(half.lr.samples, stored(resize_bicubic(expected, 0.25, SampleType::u8)).samples));
}

TEST(Data, OfSeveralPlacesTheOneWithTheSteepestSlopesIsCut) {
  // A flat picture with stripes in one corner: by 16 tries most patches see them, by one few.
  const TemporaryFolder folder;
  Image picture = test::make_picture(128, 128, 3);
  for (int y = 0; y < 128; ++y)
    for (int x = 0; x < 384; ++x)
      picture.data<uint8_t>()[y * 384 + x] = x < 96 && y < 32 && x / 12 % 2 == 0 ? 255 : 0;
  DataRecipe recipe = pictures_in(folder, 0);
  write_image(picture, folder / "p.png");
  for (const int tries : {1, 16}) {
    recipe.crop_tries = tries;
    const Batch batch = PatchSource(recipe).make(0, 0, 64);
    int striped = 0;
    for (int i = 0; i < 64; ++i)
      striped += std::ranges::any_of(std::span(batch.at("hr").sample(i), size_t{3} * 32 * 32),
                                     [](float value) { return value > 0.5F; });
    if (tries == 1)
      EXPECT_LT(striped, 24);
    else
      EXPECT_GT(striped, 40);
  }
}

// ---- beside PyTorch ----

/// Largest difference, relative to the largest value.
double relative(const Tensor& expected, const Tensor& found) {
  double difference = 0, largest = 0;
  for (size_t i = 0; i < expected.values.size(); ++i) {
    difference = std::max<double>(difference, std::abs(expected.values[i] - found.values[i]));
    largest = std::max<double>(largest, std::abs(expected.values[i]));
  }
  return difference / std::max(largest, 1e-12);
}

/// Compares the group's tensors with those called PREFIX/... of the case; returns the largest difference,
/// relative to the largest value of the tensor. The relativistic loss does not depend on the discriminator's
/// last bias: its gradient is rounding, which Adam blows up, and it is left out.
double compare_group(const StateDict& expected, const std::string& prefix, const StateDict& found,
                     double factor = 1) {
  double worst = 0;
  int compared = 0;
  for (const auto& [name, tensor] : expected.tensors) {
    if (!name.starts_with(prefix + "/") || name.ends_with("linear2.bias")) continue;
    Tensor scaled = found.at(name.substr(prefix.size() + 1));
    for (float& value : scaled.values) value = static_cast<float>(value * factor);
    const double difference = relative(tensor, scaled);
    if (difference > 1e-4) std::printf("  %s: %.1e\n", name.c_str(), difference);
    worst = std::max(worst, difference);
    ++compared;
  }
  EXPECT_GT(compared, 0) << prefix;
  return worst;
}

void compare_stage(const std::string& stage, const std::string& more) {
  const fs::path folder = ESRGAN_TRAIN_CASES;
  const StateDict expected = read_weights(folder / (stage + ".safetensors"));
  const Recipe recipe =
      parse_recipe("name: torch\nnetwork_G: {nf: 16, nb: 2, gc: 8}\npath: {pretrain_model_G: " +
                       (folder / "generator.safetensors").string() + more,
                   "recipe of the test");
  at::set_num_threads(
      1);  // as in train_cases.py: sums in the same order, for relations this steep magnify any rounding
  const Ranks alone({}, torch::kCPU);
  const std::unique_ptr<Scheme> scheme = make_scheme(recipe, torch::kCPU, alone);
  const auto save = [&](Checkpoint& checkpoint) {
    for (TrainedNetwork* network : scheme->networks()) network->save(checkpoint);
  };
  std::map<std::string, double> worst;
  for (int step = 0; step < 10; ++step) {
    const Tensor& lr = expected.at("lr." + std::to_string(step));
    const Tensor& hr = expected.at("hr." + std::to_string(step));
    Batch batch;
    batch.count = static_cast<int>(hr.shape[0]);
    batch.add("hr", hr.shape).values = hr.values;
    batch.add("lr", lr.shape).values = lr.values;
    const auto losses = scheme->step(batch, step);
    for (const auto& [name, tensor] : expected.tensors)
      if (name.starts_with("loss."))
        worst[name] = std::max(
            worst[name], std::abs(losses.at(name.substr(5)) / tensor.values[static_cast<size_t>(step)] - 1));
    if (step > 0) continue;
    Checkpoint checkpoint;
    save(checkpoint);  // after the first step Adam's mean is a tenth of the gradient
    worst["gradients of G"] = compare_group(expected, "gradient", checkpoint.groups.at("generator.mean"), 10);
    if (scheme->networks().size() > 1)
      worst["gradients of D"] =
          compare_group(expected, "gradient_d", checkpoint.groups.at("discriminator.mean"), 10);
  }
  Checkpoint checkpoint;
  save(checkpoint);
  worst["G after 10 steps"] = compare_group(expected, "after", checkpoint.groups.at("generator"));
  if (scheme->networks().size() > 1)
    worst["D after 10 steps"] = compare_group(expected, "after_d", checkpoint.groups.at("discriminator"));
  for (const auto& [what, difference] : worst) {
    std::printf("%s, %s: %.1e\n", stage.c_str(), what.c_str(), difference);
    EXPECT_LE(difference, 1e-4) << stage << ", " << what;
  }
}

TEST(BesideTorch, PsnrStage) {
  compare_stage("psnr", "}\ndatasets: {train: {HR: none, batch_size: 3}}\n");
}

TEST(BesideTorch, GanStage) {
  const std::string folder = ESRGAN_TRAIN_CASES;
  compare_stage("gan", ", pretrain_model_D: " + folder + R"(/discriminator.safetensors}
network_D: {nf: 8}
datasets: {train: {HR: none, batch_size: 3}}
train:
  pixel_weight: 1e-2
  feature_weight: 1
  feature: {weights: )" + folder +
                           R"(/vgg.safetensors, layers: {conv1_2: 0.5, conv2_2: 1}}
  gan_weight: 5e-3
)");
}

// ---- runs ----

struct SmallRun {
  TemporaryFolder folder;
  std::string text;

  explicit SmallRun(const std::string& more = "",
                    const std::string& train = "niter: 12, ema: 0.9, grad_clip: 0.5, feature_weight: 0") {
    fs::create_directories(folder.path() / "pictures");
    for (int i = 0; i < 4; ++i)
      write_image(test::make_picture(40 + i, 44, 3), folder / ("pictures/p" + std::to_string(i) + ".png"));
    text = "name: run\nseed: 3\nthreads: 1\nnetwork_G: {nf: 8, nb: 1, gc: 4}\ndatasets: {train: {HR: " +
           (folder / "pictures") + ", batch_size: 2, HR_size: 32}, val: {own: {HR: " + (folder / "pictures") +
           "}}}\npath: {root: " + (folder / "runs") + "}\ntrain: {" + train + "}\n" + more;
  }
  fs::path run() const { return folder.path() / "runs" / "run"; }
  std::string metrics() const {  // without the columns that are times
    std::ifstream file(run() / "metrics.csv");
    std::string all, line;
    while (std::getline(file, line)) {
      for (int i = 0; i < 2; ++i) line.resize(line.rfind(','));
      all += line + "\n";
    }
    return all;
  }
};

constexpr const char* often = "logger: {print_freq: 2, save_checkpoint_freq: 3, val_freq: 6}\n";

TEST(Run, GoesOnAsIfNeverStopped) {
  for (const std::string& more :
       {std::string(), std::string("network_D: {which_model_D: discriminator_srgan, nf: 2}\n")}) {
    const SmallRun whole(more + often), stopped(more + often);
    train(parse_recipe(whole.text, "r"), {});
    Recipe first = parse_recipe(stopped.text, "r");
    first.steps = 7;
    train(first, {});
    // As after a kill: what came after the last checkpoint is lost, and a row is half written.
    fs::remove(checkpoint_name(stopped.run() / "checkpoints", 7));
    std::ofstream(stopped.run() / "metrics.csv", std::ios::app) << "8,0.12";
    EXPECT_NE(error_of([&] { train(parse_recipe(stopped.text, "r"), {}); }).find("holds a run already"),
              std::string::npos);
    train(parse_recipe(stopped.text, "r"), {RunOptions::Resume::yes, {}});
    EXPECT_EQ(whole.metrics(), stopped.metrics());
    EXPECT_EQ(test::read_bytes(whole.run() / "models/latest.safetensors"),
              test::read_bytes(stopped.run() / "models/latest.safetensors"));
    EXPECT_EQ(test::read_bytes(checkpoint_name(whole.run() / "checkpoints", 12)),
              test::read_bytes(checkpoint_name(stopped.run() / "checkpoints", 12)));
  }
}

TEST(Run, OfOneFolderIsOneAtATimeAndTellsWhatHasChanged) {
  const SmallRun run(often, "niter: 3, feature_weight: 0");
  train(parse_recipe(run.text, "r"), {});
  Recipe recipe = parse_recipe(run.text, "r", {"train.niter=6", "datasets.train.batch_size=1"});
  {
    const RunFolder held(run.run(), recipe.resolved, true);
    EXPECT_NE(error_of([&] {
                train(recipe, {RunOptions::Resume::yes, {}});
              }).find("another process trains there"),
              std::string::npos);
  }
  write_image(test::make_picture(50, 50, 3), run.folder / "pictures/q.png");
  EXPECT_TRUE(train(recipe, {RunOptions::Resume::yes, {}}));
  std::ifstream file(run.run() / "log.txt");
  const std::string log{std::istreambuf_iterator<char>(file), {}};
  for (const char* said : {"datasets.train.batch_size: 1 (was 2)", "train.niter: 6 (was 3)",
                           "the pictures are not those of before"})
    EXPECT_NE(log.find(said), std::string::npos) << said;
  EXPECT_TRUE(fs::exists(run.run() / "recipe.1.yml"));
  EXPECT_FALSE(fs::exists(run.run() / "recipe.2.yml"));
}

TEST(Run, PassesOverADamagedCheckpoint) {
  const SmallRun run(often);
  train(parse_recipe(run.text, "r"), {});
  const std::string expected = run.metrics();
  const fs::path last = checkpoint_name(run.run() / "checkpoints", 12);
  fs::resize_file(last, fs::file_size(last) / 2);
  train(parse_recipe(run.text, "r"), {RunOptions::Resume::yes, {}});
  EXPECT_EQ(run.metrics(), expected);
}

TEST(Run, StopsWithACheckpoint) {
  const SmallRun run(often);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(train(parse_recipe(run.text, "r"), {RunOptions::Resume::no, stop.get_token()}));
  EXPECT_EQ(list_checkpoints(run.run() / "checkpoints").rbegin()->first, 1);  // after the step at hand
}

TEST(Run, ReturnsToACheckpointFromLossesThatAreNotFinite) {
  const SmallRun run(often, "niter: 12, lr_G: 1e30");
  EXPECT_NE(error_of([&] { train(parse_recipe(run.text, "r"), {}); }).find("the losses are not finite"),
            std::string::npos);
  // The checkpoint that is left is a good one.
  EXPECT_TRUE(newest_checkpoint(run.run() / "checkpoints").has_value());
}

TEST(Run, AccumulatedPartsAreAsGoodAsTheWhole) {
  const SmallRun whole(often, "niter: 4"), parts(often, "niter: 4, accumulate: 2");
  train(parse_recipe(whole.text, "r"), {});
  train(parse_recipe(parts.text, "r"), {});
  const StateDict a = read_weights(whole.run() / "models/latest.safetensors");
  const StateDict b = read_weights(parts.run() / "models/latest.safetensors");
  for (const auto& [name, tensor] : a.tensors) EXPECT_LE(relative(tensor, b.at(name)), 1e-3) << name;
}

}  // namespace
}  // namespace esrgan::train
