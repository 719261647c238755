// Noise that is measured and laid over again, and faded colours that are stretched.
#include <esrgan/upscaler.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "image/fading.h"
#include "image/grain.h"
#include "support.h"

namespace esrgan {
namespace {

using test::RandomTest;

class GrainTest : public RandomTest {
 protected:
  /// A smooth picture with shapes, and noise whose neighbours are alike: a mean over 2 x 2 white values.
  Image noisy(int width, int height, int channels, float sigma) {
    Image image = test::make_picture(width, height, channels, SampleType::f32);
    auto* pixel = image.data<float>();
    std::normal_distribution<float> normal;
    const auto across = static_cast<size_t>(width) + 1;
    std::vector<float> white(across * static_cast<size_t>(height + 1) * static_cast<size_t>(channels));
    for (float& value : white) value = normal(random_);
    const auto at = [&](int x, int y, int c) {
      return white[(static_cast<size_t>(y) * across + static_cast<size_t>(x)) *
                       static_cast<size_t>(channels) +
                   static_cast<size_t>(c)];
    };
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        for (int c = 0; c < channels; ++c) {
          const bool square = x / 96 % 2 == 1 && y / 96 % 2 == 1;
          const float shape =
              0.3F + 0.2F * static_cast<float>(x) / static_cast<float>(width) + (square ? 0.25F : 0.0F);
          *pixel++ =
              shape + sigma / 2 * (at(x, y, c) + at(x + 1, y, c) + at(x, y + 1, c) + at(x + 1, y + 1, c));
        }
    return image;
  }
};

double decibels(double found, double expected) {
  return 10 * std::log10(found / expected);
}

TEST_F(GrainTest, IsMeasuredWhateverThePictureShows) {
  for (const int channels : {1, 3}) {
    constexpr float sigma = 0.03F;
    const auto source = make_source(std::make_shared<Image>(noisy(1024, 768, channels, sigma)));
    const Grain grain = measure_grain(*source);
    ASSERT_EQ(grain.spectrum.components.size(), static_cast<size_t>(channels));
    ASSERT_GE(grain.places.size(), 4U);
    for (const auto& rings : grain.spectrum.components)
      for (size_t r = 2; r < 14; ++r) {
        // |mean of 2 x 2|^2 over a ring: along the axes cos^2(pi f).
        double expected = 0;
        constexpr int turns = 64;
        for (int turn = 0; turn < turns; ++turn) {
          const double angle = 2 * 3.14159265358979 * turn / turns, f = static_cast<double>(r) / grain_block;
          const double u = std::cos(3.14159265358979 * f * std::cos(angle)),
                       v = std::cos(3.14159265358979 * f * std::sin(angle));
          expected += 4.0 * static_cast<double>(sigma * sigma) * u * u * v * v / turns;
        }
        EXPECT_NEAR(decibels(rings.at(r), expected), 0, 1) << r;
      }
    for (const float strength : grain.by_tone) EXPECT_NEAR(strength, 1, 0.25F);
  }
}

/// What is laid over an even picture is what was measured; the same again in the same place.
TEST_F(GrainTest, IsLaidOverAsItWasMeasured) {
  for (const int channels : {1, 2, 3, 4}) {
    const int colours = channels >= 3 ? 3 : 1;
    const auto source = make_source(std::make_shared<Image>(noisy(1024, 768, colours, 0.02F)));
    const auto grain = std::make_shared<Grain>(measure_grain(*source));
    Image gray{source->info(), {}};
    gray.info.channels = channels;
    gray.samples.resize(gray.info.bytes());
    std::fill_n(gray.data<float>(), gray.samples.size() / sizeof(float), 0.5F);
    const auto laid_over = [&](int rows) {
      auto result = std::make_shared<Image>(Image{gray.info, {}});
      result->samples.resize(result->info.bytes());
      const auto sink = make_grain_sink(gray.info, grain, make_sink(*result));
      for (int y = 0; y < gray.info.height; y += rows)
        sink->write(gray.data<float>() + static_cast<size_t>(y) * gray.info.row_samples(),
                    std::min(rows, gray.info.height - y));
      sink->finish();
      return result;
    };
    const auto result = laid_over(64);
    EXPECT_EQ(laid_over(1)->samples, result->samples);
    const size_t alphas = gray.info.has_alpha() ? gray.info.row_samples() : 0;
    for (size_t i = static_cast<size_t>(channels) - 1; i < alphas; i += static_cast<size_t>(channels))
      ASSERT_EQ(result->data<float>()[i], 0.5F);
    const Grain found = measure_grain(*make_source(result));
    for (size_t c = 0; c < grain->spectrum.components.size(); ++c)
      for (size_t r = 2; r < 18; ++r)
        EXPECT_NEAR(decibels(found.spectrum.components[c].at(r), grain->spectrum.components[c].at(r)), 0, 1)
            << channels << ", component " << c << ", ring " << r;
  }
}

TEST_F(GrainTest, OfAPictureWithoutEvenPartsIsNotKnown) {
  Image white{{}, {}};
  white.info.width = white.info.height = 128;
  white.info.channels = 3;
  white.samples.resize(white.info.bytes(), std::byte{255});
  EXPECT_TRUE(measure_grain(*make_source(std::make_shared<Image>(white))).places.empty());
}

TEST_F(GrainTest, FadedColoursAreStretchedAndGrayStaysGray) {
  const auto unfaded = [](const Image& image, float strength) {
    auto source = make_source(std::make_shared<Image>(image));
    Levels levels = measure_levels(*source);
    source = make_unfaded_source(std::move(source), std::move(levels), strength);
    std::vector<float> pixels(image.samples.size() / sizeof(float));
    source->read(0, image.info.height, pixels.data());
    return pixels;
  };
  Image original = test::make_picture(120, 90, 3, SampleType::f32);
  std::ranges::copy(unfaded(original, 1), original.data<float>());  // so that it has all tones
  Image faded = original, gray = original;
  for (size_t i = 0; i < faded.samples.size() / sizeof(float); ++i) {
    const std::array<float, 3> black{0.25F, 0.2F, 0.1F}, white{0.9F, 0.8F, 0.6F};
    float& value = faded.data<float>()[i];
    value = black.at(i % 3) + (white.at(i % 3) - black.at(i % 3)) * value;
    gray.data<float>()[i] = 0.3F + 0.4F * original.data<float>()[i / 3 * 3];
  }
  const auto distance = [](const std::vector<float>& a, const Image& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += std::abs(static_cast<double>(a[i] - b.data<float>()[i]));
    return sum / static_cast<double>(a.size());
  };
  double last = distance(unfaded(faded, 0), original);
  EXPECT_EQ(distance(unfaded(faded, 0), faded), 0);
  for (const float strength : {0.5F, 1.0F}) {
    const double found = distance(unfaded(faded, strength), original);
    EXPECT_LT(found, 0.7 * last) << strength;
    last = found;
  }
  const std::vector<float> stretched = unfaded(gray, 1);
  for (size_t i = 0; i < stretched.size(); i += 3) {
    ASSERT_EQ(stretched[i], stretched[i + 1]);
    ASSERT_EQ(stretched[i], stretched[i + 2]);
  }
  EXPECT_GT(*std::max_element(stretched.begin(), stretched.end()), 0.99F);
  EXPECT_LT(*std::min_element(stretched.begin(), stretched.end()), 0.01F);
}

}  // namespace
}  // namespace esrgan
