// Blur: by the kernels of Real-ESRGAN, out of focus, by motion.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "train/data/degradations/operations.h"

namespace esrgan::train {
namespace {

constexpr double pi = std::numbers::pi, huge = 1e9;

/// An odd number.
int draw_size(const Range& size, Random& random) {
  const auto sizes = static_cast<uint64_t>((size.high - size.low) / 2) + 1;
  return static_cast<int>(size.low) + 2 * static_cast<int>(random.below(sizes));
}

Range read_sizes(Settings& settings, const Range& fallback) {
  const Range size = read_range(settings, "kernel_range", fallback, 1, 201);
  for (const double side : {size.low, size.high})
    if (std::fmod(side, 2) != 1) settings.refuse("kernel_range", "odd numbers");
  return size;
}

class Blur : public Degradation {
 public:
  explicit Blur(const BlurRecipe& recipe) : recipe_(recipe) {}

  void apply(FloatImage& picture, const DegradationGoal& /*goal*/, Random& random) const override {
    picture = blurred(picture, draw(random));
  }

 private:
  BlurKernel draw(Random& random) const {
    const int size = draw_size(recipe_.size, random);
    if (random.chance(recipe_.sinc))
      return sinc_kernel(size, random.uniform(size < 13 ? pi / 3 : pi / 5, pi));
    const size_t kind = choose(recipe_.kernels, random);
    const BlurShape shape = kind < 2   ? BlurShape::gaussian
                            : kind < 4 ? BlurShape::generalised
                                       : BlurShape::plateau;
    const double sigma_x = recipe_.sigma.draw(random);
    double sigma_y = sigma_x, angle = 0, beta = 1;
    if (kind % 2 == 1) {
      sigma_y = recipe_.sigma.draw(random);
      angle = random.uniform(-pi, pi);
    }
    if (shape != BlurShape::gaussian) {
      // Half of the kernels are flatter than a Gaussian, half more peaked.
      const Range& betas = shape == BlurShape::generalised ? recipe_.beta_generalised : recipe_.beta_plateau;
      beta = random.chance(0.5) ? random.uniform(betas.low, 1) : random.uniform(1, betas.high);
    }
    return blur_kernel(shape, size, sigma_x, sigma_y, angle, beta);
  }

  BlurRecipe recipe_;
};

class Sinc : public Degradation {
 public:
  explicit Sinc(const Range& size) : size_(size) {}

  void apply(FloatImage& picture, const DegradationGoal& /*goal*/, Random& random) const override {
    const int size = draw_size(size_, random);
    picture = blurred(picture, sinc_kernel(size, random.uniform(pi / 3, pi)));
  }

 private:
  Range size_;
};

/// A kernel whose pixels are covered, as far as points within them say, by a shape that contains (x, y) or
/// not.
template <typename Contains>
BlurKernel covered(double reach, const Contains& contains) {
  constexpr int points = 5;  // along each side of a pixel
  BlurKernel kernel{2 * static_cast<int>(std::ceil(reach)) + 1, {}};
  kernel.weights.assign(static_cast<size_t>(kernel.size * kernel.size), 0);
  const int middle = kernel.size / 2;
  float sum = 0;
  for (int y = 0; y < kernel.size; ++y)
    for (int x = 0; x < kernel.size; ++x)
      for (int i = 0; i < points * points; ++i) {
        const auto at = [&](int pixel, int point) { return pixel - middle + (point + 0.5) / points - 0.5; };
        if (!contains(at(x, i % points), at(y, i / points))) continue;
        kernel.weights[static_cast<size_t>(y * kernel.size + x)] += 1;
        sum += 1;
      }
  for (float& weight : kernel.weights) weight /= sum;
  return kernel;
}

/// A disc, as a lens makes it.
class Defocus : public Degradation {
 public:
  explicit Defocus(const Range& radius) : radius_(radius) {}

  void apply(FloatImage& picture, const DegradationGoal& /*goal*/, Random& random) const override {
    const double radius = radius_.draw(random);
    picture =
        blurred(picture, covered(radius, [&](double x, double y) { return std::hypot(x, y) <= radius; }));
  }

 private:
  Range radius_;
};

/// A line one pixel wide.
class Motion : public Degradation {
 public:
  explicit Motion(const Range& length) : length_(length) {}

  void apply(FloatImage& picture, const DegradationGoal& /*goal*/, Random& random) const override {
    const double half = length_.draw(random) / 2, angle = random.uniform(0, pi);
    picture = blurred(picture, covered(half + 0.5, [&](double x, double y) {
                        const double along = std::cos(angle) * x + std::sin(angle) * y,
                                     across = std::cos(angle) * y - std::sin(angle) * x;
                        return std::abs(along) <= half && std::abs(across) <= 0.5;
                      }));
  }

 private:
  Range length_;
};

}  // namespace

BlurRecipe read_blur_recipe(Settings& settings, const BlurRecipe& defaults) {
  BlurRecipe r;
  r.kernels = read_shares(settings, "kernel_prob", defaults.kernels);
  r.sinc = read_probability(settings, "sinc_prob", defaults.sinc);
  r.sigma = read_range(settings, "blur_sigma", defaults.sigma, 1e-3, huge);
  r.beta_generalised = read_range(settings, "betag_range", defaults.beta_generalised, 1e-3, huge);
  r.beta_plateau = read_range(settings, "betap_range", defaults.beta_plateau, 1e-3, huge);
  for (const auto& [key, range] :
       {std::pair("betag_range", r.beta_generalised), std::pair("betap_range", r.beta_plateau)})
    if (range.low > 1 || range.high < 1) settings.refuse(key, "a range around 1");
  r.size = read_sizes(settings, defaults.size);
  return r;
}

Operation make_blur(const BlurRecipe& recipe) {
  return std::make_unique<Blur>(recipe);
}

Operation make_sinc(const Range& size) {
  return std::make_unique<Sinc>(size);
}

Operation read_blur(Settings& settings) {
  return make_blur(read_blur_recipe(settings, {}));
}

Operation read_sinc(Settings& settings) {
  return make_sinc(read_sizes(settings, {7, 21}));
}

Operation read_defocus(Settings& settings) {
  return std::make_unique<Defocus>(read_range(settings, "radius", {1, 4}, 0.5, 100));
}

Operation read_motion(Settings& settings) {
  return std::make_unique<Motion>(read_range(settings, "length", {2, 12}, 1, 200));
}

}  // namespace esrgan::train
