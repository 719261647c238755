// Noise of sensors and of film.
#include <algorithm>
#include <array>
#include <cmath>

#include "train/data/degradations/operations.h"

namespace esrgan::train {
namespace {

float luma(const FloatImage& picture, size_t pixel) {
  const float* p = picture.pixels.data() + 3 * pixel;
  return 0.2989F * p[0] + 0.587F * p[1] + 0.114F * p[2];
}

void add_gaussian_noise(FloatImage& picture, double sigma, bool gray, Random& random) {
  for (size_t pixel = 0; pixel < picture.pixels.size() / 3; ++pixel) {
    double noise = random.normal();
    for (size_t c = 0; c < 3; ++c) {
      if (c > 0 && !gray) noise = random.normal();
      picture.pixels[3 * pixel + c] += static_cast<float>(sigma / 255 * noise);
    }
  }
}

/// Shot noise of as many levels as the picture, rounded to 8 bits, has values, times `scale`.
void add_poisson_noise(FloatImage& picture, double scale, bool gray, Random& random) {
  const auto level_of = [](float value) {
    return static_cast<uint8_t>(std::lround(255 * std::clamp(value, 0.0F, 1.0F)));
  };
  std::vector<uint8_t> signal(picture.pixels.size() / (gray ? 3 : 1));
  std::array<bool, 256> seen{};
  for (size_t i = 0; i < signal.size(); ++i) {
    signal[i] = level_of(gray ? luma(picture, i) : picture.pixels[i]);
    seen[signal[i]] = true;
  }
  const auto different = static_cast<double>(std::count(seen.begin(), seen.end(), true));
  const double levels = std::exp2(std::ceil(std::log2(different)));
  std::vector<Poisson> draws;
  draws.reserve(seen.size());
  for (int level = 0; level < 256; ++level) draws.emplace_back(level / 255.0 * levels);
  float noise = 0;
  for (size_t i = 0; i < picture.pixels.size(); ++i) {
    if (!gray || i % 3 == 0) {
      const uint8_t level = signal[gray ? i / 3 : i];
      noise = static_cast<float>((draws[level](random) / levels - level / 255.0) * scale);
    }
    picture.pixels[i] += noise;
  }
}

class Noise : public Degradation {
 public:
  explicit Noise(const NoiseRecipe& recipe) : recipe_(recipe) {}

  void apply(FloatImage& picture, const DegradationGoal& /*goal*/, Random& random) const override {
    const bool gray = random.chance(recipe_.gray);
    const bool gaussian = random.chance(recipe_.gaussian);
    const double strength = (gaussian ? recipe_.sigma : recipe_.poisson).draw(random);
    random.numbers([&](Random& own) {
      if (gaussian)
        add_gaussian_noise(picture, strength, gray, own);
      else
        add_poisson_noise(picture, strength, gray, own);
    });
    clamp_to_range(picture);
  }

 private:
  NoiseRecipe recipe_;
};

/// Grain: noise of a size of its own, strongest where film is half exposed.
class Grain : public Degradation {
 public:
  Grain(const Range& strength, const Range& size, double gray)
      : strength_(strength), size_(size), gray_(gray) {}

  void apply(FloatImage& picture, const DegradationGoal& /*goal*/, Random& random) const override {
    const double strength = strength_.draw(random) / 255, sigma = size_.draw(random) / 2;
    const bool gray = random.chance(gray_);
    FloatImage noise(picture.width, picture.height, 3);
    random.numbers([&](Random& own) { add_gaussian_noise(noise, 255, gray, own); });
    const int reach = static_cast<int>(std::ceil(2 * sigma));
    if (reach > 0) noise = gaussian_blurred(noise, 2 * reach + 1, sigma);
    double square = 0;
    for (const float value : noise.pixels) square += static_cast<double>(value) * static_cast<double>(value);
    const auto unit = static_cast<float>(
        strength / std::sqrt(std::max(1e-12, square / static_cast<double>(noise.pixels.size()))));
    for (size_t i = 0; i < picture.pixels.size(); ++i) {
      const float exposed = std::clamp(picture.pixels[i], 0.0F, 1.0F);
      picture.pixels[i] += unit * noise.pixels[i] * 2 * std::sqrt(exposed * (1 - exposed));
    }
    clamp_to_range(picture);
  }

 private:
  Range strength_, size_;
  double gray_;
};

}  // namespace

NoiseRecipe read_noise_recipe(Settings& settings, const NoiseRecipe& defaults) {
  constexpr double huge = 1e9;
  NoiseRecipe r;
  r.gaussian = read_probability(settings, "gaussian_noise_prob", defaults.gaussian);
  r.sigma = read_range(settings, "noise_range", defaults.sigma, 0, huge);
  r.poisson = read_range(settings, "poisson_scale_range", defaults.poisson, 0, huge);
  r.gray = read_probability(settings, "gray_noise_prob", defaults.gray);
  return r;
}

Operation make_noise(const NoiseRecipe& recipe) {
  return std::make_unique<Noise>(recipe);
}

Operation read_noise(Settings& settings) {
  return make_noise(read_noise_recipe(settings, {}));
}

Operation read_grain(Settings& settings) {
  const Range strength = read_range(settings, "strength", {4, 20}, 0, 255),
              size = read_range(settings, "size", {0.5, 2.5}, 0, 50);
  return std::make_unique<Grain>(strength, size, read_probability(settings, "gray_prob", 0.6));
}

}  // namespace esrgan::train
