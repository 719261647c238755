// How pictures come to be small and bad: a chain of operations, each with a probability of its own.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "image/float_image.h"
#include "train/data/random.h"
#include "train/settings.h"

namespace esrgan::train {

/// The size that a chain ends in.
struct DegradationGoal {
  int width = 0, height = 0;
};

/// One operation. What it does depends on its random numbers alone; safe to use from many threads.
class Degradation {
 public:
  Degradation() = default;
  Degradation(const Degradation&) = delete;
  Degradation& operator=(const Degradation&) = delete;
  Degradation(Degradation&&) = delete;
  Degradation& operator=(Degradation&&) = delete;
  virtual ~Degradation() = default;

  /// Changes a picture of three channels; values may leave [0, 1] for a while.
  virtual void apply(FloatImage& picture, const DegradationGoal& goal, Random& random) const = 0;

  /// The same for the frames of a clip, all alike but for noise and the like.
  virtual void apply_to_clip(std::vector<FloatImage>& frames, const DegradationGoal& goal,
                             Random& random) const;
};

using DegradationSteps = std::vector<std::pair<double, std::unique_ptr<const Degradation>>>;

/// Operations one after the other, each with its probability.
class DegradationChain {
 public:
  explicit DegradationChain(DegradationSteps steps) : steps_(std::move(steps)) {}

  void apply(FloatImage& picture, const DegradationGoal& goal, Random& random) const;
  void apply_to_clip(std::vector<FloatImage>& frames, const DegradationGoal& goal, Random& random) const;

  /// The picture (RGB in [0, 1], sides multiples of `scale`) reduced by `scale`, by the last operation or
  /// here, and rounded to 8 bits.
  FloatImage degrade(const FloatImage& picture, int scale, Random& random) const;
  /// The same for the frames of a clip, which have one size.
  std::vector<FloatImage> degrade_clip(std::vector<FloatImage> frames, int scale, Random& random) const;

 private:
  DegradationSteps steps_;
};

struct DegradationKind {
  const char* type;  ///< in recipes
  std::unique_ptr<const Degradation> (*read)(Settings& settings);
};

/// An operation of a file of its own is a line here.
std::span<const DegradationKind> degradation_kinds();

/// The operations of a list, by the key `type` and with the key `prob`.
DegradationSteps read_operations(Settings& settings, const std::string& key);

/// The section `degradation`: Real-ESRGAN's second order, or a list of operations.
std::shared_ptr<const DegradationChain> read_degradation(Settings& settings);

}  // namespace esrgan::train
