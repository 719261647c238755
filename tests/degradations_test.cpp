// The operations of degradations: beside PyTorch and the formulas that BasicSR has published.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <sstream>

#include "support.h"
#include "train/data/degradations/codecs.h"
#include "train/data/degradations/degradation.h"
#include "train/data/degradations/filters.h"
#include "train/data/degradations/operations.h"
#include "train/data/mixture.h"
#include "weights/read_weights.h"

namespace esrgan::train {
namespace {

FloatImage picture_of(const Tensor& tensor) {
  FloatImage picture(static_cast<int>(tensor.shape.at(3)), static_cast<int>(tensor.shape.at(2)), 3);
  size_t next = 0;
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < picture.height; ++y)
      for (int x = 0; x < picture.width; ++x) picture.at(x, y, c) = tensor.values[next++];
  return picture;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    largest = std::max<double>(largest, std::abs(a[i] - b[i]));
  return largest;
}

/// The words of "KIND,NUMBER,..." after the name of what was done.
std::vector<std::string> parts_of(const std::string& name) {
  std::istringstream text(name.substr(name.find('.') + 1));
  std::vector<std::string> parts;
  for (std::string part; std::getline(text, part, ',');) parts.push_back(part);
  return parts;
}

BlurKernel kernel_of(const std::vector<std::string>& parts) {
  const auto number = [&](size_t i) { return std::stod(parts.at(i)); };
  const int size = std::stoi(parts.at(1));
  if (parts[0] == "sinc") return sinc_kernel(size, number(2));
  const std::map<std::string, BlurShape> shapes{{"gaussian", BlurShape::gaussian},
                                                {"generalised", BlurShape::generalised},
                                                {"plateau", BlurShape::plateau}};
  return blur_kernel(shapes.at(parts[0]), size, number(2), number(3), number(4), number(5));
}

TEST(Degradations, AreThePublishedOnes) {
  const StateDict expected =
      read_weights(std::string(ESRGAN_DEGRADATION_CASES) + "/degradations.safetensors");
  const FloatImage original = picture_of(expected.at("picture"));
  const std::map<std::string, Interpolation> filters{{"area", Interpolation::area},
                                                     {"bilinear", Interpolation::bilinear},
                                                     {"bicubic", Interpolation::bicubic}};
  std::map<std::string, double> worst;
  for (const auto& [name, tensor] : expected.tensors) {
    const std::string what = name.substr(0, name.find('.'));
    const std::vector<std::string> parts = parts_of(name);
    std::vector<float> found, wanted = tensor.values;
    if (what == "kernel") {
      found = kernel_of(parts).weights;
    } else if (what == "blurred") {
      found = blurred(original, kernel_of(parts)).pixels;
    } else if (what == "resized") {
      found = resized(original, std::stoi(parts.at(1)), std::stoi(parts.at(2)), filters.at(parts[0])).pixels;
    } else if (what == "sharp") {
      found = sharpen(original).pixels;
    } else {
      continue;
    }
    if (what != "kernel") wanted = picture_of(tensor).pixels;
    worst[what] = std::max(worst[what], largest_difference(wanted, found));
  }
  EXPECT_EQ(worst.size(), 4U);
  for (const auto& [what, difference] : worst) {
    std::printf("%s: %.1e\n", what.c_str(), difference);
    EXPECT_LE(difference, 2e-6) << what;
  }
}

/// An operation of a list, applied once.
FloatImage applied(const std::string& operation, const FloatImage& picture, uint64_t seed,
                   const DegradationGoal& goal = {16, 16}) {
  Settings settings = Settings::parse("{operations: [" + operation + "]}", "test");
  const DegradationChain chain(read_operations(settings, "operations"));
  settings.check();
  Random random{seed};
  FloatImage result = picture;
  chain.apply(result, goal, random);
  return result;
}

FloatImage flat(int side, float level) {
  FloatImage picture(side, side, 3);
  std::fill(picture.pixels.begin(), picture.pixels.end(), level);
  return picture;
}

TEST(Degradations, NoiseHasTheStrengthThatIsAskedFor) {
  const FloatImage grey = flat(64, 0.5F);
  for (const bool gray : {false, true}) {
    const std::string rest = std::string(", gray_noise_prob: ") + (gray ? "1" : "0") + "}";
    const auto deviation = [&](const FloatImage& found) {
      double sum = 0;
      for (const float value : found.pixels) sum += std::pow(static_cast<double>(value) - 0.5, 2);
      return std::sqrt(sum / static_cast<double>(found.pixels.size()));
    };
    const FloatImage gaussian =
        applied("{type: noise, gaussian_noise_prob: 1, noise_range: [20, 20]" + rest, grey, 1);
    EXPECT_NEAR(deviation(gaussian), 20 / 255.0, 0.003);
    // One value: one level, whose half is drawn with that mean and variance.
    const FloatImage poisson =
        applied("{type: noise, gaussian_noise_prob: 0, poisson_scale_range: [0.1, 0.1]" + rest, grey, 2);
    EXPECT_NEAR(deviation(poisson), 0.1 * std::sqrt(128 / 255.0), 0.005);
    for (const FloatImage* found : {&gaussian, &poisson})
      EXPECT_EQ(found->at(3, 4, 0) == found->at(3, 4, 1), gray);
  }
}

TEST(Degradations, HappenWithTheirProbability) {
  const FloatImage grey = flat(16, 0.5F);
  int changed = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed)
    changed +=
        applied("{type: fading, prob: 0.3, strength: [1, 1]}", grey, seed).pixels != grey.pixels ? 1 : 0;
  EXPECT_NEAR(changed, 300, 60);  // four standard deviations
}

TEST(Degradations, OfEveryKindKeepColoursInRangeAndTheSize) {
  const FloatImage original = to_float_image(test::make_picture(64, 48, 3));
  for (const DegradationKind& kind : degradation_kinds()) {
    const std::string type = kind.type;
    if (type == "video") continue;  // below
    const std::string groups =
        type == "any_order" ? ", groups: [{operations: [{type: blur}]}, {operations: [{type: jpeg}]}]" : "";
    FloatImage found = applied("{type: " + type + groups + "}", original, 5, {16, 12});
    clamp_to_range(found);
    EXPECT_TRUE(found.pixels != original.pixels) << type;
    if (type == "reduce") {
      EXPECT_EQ(found.width, 16);
      EXPECT_EQ(found.height, 12);
    } else if (type != "resize") {
      EXPECT_EQ(found.width, 64) << type;
      EXPECT_EQ(found.height, 48) << type;
    }
    EXPECT_EQ(applied("{type: " + type + groups + "}", original, 5, {16, 12}).pixels,
              applied("{type: " + type + groups + "}", original, 5, {16, 12}).pixels)
        << type;
  }
}

TEST(Degradations, GrayIsTheLumaAndHalftoneKeepsTones) {
  const FloatImage original = to_float_image(test::make_picture(64, 48, 3));
  const FloatImage gray = applied("{type: gray}", original, 3);
  for (size_t i = 0; i < gray.pixels.size(); i += 3) {
    ASSERT_EQ(gray.pixels[i], gray.pixels[i + 1]);
    ASSERT_EQ(gray.pixels[i], gray.pixels[i + 2]);
    ASSERT_NEAR(gray.pixels[i],
                0.299 * original.pixels[i] + 0.587 * original.pixels[i + 1] + 0.114 * original.pixels[i + 2],
                1e-3);
  }
  for (const float level : {0.0F, 0.1F, 0.3F, 0.5F, 0.8F, 1.0F})
    for (uint64_t seed = 0; seed < 5; ++seed) {
      const FloatImage printed = applied("{type: halftone, strength: [1, 1]}", flat(200, level), seed);
      const auto [least, most] = std::minmax_element(printed.pixels.begin(), printed.pixels.end());
      const double mean = std::accumulate(printed.pixels.begin(), printed.pixels.end(), 0.0) /
                          static_cast<double>(printed.pixels.size());
      EXPECT_NEAR(mean, level, 0.01) << seed;
      if (level == 0.5F) {
        EXPECT_GT(*most - *least, 0.7F) << seed;
      }
    }
}

TEST(Degradations, FiltersOfAnySizeKeepAFlatPicture) {
  const FloatImage grey = flat(40, 0.25F);
  for (const char* operation :
       {"{type: blur, sinc_prob: 0, kernel_range: [3, 41]}", "{type: defocus, radius: [0.5, 9]}",
        "{type: motion, length: [1, 30]}", "{type: sinc}",
        "{type: resize, filters: [lanczos, nearest, area]}", "{type: halation}",
        "{type: jpeg, jpeg_range: [95, 100]}", "{type: webp, webp_range: [95, 100]}"})
    for (uint64_t seed = 0; seed < 20; ++seed)
      for (const float value : applied(operation, grey, seed).pixels)
        ASSERT_NEAR(value, 0.25F, 0.006F) << operation << ", " << seed;
}

TEST(Degradations, ByFilmsCodecsGoThroughFFmpeg) {
  const FloatImage original = to_float_image(test::make_picture(50, 37, 3));
  const auto coded = [&](const char* codec, int quality) {
    const std::string q = std::to_string(quality);
    return applied(std::string("{type: video, codecs: ") + codec + ", crf_range: [" + q + ", " + q +
                       "], q_range: [" + q + ", " + q + "]}",
                   original, 1);
  };
  const auto distance = [&](const FloatImage& found) {
    double sum = 0;
    for (size_t i = 0; i < found.pixels.size(); ++i) sum += std::abs(found.pixels[i] - original.pixels[i]);
    return sum / static_cast<double>(found.pixels.size());
  };
  for (const char* codec : {"h264", "mpeg4", "mpeg2", "hevc"}) {
    try {
      const double fine = distance(coded(codec, 3)), coarse = distance(coded(codec, 28));
      EXPECT_LT(fine, 0.15) << codec;
      EXPECT_LT(fine, coarse) << codec;
    } catch (const Error& error) {
      // A build without FFmpeg's libraries, or an FFmpeg without the encoder, says so.
      EXPECT_EQ(error.kind(), ErrorKind::unsupported) << error.what();
      std::printf("%s: %s: SKIPPED\n", codec, error.what());
    }
  }
}

TEST(Mixture, IsItsFormulas) {
  const Patch small{4};
  std::vector<float> a(small.floats(), 1), b(small.floats(), 3);
  small.blend(b.data(), 0.25, a.data());
  for (const float value : a) EXPECT_FLOAT_EQ(value, 2.5F);
  const Rectangle part{1, 2, 2};
  small.copy_part(b.data(), part, a.data());
  int changed = 0;
  for (const float value : a) changed += value == 3 ? 1 : 0;
  EXPECT_EQ(changed, 3 * 2 * 2);
  EXPECT_EQ(a[2 * 4 + 1], 3);
  std::vector<float> large(Patch{8}.floats());
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<float>(i % 8 / 2);
  small.reduce_part(large.data(), 2, {0, 0, 4}, a.data());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_FLOAT_EQ(a[i], static_cast<float>(i % 4));
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Random random{seed};
    const Rectangle drawn = Rectangle::draw(16, random.uniform(), random);
    EXPECT_TRUE(drawn.left >= 0 && drawn.left + drawn.side <= 16 && drawn.top + drawn.side <= 16);
  }
}

}  // namespace
}  // namespace esrgan::train
