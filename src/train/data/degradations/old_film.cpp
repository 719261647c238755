// What age and light do to prints and films.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "train/data/degradations/operations.h"

namespace esrgan::train {
namespace {

constexpr double pi = std::numbers::pi;

/// Moves a pixel towards a colour.
void paint(FloatImage& picture, int x, int y, const std::array<float, 3>& colour, float share) {
  if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) return;
  for (int c = 0; c < 3; ++c)
    picture.at(x, y, c) += share * (colour.at(static_cast<size_t>(c)) - picture.at(x, y, c));
}

/// Lines, most of them upright as film's are, and specks of dust; bright or dark.
class Scratches : public Degradation {
 public:
  Scratches(const Range& lines, const Range& specks) : lines_(lines), specks_(specks) {}

  void apply(FloatImage& picture, const DegradationGoal& /*goal*/, Random& random) const override {
    const auto lines = static_cast<int>(std::lround(lines_.draw(random))),
               specks = static_cast<int>(std::lround(specks_.draw(random)));
    for (int i = 0; i < lines; ++i) draw_line(picture, random);
    random.numbers([&](Random& own) {
      for (int i = 0; i < specks; ++i) draw_speck(picture, own);
    });
    clamp_to_range(picture);
  }

 private:
  static std::array<float, 3> draw_colour(Random& random) {
    const auto level =
        static_cast<float>(random.chance(0.7) ? random.uniform(0.8, 1) : random.uniform(0, 0.2));
    return {level, level, level};
  }

  static void draw_line(FloatImage& picture, Random& random) {
    const std::array<float, 3> colour = draw_colour(random);
    const auto share = static_cast<float>(random.uniform(0.3, 0.95));
    const double half = random.uniform(0.3, 1.2);
    const double angle = random.chance(0.7) ? random.uniform(-0.05, 0.05) : random.uniform(-pi / 2, pi / 2);
    double x = random.uniform(0, picture.width), y = random.uniform(0, picture.height);
    const int halves = static_cast<int>(2 * random.uniform(0.2, 1.5) * picture.height);
    for (int i = 0; i < halves; ++i) {
      x += 0.5 * std::sin(angle) + random.uniform(-0.05, 0.05);
      y += 0.5 * std::cos(angle);
      const int nearest = static_cast<int>(std::floor(x));
      for (int beside = nearest - 1; beside <= nearest + 1; ++beside) {
        const double cover = std::clamp(half + 0.5 - std::abs(beside + 0.5 - x), 0.0, 1.0);
        if (cover > 0)
          paint(picture, beside, static_cast<int>(std::floor(y)), colour, share * static_cast<float>(cover));
      }
    }
  }

  static void draw_speck(FloatImage& picture, Random& random) {
    const std::array<float, 3> colour = draw_colour(random);
    const double radius = random.uniform(0.4, 3), x = random.uniform(0, picture.width),
                 y = random.uniform(0, picture.height);
    const int reach = static_cast<int>(std::ceil(radius)) + 1;
    for (int dy = -reach; dy <= reach; ++dy)
      for (int dx = -reach; dx <= reach; ++dx) {
        const int px = static_cast<int>(x) + dx, py = static_cast<int>(y) + dy;
        const double cover = std::clamp(radius + 0.5 - std::hypot(px + 0.5 - x, py + 0.5 - y), 0.0, 1.0);
        if (cover > 0) paint(picture, px, py, colour, static_cast<float>(cover));
      }
  }

  Range lines_, specks_;
};

/// Blacks rise, whites fall, colours pale, and the picture takes on a tint.
class Fading : public Degradation {
 public:
  explicit Fading(const Range& strength) : strength_(strength) {}

  void apply(FloatImage& picture, const DegradationGoal& /*goal*/, Random& random) const override {
    const double strength = strength_.draw(random);
    const double pale = strength * random.uniform(0.3, 1), black = 0.25 * strength * random.uniform(),
                 white = 1 - 0.2 * strength * random.uniform(),
                 gamma = std::exp2(strength * random.uniform(-0.5, 0.5));
    std::array<double, 3> tint{1 + 0.15 * strength * random.uniform(), 1,
                               1 - 0.3 * strength * random.uniform()};  // towards yellow and red
    for (size_t pixel = 0; pixel < picture.pixels.size(); pixel += 3) {
      float* p = picture.pixels.data() + pixel;
      const double gray = 0.2989 * static_cast<double>(p[0]) + 0.587 * static_cast<double>(p[1]) +
                          0.114 * static_cast<double>(p[2]);
      for (size_t c = 0; c < 3; ++c) {
        const double colour = static_cast<double>(p[c]) + pale * (gray - static_cast<double>(p[c]));
        const double curve = std::pow(std::clamp(colour, 0.0, 1.0), gamma);
        p[c] = static_cast<float>(std::clamp((black + (white - black) * curve) * tint.at(c), 0.0, 1.0));
      }
    }
  }

 private:
  Range strength_;
};

/// Without colours: black and white film, or an old print.
class Gray : public Degradation {
 public:
  void apply(FloatImage& picture, const DegradationGoal& /*goal*/, Random& /*random*/) const override {
    for (size_t pixel = 0; pixel < picture.pixels.size(); pixel += 3) {
      float* p = picture.pixels.data() + pixel;
      std::fill_n(p, 3, 0.2989F * p[0] + 0.587F * p[1] + 0.114F * p[2]);
    }
  }
};

/// Light that was scattered in the film and came back from its base: a reddish glow around what is bright.
class Halation : public Degradation {
 public:
  Halation(const Range& strength, const Range& radius) : strength_(strength), radius_(radius) {}

  void apply(FloatImage& picture, const DegradationGoal& /*goal*/, Random& random) const override {
    const double strength = strength_.draw(random), sigma = radius_.draw(random);
    const auto threshold = static_cast<float>(random.uniform(0.6, 0.85));
    constexpr std::array<float, 3> colour{1, 0.35F, 0.15F};
    FloatImage light(picture.width, picture.height, 1);
    for (size_t pixel = 0; pixel < light.pixels.size(); ++pixel) {
      const float* p = picture.pixels.data() + 3 * pixel;
      light.pixels[pixel] = std::max(0.0F, std::max({p[0], p[1], p[2]}) - threshold) / (1 - threshold);
    }
    light = gaussian_blurred(light, 2 * static_cast<int>(std::ceil(2.5 * sigma)) + 1, sigma);
    for (size_t pixel = 0; pixel < light.pixels.size(); ++pixel)
      for (size_t c = 0; c < 3; ++c) {
        float& value = picture.pixels[3 * pixel + c];
        value += static_cast<float>(strength) * colour.at(c) * light.pixels[pixel] * (1 - value);
      }
    clamp_to_range(picture);
  }

 private:
  Range strength_, radius_;
};

}  // namespace

Operation read_scratches(Settings& settings) {
  const Range lines = read_range(settings, "lines", {0, 4}, 0, 1000),
              specks = read_range(settings, "specks", {0, 20}, 0, 10000);
  return std::make_unique<Scratches>(lines, specks);
}

Operation read_fading(Settings& settings) {
  return std::make_unique<Fading>(read_range(settings, "strength", {0.2, 1}, 0, 1));
}

Operation read_gray(Settings& /*settings*/) {
  return std::make_unique<Gray>();
}

Operation read_halation(Settings& settings) {
  const Range strength = read_range(settings, "strength", {0.1, 0.6}, 0, 2),
              radius = read_range(settings, "radius", {2, 12}, 0.5, 100);
  return std::make_unique<Halation>(strength, radius);
}

}  // namespace esrgan::train
