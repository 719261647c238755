// Training data and records, as far as they need no LibTorch: degradation, packs, sub-images, event files,
// reports, launchers.
#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <numeric>
#include <set>

#include "image/resize.h"
#include "support.h"
#include "train/data/clip_source.h"
#include "train/data/degradations/blur_kernels.h"
#include "train/data/degradations/codecs.h"
#include "train/data/degradations/degradation.h"
#include "train/data/degradations/filters.h"
#include "train/data/degrade.h"
#include "train/data/extract.h"
#include "train/data/mixture.h"
#include "train/data/patch_source.h"
#include "train/data/preview.h"
#include "train/data/task_source.h"
#include "train/data/unpaired_source.h"
#include "train/networks/loss_scale.h"
#include "train/run/chart.h"
#include "train/run/event_file.h"
#include "train/run/report.h"
#include "train/run/run_folder.h"

namespace esrgan::train {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;

FloatImage picture(int width, int height) {
  return to_float_image(test::make_picture(width, height, 3));
}

double mean(const FloatImage& image) {
  return std::accumulate(image.pixels.begin(), image.pixels.end(), 0.0) /
         static_cast<double>(image.pixels.size());
}

double difference(const FloatImage& a, const FloatImage& b) {
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i)
    sum += std::abs(static_cast<double>(a.pixels[i]) - static_cast<double>(b.pixels[i]));
  return sum / static_cast<double>(a.pixels.size());
}

// ---- degradation ----

/// A section `degradation`, written as YAML.
std::shared_ptr<const DegradationChain> degradation(const std::string& text) {
  Settings settings = Settings::parse(text, "test");
  const auto chain = read_degradation(settings);
  settings.check();
  return chain;
}

TEST(BlurKernel, IsItsFormula) {
  const auto at = [](const BlurKernel& k, int x, int y) {
    return static_cast<double>(k.weights[static_cast<size_t>((k.size / 2 + y) * k.size + k.size / 2 + x)]);
  };
  for (const BlurKernel& k : {blur_kernel(BlurShape::gaussian, 21, 2, 1, 0.7, 1),
                              blur_kernel(BlurShape::generalised, 15, 2, 2, 0, 0.6),
                              blur_kernel(BlurShape::plateau, 7, 1, 3, -1, 1.7), sinc_kernel(13, 1.5)}) {
    EXPECT_NEAR(std::accumulate(k.weights.begin(), k.weights.end(), 0.0), 1, 1e-5);
    EXPECT_NEAR(at(k, 2, 3), at(k, -2, -3), 1e-7);
  }
  const BlurKernel gaussian = blur_kernel(BlurShape::gaussian, 21, 2, 1, 0, 1);
  EXPECT_NEAR(at(gaussian, 2, 0) / at(gaussian, 0, 0), std::exp(-0.5), 1e-5);
  EXPECT_NEAR(at(gaussian, 0, 2) / at(gaussian, 0, 0), std::exp(-2.0), 1e-5);
  // A quarter turn exchanges the axes.
  EXPECT_NEAR(at(blur_kernel(BlurShape::gaussian, 21, 2, 1, std::acos(0.0), 1), 0, 2), at(gaussian, 2, 0),
              1e-7);
  const BlurKernel plateau = blur_kernel(BlurShape::plateau, 21, 2, 2, 0, 2);
  EXPECT_NEAR(at(plateau, 4, 0) / at(plateau, 0, 0), 1 / (1 + std::pow(4, 2)), 1e-5);
  // A low pass leaves what is slower than its cutoff alone and takes away what is faster.
  const BlurKernel sinc = sinc_kernel(21, 1.5);
  const auto response = [&](double frequency) {
    double sum = 0;
    for (int y = -10; y <= 10; ++y)
      for (int x = -10; x <= 10; ++x) sum += at(sinc, x, y) * std::cos(frequency * x);
    return sum;
  };
  EXPECT_NEAR(response(0.5), 1, 0.12);
  EXPECT_NEAR(response(2.6), 0, 0.12);
}

TEST(Degradation, IsAFunctionOfItsRandomNumbers) {
  const FloatImage original = picture(96, 80);
  const auto degraded = [&](uint64_t seed) {
    Random random{seed};
    return degradation("{}")->degrade(original, 4, random);
  };
  const FloatImage first = degraded(1);
  EXPECT_EQ(first.width, 24);
  EXPECT_EQ(first.height, 20);
  EXPECT_EQ(first.pixels, degraded(1).pixels);
  EXPECT_NE(first.pixels, degraded(2).pixels);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const FloatImage found = degraded(seed);
    EXPECT_NEAR(mean(found), mean(original), 0.06) << seed;
    for (const float value : found.pixels) {
      EXPECT_TRUE(value >= 0 && value <= 1) << seed;
      EXPECT_NEAR(static_cast<double>(value) * 255, std::round(static_cast<double>(value) * 255), 1e-4)
          << seed;
    }
  }
}

/// With so little of everything that only the reduction and the compression are left.
std::shared_ptr<const DegradationChain> only_compressed(int quality) {
  const std::string off =
      "{blur_prob: 0, resize_prob: [0, 0, 1], gaussian_noise_prob: 1, noise_range: [0, 0], jpeg_range: [";
  const std::string last = std::to_string(quality);
  return degradation("{first: " + off + "100, 100]}, second: " + off + last + ", " + last +
                     "]}, final_sinc_prob: 0}");
}

TEST(Degradation, WithEverythingOffOnlyReduces) {
  const auto chain = only_compressed(100);
  const FloatImage original = picture(96, 96), small = resize_bicubic(original, 0.25, SampleType::u8);
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Random random{seed};
    // Interpolation without antialiasing differs from the published bicubic by the picture's texture.
    EXPECT_LT(difference(chain->degrade(original, 4, random), small), 0.03) << seed;
  }
}

TEST(Degradation, CompressionIsCoarserWithLowerQuality) {
  const FloatImage original = picture(64, 48);
  const double fine = difference(original, through_jpeg(original, 95)),
               coarse = difference(original, through_jpeg(original, 20));
  EXPECT_LT(fine, coarse);
  EXPECT_LT(coarse, 0.1);
}

TEST(Degradation, SharpeningRaisesEdgesAndLeavesFlatPartsAlone) {
  FloatImage edge(160, 8, 3);
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 160; ++x)
      for (int c = 0; c < 3; ++c) edge.at(x, y, c) = x < 80 ? 0.3F : 0.7F;
  const FloatImage sharp = sharpen(edge);
  EXPECT_GT(sharp.at(80, 4, 0), 0.75F);
  EXPECT_LT(sharp.at(79, 4, 0), 0.25F);
  EXPECT_NEAR(sharp.at(2, 4, 0), 0.3F, 1e-3F);
  EXPECT_NEAR(sharp.at(157, 4, 0), 0.7F, 1e-3F);
}

TEST(Degrade, WholePicturesBySeedAndName) {
  DataRecipe recipe;
  recipe.scale = 2;
  const FloatImage large = picture(61, 40);
  EXPECT_EQ(degraded(large, recipe, 1, "a").pixels,
            resize_bicubic(crop_to_multiple(large, 2), 0.5, SampleType::u8).pixels);
  recipe.degradation = degradation("{type: operations, operations: [{type: noise}]}");
  const FloatImage first = degraded(large, recipe, 1, "a");
  EXPECT_EQ(std::pair(first.width, first.height), std::pair(30, 20));
  EXPECT_EQ(degraded(large, recipe, 1, "a").pixels, first.pixels);
  EXPECT_NE(degraded(large, recipe, 1, "b").pixels, first.pixels);
  EXPECT_NE(degraded(large, recipe, 2, "a").pixels, first.pixels);
}

// ---- sources ----

struct Pictures {
  TemporaryFolder folder;
  DataRecipe data;
  explicit Pictures(int count, int side = 40) {
    for (int i = 0; i < count; ++i) {
      Image made = test::make_picture(side + 4 * i, side + 4, 3);
      made.data<uint8_t>()[0] = static_cast<uint8_t>(i);
      write_image(made, folder / ("p" + std::to_string(i) + ".png"));
    }
    data.sources = {{folder.path().string(), "", 1, ""}};
    data.batch_size = 4;
    data.hr_size = 32;
    data.seed = 1;
  }
};

TEST(Batches, WithDegradationAreAFunctionOfSeedAndStep) {
  Pictures pictures(3);
  pictures.data.degradation = degradation("{}");
  pictures.data.sharpen = true;
  const PatchSource source(pictures.data), again(pictures.data);
  const Batch batch = source.make(2, 0, 4);
  EXPECT_EQ(batch.at("lr").values, again.make(2, 0, 4).at("lr").values);
  EXPECT_EQ(batch.at("sharp").shape, batch.at("hr").shape);
  EXPECT_NE(batch.at("sharp").values, batch.at("hr").values);
  pictures.data.sharpen = false;
  EXPECT_FALSE(PatchSource(pictures.data).make(2, 0, 4).has("sharp"));
}

TEST(Batches, DegradedPatchesLieWhereTheLargeOnesDo) {
  Pictures pictures(3);
  pictures.data.degradation = only_compressed(100);
  const PatchSource source(pictures.data);
  for (int step = 0; step < 20; ++step) {
    const Batch batch = source.make(step, 0, 4);
    const std::vector<float>&hr = batch.at("hr").values, &lr = batch.at("lr").values;
    double apart = 0, mirrored = 0;
    for (int i = 0; i < 4 * 3; ++i)
      for (int y = 0; y < 8; ++y)
        for (int x = 0; x < 8; ++x) {
          float mean = 0;
          for (int k = 0; k < 16; ++k)
            mean += hr[static_cast<size_t>((i * 32 + 4 * y + k / 4) * 32 + 4 * x + k % 4)] / 16;
          apart += std::abs(mean - lr[static_cast<size_t>((i * 8 + y) * 8 + x)]);
          mirrored += std::abs(mean - lr[static_cast<size_t>((i * 8 + y) * 8 + 7 - x)]);
        }
    EXPECT_LT(apart / (4 * 3 * 64), 0.04) << step;
    EXPECT_GT(mirrored, 1.3 * apart) << step;
  }
}

TEST(Batches, TheCompressionsBlocksLieAnywhereOnThePatch) {
  // A ramp so flat that every block of 8 pixels becomes one colour: steps are only where blocks meet.
  const TemporaryFolder folder;
  Image ramp;
  ramp.info.width = ramp.info.height = 800;
  ramp.info.channels = 3;
  for (int y = 0; y < 800; ++y)
    for (int x = 0; x < 800; ++x)
      for (int c = 0; c < 3; ++c) ramp.samples.push_back(static_cast<std::byte>(x / 4));
  write_image(ramp, folder / "ramp.png");
  DataRecipe data;
  data.sources = {{folder.path().string(), "", 1, ""}};
  data.batch_size = 1000;
  data.hr_size = 128;
  data.flip = data.rotate = false;
  data.degradation = only_compressed(5);
  const Batch batch = PatchSource(data).make(0, 0, data.batch_size);
  std::array<int, 8> found{};
  for (int i = 0; i < data.batch_size; ++i) {
    std::array<double, 8> steps{};
    for (int y = 0; y < 32; ++y)
      for (int x = 1; x < 32; ++x) {
        const float* at = batch.at("lr").sample(i) + y * 32 + x;
        steps[static_cast<size_t>(x % 8)] += std::abs(at[0] - at[-1]);
      }
    ++found[static_cast<size_t>(std::max_element(steps.begin(), steps.end()) - steps.begin())];
  }
  // Chi-squared with 7 degrees of freedom is beyond 29.9 once in ten thousand.
  double chi = 0;
  for (const int count : found) chi += (count - 125.0) * (count - 125.0) / 125;
  EXPECT_LT(chi, 29.9) << ::testing::PrintToString(found);
}

TEST(Poisson, HasItsMeanAndVariance) {
  for (const double mean : {0.0, 0.4, 3.0, 9.9, 10.0, 40.0, 256.0}) {
    Random random{7, static_cast<uint64_t>(10 * mean)};
    const Poisson draw(mean);
    constexpr int count = 200'000;
    double sum = 0, squares = 0;
    for (int i = 0; i < count; ++i) {
      const double value = draw(random);
      sum += value;
      squares += (value - mean) * (value - mean);
    }
    EXPECT_NEAR(sum / count, mean, 5 * std::sqrt(mean / count)) << mean;
    EXPECT_NEAR(squares / count, mean, 0.03 * mean + 1e-9) << mean;
  }
}

TEST(Pack, GivesTheSamePatches) {
  Pictures pictures(5);
  test::write_bytes(pictures.folder / "p1.png", {1, 2, 3});  // cannot be read
  const TemporaryFolder packs;
  DataRecipe packed = pictures.data;
  packed.pack_folder = packs.path().string();
  const Batch expected = PatchSource(pictures.data).make(3, 0, 4);
  for (int round = 0; round < 2; ++round) {  // made, then found
    const Batch found = PatchSource(packed).make(3, 0, 4);
    EXPECT_EQ(found.at("hr").values, expected.at("hr").values);
    EXPECT_EQ(found.at("lr").values, expected.at("lr").values);
    EXPECT_EQ(packs.files(), 1U);
  }
  // A changed set gets a pack of its own.
  write_image(test::make_picture(50, 44, 3), pictures.folder / "p1.png");
  EXPECT_EQ(PatchSource(packed).make(3, 0, 4).at("hr").values,
            PatchSource(pictures.data).make(3, 0, 4).at("hr").values);
  EXPECT_EQ(packs.files(), 2U);
  for (const auto& entry : fs::directory_iterator(packs.path()))
    fs::resize_file(entry.path(), fs::file_size(entry.path()) / 2);
  EXPECT_THROW(PatchSource{packed}, Error);
}

TEST(SubImages, CoverThePictureAndEndAtItsEdge) {
  EXPECT_EQ(sub_image_places(480, {480, 240, 1, 0}), std::vector<int>{0});
  EXPECT_EQ(sub_image_places(300, {480, 240, 1, 0}), std::vector<int>{0});
  EXPECT_EQ(sub_image_places(1000, {480, 240, 1, 0}), (std::vector<int>{0, 240, 480, 520}));
  EXPECT_EQ(sub_image_places(960, {480, 240, 1, 0}), (std::vector<int>{0, 240, 480}));
}

TEST(SubImages, FitTogetherThoughTheLargePictureIsNoMultiple) {
  // 483 pixels are cropped to 480, as 120 small ones are enlarged.
  const TemporaryFolder large, small, to;
  write_image(test::make_picture(83, 80, 3), large / "1.png");
  write_image(test::make_picture(20, 20, 3), small / "1x4.png");
  const std::stop_token stop;
  EXPECT_EQ(extract_sub_images(large.path(), to.path() / "HR", {80, 40, 4, 1}, stop).sub_images, 1U);
  EXPECT_EQ(extract_sub_images(small.path(), to.path() / "X4", {20, 10, 1, 1}, stop).sub_images, 1U);
  EXPECT_EQ(load_pair(list_pairs({to / "HR", to / "X4", 1, ""}, 4).at(0), 4).hr.width, 80);
}

TEST(SubImages, OfTwoSizesDoNotMixInAFolder) {
  const TemporaryFolder from, to;
  write_image(test::make_picture(30, 24, 3), from / "1.png");
  const std::stop_token stop;
  extract_sub_images(from.path(), to.path(), {20, 10, 1, 1}, stop);
  EXPECT_NE(test::error_of([&] {
              extract_sub_images(from.path(), to.path(), {16, 10, 1, 1}, stop);
            }).find("found --size 20 --step 10"),
            std::string::npos);
}

TEST(Pictures, AreFoundBehindLinksToo) {
  const TemporaryFolder data, elsewhere;
  write_image(test::make_picture(8, 8, 3), elsewhere / "1.png");
  fs::create_directory_symlink(elsewhere.path(), data.path() / "link");
  fs::create_directory_symlink(data.path(), elsewhere.path() / "back");
  EXPECT_EQ(pictures_in(data.path()).size(), 1U);
}

TEST(SubImages, OfTwoPicturesDoNotShareAName) {
  const TemporaryFolder from, to;
  fs::create_directories(from.path() / "a");
  for (const char* name : {"1.png", "a/1.png"}) write_image(test::make_picture(20, 20, 3), from / name);
  const std::stop_token stop;
  EXPECT_THROW(extract_sub_images(from.path(), to.path(), {20, 10, 1, 1}, stop), Error);
}

TEST(SubImages, AreNamedAsInDiv2k) {
  const TemporaryFolder from, to;
  const Image whole = test::make_picture(30, 24, 3);
  write_image(whole, from / "0001x4.png");
  test::write_bytes(from / "broken.png", {1});
  const std::stop_token stop;
  const ExtractResult result = extract_sub_images(from.path(), to.path(), {20, 10, 1, 2}, stop);
  EXPECT_EQ(result.sub_images, 4U);
  EXPECT_EQ(result.failed, 1U);
  const Image last = read_image(to / "0001_s004.png");
  EXPECT_EQ(last.info.width, 20);
  EXPECT_EQ(std::memcmp(last.samples.data(), whole.samples.data() + (4 * 30 + 10) * 3, 60), 0);
  EXPECT_EQ(extract_sub_images(from.path(), to.path(), {20, 10, 1, 2}, stop).skipped, 4U);
}

// ---- clips ----

/// A folder of frames of one level each, and samples of them.
class Film {
 public:
  explicit Film(const std::vector<int>& levels) {
    for (size_t i = 0; i < levels.size(); ++i) {
      Image frame = test::make_picture(48, 40, 3);
      std::fill(frame.samples.begin(), frame.samples.end(), static_cast<std::byte>(levels[i]));
      write_image(frame, folder / ("frame" + std::to_string(100 + i) + ".png"));
    }
    data.scale = 4;
    data.hr_size = 32;
    data.batch_size = 64;
    data.window = 5;
    data.clips = {{}};
    data.clips[0].frames = folder.path().string();
  }

  /// The levels of the windows of many samples.
  std::vector<std::vector<int>> windows() const {
    const Batch batch = ClipSource(data).make(0, 0, data.batch_size);
    std::vector<std::vector<int>> found;
    for (int i = 0; i < batch.count; ++i) {
      const float* const small = batch.at("lr").sample(i);
      found.emplace_back();
      for (int frame = 0; frame < data.window; ++frame)
        found.back().push_back(static_cast<int>(std::lround(255 * small[frame * 3 * 8 * 8])));
      EXPECT_EQ(std::lround(255 * *batch.at("hr").sample(i)),
                found.back()[static_cast<size_t>(data.window / 2)]);
    }
    return found;
  }

  TemporaryFolder folder;
  DataRecipe data;
};

TEST(Clips, FramesFollowEachOtherAndEndWithTheFilm) {
  const Film film({10, 12, 14, 16, 18, 20});
  std::set<std::vector<int>> expected;
  for (int middle = 0; middle < 6; ++middle) {
    std::vector<int> window;
    for (int i = middle - 2; i <= middle + 2; ++i) window.push_back(10 + 2 * std::clamp(i, 0, 5));
    expected.insert(window);
    expected.insert({window.rbegin(), window.rend()});
  }
  std::set<std::vector<int>> found;
  for (const auto& window : film.windows()) found.insert(window);
  EXPECT_EQ(found, expected);
}

TEST(Clips, ShotsDoNotMix) {
  const Film film({10, 12, 14, 200, 202, 204});
  for (const auto& window : film.windows())
    EXPECT_EQ(*std::min_element(window.begin(), window.end()) > 100,
              *std::max_element(window.begin(), window.end()) > 100);
}

TEST(Clips, APartOfThem) {
  Film film({10, 12, 14, 16, 18, 20});
  film.data.clips[0].first = 2;
  film.data.clips[0].count = 2;
  for (const auto& window : film.windows())
    for (const int level : window) EXPECT_TRUE(level == 14 || level == 16) << level;
  film.data.clips[0].first = 6;
  EXPECT_NE(test::error_of([&] { ClipSource source(film.data); }).find("no such frames"), std::string::npos);
}

TEST(Clips, AreAFunctionOfSeedAndStep) {
  const Pictures pictures(3);
  DataRecipe data = pictures.data;
  data.window = 5;
  data.clips = {{}};
  data.clips[0].pictures = pictures.folder.path().string();
  data.clips[0].motion = 1;
  const ClipSource source(data), again(data);
  const Batch batch = source.make(3, 0, 4), part = again.make(3, 2, 2);
  const BatchArray& small = batch.at("lr");
  EXPECT_EQ(small.shape[1], 15);
  EXPECT_TRUE(std::equal(part.at("lr").values.begin(), part.at("lr").values.end(),
                         small.values.begin() + static_cast<ptrdiff_t>(2 * small.sample_size())));
  // The middle one is the large patch reduced; a film that rests has one picture.
  data.clips[0].motion = 0;
  const Batch still = ClipSource(data).make(0, 0, 4);
  for (int i = 0; i < 4; ++i) {
    const float* const frames = still.at("lr").sample(i);
    const size_t size = still.at("lr").sample_size() / 5;
    for (size_t frame = 1; frame < 5; ++frame)
      EXPECT_TRUE(std::equal(frames, frames + size, frames + frame * size));
  }
}

TEST(Clips, AreDegradedAlikeButForNoise) {
  const std::vector<FloatImage> still(5, picture(64, 64));
  const auto degraded = [&](const std::string& operations) {
    Random random{5, 6};
    return degradation("{type: operations, operations: [" + operations + "]}")
        ->degrade_clip(still, 4, random);
  };
  const auto same = degraded(
      "{type: blur}, {type: resize}, {type: jpeg}, {type: any_order, groups: [{operations: "
      "[{type: jpeg}]}, {operations: [{type: blur}]}]}");
  for (const FloatImage& frame : same) {
    EXPECT_EQ(frame.width, 16);
    EXPECT_EQ(frame.pixels, same[0].pixels);
  }
  // What comes after the noise is drawn alike for all frames again.
  const auto noisy =
      degraded("{type: noise, noise_range: [3, 3], gaussian_noise_prob: 1}, {type: resize}, {type: blur}");
  EXPECT_NE(noisy[0].pixels, noisy[1].pixels);
  for (size_t i = 1; i < noisy.size(); ++i) EXPECT_LT(difference(noisy[i], noisy[0]), 0.02);
}

TEST(Unpaired, SmallPatchesAreTheFoldersOwnAndHaveNothingToDoWithTheLargeOnes) {
  const Pictures pictures(3);
  const Film film({50, 52, 54});
  DataRecipe data = pictures.data;
  data.sources.push_back(data.sources.front());
  data.sources.back().hr = film.folder.path().string();
  const UnpairedSource source(data);
  EXPECT_EQ(source.pictures(), 6U);
  const Batch batch = source.make(0, 0, 4), again = source.make(0, 2, 2);
  const std::vector<int64_t> small{4, 3, 8, 8}, large{4, 3, 32, 32};
  EXPECT_EQ(batch.at("lr").shape, small);
  EXPECT_EQ(batch.at("hr").shape, large);
  for (const float value : batch.at("lr").values) {
    const long level = std::lround(255 * value);
    EXPECT_TRUE(level == 50 || level == 52 || level == 54) << level;
  }
  EXPECT_TRUE(std::equal(again.at("lr").values.begin(), again.at("lr").values.end(),
                         batch.at("lr").values.begin() + 2 * 3 * 8 * 8));
  EXPECT_EQ(batch.at("hr").values, PatchSource(pictures.data).make(0, 0, 4).at("hr").values);
}

TEST(Tasks, DamageIsWhatTheNetworkIsTold) {
  Pictures pictures(3, 120);
  DataRecipe& data = pictures.data;
  data.batch_size = 8;
  data.tasks.noise = 40;
  data.tasks.blur = 1.5;
  const TaskSource source(data);
  const Batch batch = source.make(3, 0, 8);
  const int side = data.hr_size / data.scale;
  const auto plane = static_cast<size_t>(side) * static_cast<size_t>(side);
  EXPECT_EQ(batch.at("lr").shape, (std::vector<int64_t>{8, 5, side, side}));
  EXPECT_EQ(batch.at("restored").shape, (std::vector<int64_t>{8, 3, side, side}));
  for (int i = 0; i < 8; ++i) {
    const float *lr = batch.at("lr").sample(i), *clean = batch.at("restored").sample(i);
    const float denoise = lr[3 * plane], deblur = lr[4 * plane];
    for (size_t p = 0; p < plane; ++p) {
      ASSERT_EQ(lr[3 * plane + p], denoise);
      ASSERT_EQ(lr[4 * plane + p], deblur);
    }
    double square = 0;
    for (size_t p = 0; p < 3 * plane; ++p)
      square += static_cast<double>(lr[p] - clean[p]) * static_cast<double>(lr[p] - clean[p]);
    if (denoise == 0 && deblur == 0) {
      EXPECT_EQ(square, 0);
    }
    // Noise in the range's middle is as told; at its ends it is cut off.
    if (denoise > 0 && deblur == 0) {
      EXPECT_LT(std::sqrt(square / static_cast<double>(3 * plane)), 1.2 * 40 / 255 * denoise + 0.002);
      EXPECT_GT(std::sqrt(square / static_cast<double>(3 * plane)), 0.4 * 40 / 255 * denoise);
    }
  }
  EXPECT_EQ(source.make(3, 2, 1).at("lr").values,
            std::vector<float>(batch.at("lr").sample(2), batch.at("lr").sample(3)));
  FloatImage gray(40, 40, 3);
  std::fill(gray.pixels.begin(), gray.pixels.end(), 0.5F);
  Random random{test::seed()};
  const FloatImage noisy = damaged(gray, data.tasks, {0.5F, 0}, random);
  double square = 0;
  for (const float value : noisy.pixels) square += std::pow(255 * (static_cast<double>(value) - 0.5), 2);
  EXPECT_NEAR(std::sqrt(square / static_cast<double>(noisy.pixels.size())), 20, 1.2);
  for (const float value : damaged(gray, data.tasks, {0, 1}, random).pixels) EXPECT_NEAR(value, 0.5F, 0.003F);
}

TEST(Degradation, WhatIsCommonIsInBothPictures) {
  Pictures pictures(3);
  pictures.data.degradation = degradation("{}");
  pictures.data.common = std::make_shared<DegradationChain>([] {
    Settings settings = Settings::parse("operations: [{type: gray}]", "test");
    return read_operations(settings, "operations");
  }());
  const Batch batch = PatchSource(pictures.data).make(0, 0, 2);
  const auto plane = static_cast<size_t>(pictures.data.hr_size) * static_cast<size_t>(pictures.data.hr_size);
  for (int i = 0; i < 2; ++i)
    for (size_t p = 0; p < plane; ++p) {
      ASSERT_EQ(batch.at("hr").sample(i)[p], batch.at("hr").sample(i)[plane + p]);
      ASSERT_EQ(batch.at("hr").sample(i)[p], batch.at("hr").sample(i)[2 * plane + p]);
    }
}

TEST(Preview, ShowsEverySample) {
  Pictures pictures(3);
  pictures.data.open = [](const DataRecipe& recipe, int sharing) {
    return std::make_unique<PatchSource>(recipe, sharing);
  };
  const Image sheet = contact_sheet(pictures.data, 6);
  const Batch batch = PatchSource(pictures.data).make(0, 0, 4);
  // The first large patch lies beside the first small one.
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 32; ++x)
      EXPECT_EQ(
          sheet.data<uint8_t>()[3 * (y * sheet.info.width + 36 + x)],
          static_cast<uint8_t>(std::lround(batch.at("hr").values[static_cast<size_t>(y * 32 + x)] * 255)));
}

// ---- records ----

TEST(EventFile, HasThePublishedChecksum) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);            // the check value of CRC-32/ISCSI
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);  // RFC 3720, B.4
}

TEST(EventFile, IsASequenceOfWholeRecords) {
  const TemporaryFolder folder;
  {
    EventFile events(folder.path(), 10);
    events.scalar("losses/g_total", 12, 0.25);
    events.image("samples/Set5", 12, 2, 1, {1, 2, 3});
  }
  const auto entry = *fs::directory_iterator(folder.path());
  EXPECT_TRUE(entry.path().filename().string().starts_with("events.out.tfevents."));
  const auto bytes = test::read_bytes(entry.path().string());
  size_t records = 0, place = 0;
  std::string all(bytes.begin(), bytes.end());
  while (place + 12 <= all.size()) {
    uint64_t length = 0;
    std::memcpy(&length, all.data() + place, 8);
    const auto sum = [&](size_t at, size_t count) {
      const uint32_t crc = crc32c(all.substr(at, count));
      return ((crc >> 15U) | (crc << 17U)) + 0xA282EAD8U;
    };
    uint32_t found = 0;
    std::memcpy(&found, all.data() + place + 8, 4);
    EXPECT_EQ(found, sum(place, 8));
    ASSERT_LE(place + 16 + length, all.size());
    std::memcpy(&found, all.data() + place + 12 + length, 4);
    EXPECT_EQ(found, sum(place + 12, length));
    place += 16 + length;
    ++records;
  }
  EXPECT_EQ(place, all.size());
  EXPECT_EQ(records, 4U);  // version, start of a session, scalar, image
  EXPECT_NE(all.find("brain.Event:2"), std::string::npos);
  EXPECT_NE(all.find(std::string("\x0A\x0Elosses/g_total\x15\x00\x00\x80\x3E", 21)), std::string::npos);
}

TEST(CsvLog, DropsRowsThatAreToBeDoneAgain) {
  const TemporaryFolder folder;
  CsvLog log(folder / "t.csv", {"loss"});
  log.start_after(0);
  for (int step = 1; step <= 4; ++step) log.add(step, {"1"});
  for (int round = 0; round < 2; ++round) {
    log.start_after(2);
    log.add(3, {"2"});
  }
  const CsvTable table = read_csv(folder / "t.csv");
  EXPECT_EQ(table.rows, (std::vector<std::vector<std::string>>{{"1", "1"}, {"2", "1"}, {"3", "2"}}));
}

TEST(Report, NeedsNothingElse) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "samples");
  write_text(
      folder / "metrics.csv",
      "step,g_total,g_norm,rate,seconds_per_step,data_share\n1,0.5,1,0.1,0.2,0\n2,0.4,1,0.1,0.2,0\n3,0.");
  write_text(folder / "validation.csv",
             "step,set,psnr,ssim,bicubic_psnr,bicubic_ssim\n2,Set<5>,30,0.9,28,0.8\n");
  write_text(folder / "recipe.yml", "name: a & b\n");
  write_image(test::make_picture(8, 4, 3), folder / "samples/Set_step_00000002.png");
  write_report(folder.path(), "a run");
  const auto bytes = test::read_bytes(folder / "report.html");
  const std::string html(bytes.begin(), bytes.end());
  for (const char* expected :
       {"<polyline", "Set&lt;5&gt;", "name: a &amp; b", "data:image/png;base64,iVBOR", "</html>"})
    EXPECT_NE(html.find(expected), std::string::npos) << expected;
  EXPECT_EQ(html.find("src=\"http"), std::string::npos);
}

TEST(Chart, LeavesOutWhatIsNotFinite) {
  const std::string svg = line_chart("t", {{"a", {{0, 1}, {1, NAN}, {2, INFINITY}, {3, 2}}}}, true);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
  EXPECT_EQ(line_chart("t", {{"a", {}}}, false), "");
  EXPECT_NE(bar_chart("t", {{"x", 1}, {"y", 0}}).find("<rect"), std::string::npos);
}

// ---- loss scale ----

TEST(LossScale, HalvesAfterOverflowAndGrowsAfterManyGoodSteps) {
  LossScale scale(true);
  EXPECT_EQ(scale.factor(), 65536);
  EXPECT_FALSE(scale.accept(false));
  EXPECT_EQ(scale.factor(), 32768);
  for (int step = 0; step < 1999; ++step) EXPECT_TRUE(scale.accept(true));
  EXPECT_EQ(scale.factor(), 32768);
  scale.accept(true);
  EXPECT_EQ(scale.factor(), 65536);
  EXPECT_TRUE(scale.can_fall());
  for (int step = 0; step < 100; ++step) scale.accept(false);
  EXPECT_GT(scale.factor(), 0);
  EXPECT_FALSE(scale.can_fall()) << "it is not the precision";
  LossScale off(false);
  EXPECT_TRUE(off.accept(false));
  EXPECT_FALSE(off.can_fall());
  EXPECT_EQ(off.factor(), 1);
}

TEST(LossScale, ARunThatHadNoneStartsWithTheUsualOne) {
  const LossScale off(false);
  LossScale scale(true);
  scale.restore(off.saved_factor(), 0);
  EXPECT_EQ(scale.factor(), 65536);
  scale.restore(1024, 7);
  EXPECT_EQ(scale.factor(), 1024);
  EXPECT_EQ(scale.finite_steps(), 7);
  LossScale full(false);
  full.restore(1024, 7);
  EXPECT_EQ(full.factor(), 1);
}

}  // namespace
}  // namespace esrgan::train
