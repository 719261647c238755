// Resizing, PSNR, SSIM, total variation.
#include <esrgan/error.h>

#include <cmath>

#include "device/device.h"
#include "image/denoise_tv.h"
#include "image/resize.h"
#include "metrics/features.h"
#include "metrics/flicker.h"
#include "metrics/metrics.h"
#include "metrics/naturalness.h"
#include "support.h"
#include "weights/read_weights.h"

namespace esrgan {
namespace {

class Measure : public test::RandomTest {
 protected:
  FloatImage noise(int width, int height, int channels) {
    FloatImage picture(width, height, channels);
    picture.pixels = reals(picture.pixels.size());
    return picture;
  }
};

TEST_F(Measure, BicubicWeightsAreThoseOfMatlab) {
  // imresize([1 2 ... 8], 0.5), computed by hand from the published formula: weights (-3 -9 29 111 111 29 -9
  // -3)/256, edge samples repeated; the first output is (4 * 111 + ... ) as below.
  FloatImage row(8, 1, 1);
  for (int i = 0; i < 8; ++i) row.at(i, 0, 0) = static_cast<float>(i + 1);
  const AxisWeights axis = make_axis(8, 4, 0.5, Filter::bicubic);
  ASSERT_EQ(axis.taps, 8);
  const double expected[] = {-3, -9, 29, 111, 111, 29, -9, -3};
  for (int t = 0; t < 8; ++t) EXPECT_NEAR(axis.weights[static_cast<size_t>(8 + t)] * 256, expected[t], 1e-9);
}

TEST_F(Measure, ResizingKeepsConstantsAndSizesFollowTheFormula) {
  for (const double scale : {0.25, 1 / 3.0, 0.5, 2.0, 3.0, 4.0}) {
    FloatImage flat(between(5, 40), between(5, 40), 3);
    for (float& value : flat.pixels) value = 0.3F;
    const FloatImage resized = resize_bicubic(flat, scale, SampleType::f32);
    EXPECT_EQ(resized.width, static_cast<int>(std::ceil(flat.width * scale)));
    EXPECT_EQ(resized.height, static_cast<int>(std::ceil(flat.height * scale)));
    for (const float value : resized.pixels) EXPECT_NEAR(value, 0.3F, 1e-6F);
  }
}

TEST_F(Measure, PsnrOfAKnownError) {
  FloatImage a(20, 20, 3), b(20, 20, 3);
  for (float& value : b.pixels) value = 2 / 255.0F;
  EXPECT_NEAR(compare(a, b, 2, MetricChannels::rgb).psnr, 10 * std::log10(255.0 * 255 / 4), 1e-4);
  // Y of a gray step of 2 levels is 2 * 219 / 255.
  EXPECT_NEAR(compare(a, b, 2, MetricChannels::y).psnr, 20 * std::log10(255 / (2 * 219 / 255.0)), 1e-4);
  const Quality same = compare(a, a, 0, MetricChannels::y);
  EXPECT_TRUE(std::isinf(same.psnr));
  EXPECT_NEAR(same.ssim, 1, 1e-12);
  EXPECT_THROW(compare(a, b, 5, MetricChannels::y), Error);
  EXPECT_THROW(compare(a, FloatImage(20, 21, 3), 0, MetricChannels::y), Error);
}

TEST_F(Measure, SsimByTheDefinition) {
  const FloatImage a = noise(14, 13, 1), b = noise(14, 13, 1);
  double expected = 0;
  double kernel[11];
  double norm = 0;
  for (int i = 0; i < 11; ++i) norm += kernel[i] = std::exp(-(i - 5) * (i - 5) / 4.5);
  for (int y = 0; y < 3; ++y)
    for (int x = 0; x < 4; ++x) {
      double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
      for (int j = 0; j < 11; ++j)
        for (int i = 0; i < 11; ++i) {
          const double w = kernel[i] * kernel[j] / (norm * norm);
          const double p = 255.0 * a.at(x + i, y + j, 0), q = 255.0 * b.at(x + i, y + j, 0);
          ma += w * p, mb += w * q, aa += w * p * p, bb += w * q * q, ab += w * p * q;
        }
      const double c1 = 2.55 * 2.55, c2 = 7.65 * 7.65;
      expected += (2 * ma * mb + c1) * (2 * (ab - ma * mb) + c2) /
                  ((ma * ma + mb * mb + c1) * (aa - ma * ma + bb - mb * mb + c2)) / 12;
    }
  EXPECT_NEAR(compare(a, b, 0, MetricChannels::y).ssim, expected, 1e-9);
}

TEST_F(Measure, TotalVariationFalls) {
  const auto variation = [](const FloatImage& p) {
    double sum = 0;
    for (int y = 0; y + 1 < p.height; ++y)
      for (int x = 0; x + 1 < p.width; ++x)
        for (int c = 0; c < p.channels; ++c)
          sum += std::hypot(p.at(x + 1, y, c) - p.at(x, y, c), p.at(x, y + 1, c) - p.at(x, y, c));
    return sum;
  };
  const FloatImage original = noise(40, 30, 3);
  double last = variation(original);
  for (const float weight : {0.02F, 0.1F, 0.5F}) {
    FloatImage smooth = original;
    denoise_tv(smooth, weight);
    EXPECT_LT(variation(smooth), 0.95 * last);
    last = variation(smooth);
    double mean = 0;
    for (size_t i = 0; i < smooth.pixels.size(); ++i) mean += smooth.pixels[i] - original.pixels[i];
    EXPECT_NEAR(mean / static_cast<double>(smooth.pixels.size()), 0, 1e-5);  // the mean is kept
  }
  FloatImage untouched = original;
  denoise_tv(untouched, 0);
  EXPECT_EQ(untouched.pixels, original.pixels);
}

TEST_F(Measure, ATwoPixelPictureIsDenoisedAsTheFormulaSays) {
  // Two pixels a distance d apart: the minimiser of sum (u - f)^2 / 2 + w * |u2 - u1| moves each by w towards
  // the other.
  FloatImage picture(2, 1, 1);
  picture.pixels = {0.2F, 0.9F};
  denoise_tv(picture, 0.1F, 1e-9, 20000);
  EXPECT_NEAR(picture.pixels[0], 0.3F, 1e-3F);
  EXPECT_NEAR(picture.pixels[1], 0.8F, 1e-3F);
}

const std::string cases = ESRGAN_MEASURE_CASES;

/// A picture of measures.safetensors.
FloatImage picture(const StateDict& state, const std::string& name) {
  const Tensor& tensor = state.at(name);
  FloatImage result(static_cast<int>(tensor.shape.at(1)), static_cast<int>(tensor.shape.at(0)), 3);
  result.pixels = tensor.values;
  return result;
}

TEST(Measures, OfFeaturesAndOfNatureAreThoseOfPyTorch) {
  const StateDict expected = read_weights(cases + "/measures.safetensors");
  const FloatImage fake = picture(expected, "fake"), target = picture(expected, "target");
  const auto value = [&](const char* name) { return static_cast<double>(expected.at(name).values.at(0)); };
  ThreadPool pool(2);
  const auto device = open_device("auto", pool);
  const std::string weights = cases + "/vgg16.safetensors";
  FeatureDistance distance(weights, cases + "/lpips.safetensors", *device);
  const PerceptualDistance found = distance.of(target, fake);
  EXPECT_NEAR(found.features / value("features"), 1, 1e-4);
  EXPECT_NEAR(found.lpips.value() / value("lpips"), 1, 1e-4);
  EXPECT_FALSE(FeatureDistance(weights, "", *device).of(target, fake).lpips.has_value());
  EXPECT_EQ(distance.of(target, target).features, 0);
  EXPECT_THROW(distance.of(target, FloatImage(210, 209, 3)), Error);
  EXPECT_THROW(distance.of(FloatImage(15, 40, 3), FloatImage(15, 40, 3)), Error);
  EXPECT_THROW(FeatureDistance(cases + "/lpips.safetensors", "", *device), Error);

  const NaturalStatistics natural = read_natural_statistics(cases + "/natural.safetensors");
  EXPECT_NEAR(naturalness(fake, natural) / value("naturalness"), 1, 2e-3);
  EXPECT_THROW(read_natural_statistics(weights), Error);
}

TEST_F(Measure, NaturalnessIsADistanceFromWhatItWasFittedTo) {
  // Of the same kind as what was fitted to, or of another kind.
  const auto smooth = [&] { return resize_bicubic(noise(100, 100, 3), 4, SampleType::f32); };
  NaturalnessFit fit;
  EXPECT_THROW(fit.statistics(), Error);
  fit.add(FloatImage(400, 400, 3));  // nothing in it
  fit.add(noise(95, 400, 3));        // too small
  EXPECT_EQ(fit.patches(), 0U);
  for (int i = 0; i < 6; ++i) fit.add(smooth());
  const NaturalStatistics statistics = fit.statistics();
  const double same = naturalness(smooth(), statistics), other = naturalness(noise(400, 400, 3), statistics);
  EXPECT_LT(same * 5, other);
  EXPECT_GT(naturalness(noise(200, 200, 1), usual_natural_statistics()), 10);
  EXPECT_THROW(naturalness(FloatImage(400, 400, 3), statistics), Error);
  EXPECT_THROW(naturalness(noise(95, 400, 3), statistics), Error);

  const test::TemporaryFolder folder;
  const std::string file = folder / "natural.safetensors";
  write_natural_statistics(statistics, file);
  const FloatImage judged = smooth();
  EXPECT_NEAR(naturalness(judged, read_natural_statistics(file)), naturalness(judged, statistics), 1e-2);
}

/// A texture that moves, cut out of a larger one; `noise`: what is added to a frame, where it lies still.
class MovingFilm {
 public:
  MovingFilm(std::vector<float> texture, int side) : texture_(std::move(texture)), side_(side) {}

  FloatImage frame(int x, int y, const std::vector<float>& noise = {}) const {
    constexpr int width = 96, height = 80;
    FloatImage picture(width, height, 1);
    for (int row = 0; row < height; ++row)
      for (int column = 0; column < width; ++column) {
        const auto place = static_cast<size_t>((y + row) * side_ + x + column);
        picture.at(column, row, 0) =
            texture_[place] + (noise.empty() ? 0 : noise[static_cast<size_t>(row * width + column)]);
      }
    return picture;
  }

 private:
  std::vector<float> texture_;
  int side_;
};

TEST_F(Measure, FlickerIsWhatChangesAlongTheMotion) {
  constexpr int side = 160;
  const MovingFilm film(reals(side * side), side);
  const auto noise = [&] { return reals(96 * 80, -10.0F / 255, 10.0F / 255); };
  const std::vector<float> still = noise();
  FlickerMeter same, fixed, fresh;
  EXPECT_FALSE(same.next(film.frame(40, 40), film.frame(40, 40)).has_value());
  fixed.next(film.frame(40, 40), film.frame(40, 40, still));
  fresh.next(film.frame(40, 40), film.frame(40, 40, noise()));
  int x = 40, y = 40;
  for (int i = 0; i < 3; ++i) {
    x += between(-5, 5);
    y += between(1, 5);
    // Blocks that were in view move to the pixel: nothing changes, and an error that moves along does not
    // flicker.
    const auto none = same.next(film.frame(x, y), film.frame(x, y));
    ASSERT_TRUE(none.has_value());
    EXPECT_EQ(none->truth, 0);
    EXPECT_EQ(none->film, 0);
    EXPECT_GT(none->share, 0.5);
    // What lies still on a film that moves changes as what is drawn anew: by the variance of two of them.
    const double expected = std::sqrt(2.0 / 3) * 10;
    EXPECT_NEAR(fixed.next(film.frame(x, y), film.frame(x, y, still))->film, expected, 0.5);
    EXPECT_NEAR(fresh.next(film.frame(x, y), film.frame(x, y, noise()))->film, expected, 0.5);
  }
  // Another shot has no motion, and neither have frames of another size.
  const MovingFilm other(reals(side * side), side);
  EXPECT_FALSE(same.next(other.frame(9, 9), other.frame(9, 9)).has_value());
  EXPECT_FALSE(same.next(FloatImage(40, 40, 1), FloatImage(40, 40, 1)).has_value());
}

}  // namespace
}  // namespace esrgan
