#include "train/data/degradations/degradation.h"

#include <utility>

#include "train/data/degradations/operations.h"

namespace esrgan::train {
namespace {

constexpr DegradationKind operations[] = {
    {"blur", read_blur},         {"sinc", read_sinc},           {"defocus", read_defocus},
    {"motion", read_motion},     {"resize", read_resize},       {"reduce", read_reduce},
    {"noise", read_noise},       {"jpeg", read_jpeg},           {"webp", read_webp},
    {"video", read_video},       {"grain", read_grain},         {"scratches", read_scratches},
    {"fading", read_fading},     {"halation", read_halation},   {"gray", read_gray},
    {"halftone", read_halftone}, {"any_order", read_any_order},
};

class AnyOrder : public Degradation {
 public:
  explicit AnyOrder(std::vector<DegradationSteps> groups) {
    for (DegradationSteps& group : groups) groups_.emplace_back(std::move(group));
  }

  void apply(FloatImage& picture, const DegradationGoal& goal, Random& random) const override {
    for (const DegradationChain* group : drawn_order(random)) group->apply(picture, goal, random);
  }

  void apply_to_clip(std::vector<FloatImage>& frames, const DegradationGoal& goal,
                     Random& random) const override {
    for (const DegradationChain* group : drawn_order(random)) group->apply_to_clip(frames, goal, random);
  }

 private:
  std::vector<const DegradationChain*> drawn_order(Random& random) const {
    std::vector<const DegradationChain*> order;
    for (const DegradationChain& group : groups_) order.push_back(&group);
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    return order;
  }

  std::vector<DegradationChain> groups_;
};

/// To the size that is wanted, in 8 bits.
void finish(FloatImage& picture, const DegradationGoal& goal) {
  if (picture.width != goal.width || picture.height != goal.height)
    picture = resized(picture, goal.width, goal.height, Interpolation::area);
  clamp_to_range(picture);
  quantise(picture);
}

/// Blur, resize and noise of an order, and its compression.
struct Order {
  double blur_probability = 1;
  BlurRecipe blur{};
  ResizeRecipe resize{};
  NoiseRecipe noise{};
  Range quality{30, 95};
};

Order read_order(Settings settings, const Order& defaults) {
  Order order = defaults;
  order.blur_probability = read_probability(settings, "blur_prob", defaults.blur_probability);
  order.blur = read_blur_recipe(settings, defaults.blur);
  order.resize = read_resize_recipe(settings, defaults.resize);
  order.noise = read_noise_recipe(settings, defaults.noise);
  order.quality = read_quality(settings, "jpeg_range", defaults.quality);
  return order;
}

void add_order(DegradationSteps& steps, const Order& order) {
  steps.emplace_back(order.blur_probability, make_blur(order.blur));
  steps.emplace_back(1, make_resize(order.resize));
  steps.emplace_back(1, make_noise(order.noise));
}

/// Wang et al. 2021 (arXiv:2107.10833), section 3: two orders, and at the end the reduction with a sinc
/// filter, before the second compression or after it.
DegradationSteps real_esrgan(Settings& settings) {
  const Order first = read_order(settings.section("first"), {});
  const Order second = read_order(settings.section("second"),
                                  {.blur_probability = 0.8,
                                   .blur = {.sigma = {0.2, 1.5}},
                                   .resize = {.ways = {0.3, 0.4, 0.3}, .factor = {0.3, 1.2}, .of_goal = true},
                                   .noise = {.sigma = {1, 25}, .poisson = {0.05, 2.5}}});
  const double sinc = read_probability(settings, "final_sinc_prob", 0.8);
  DegradationSteps steps;
  add_order(steps, first);
  steps.emplace_back(1, make_jpeg(first.quality));
  add_order(steps, second);
  std::vector<DegradationSteps> groups(2);
  groups[0].emplace_back(1, make_reduce(second.resize.filters));
  groups[0].emplace_back(sinc, make_sinc(second.blur.size));
  groups[1].emplace_back(1, make_jpeg(second.quality));
  steps.emplace_back(1, make_any_order(std::move(groups)));
  return steps;
}

}  // namespace

void Degradation::apply_to_clip(std::vector<FloatImage>& frames, const DegradationGoal& goal,
                                Random& random) const {
  const Random before = random;
  for (size_t i = 0; i < frames.size(); ++i) {
    random = before;
    random.set_frame(static_cast<int>(i));
    apply(frames[i], goal, random);
  }
  random.set_frame(-1);
}

void DegradationChain::apply_to_clip(std::vector<FloatImage>& frames, const DegradationGoal& goal,
                                     Random& random) const {
  for (const auto& [probability, operation] : steps_)
    if (probability >= 1 || random.chance(probability)) operation->apply_to_clip(frames, goal, random);
}

void DegradationChain::apply(FloatImage& picture, const DegradationGoal& goal, Random& random) const {
  for (const auto& [probability, operation] : steps_)
    if (probability >= 1 || random.chance(probability)) operation->apply(picture, goal, random);
}

FloatImage DegradationChain::degrade(const FloatImage& picture, int scale, Random& random) const {
  const DegradationGoal goal{picture.width / scale, picture.height / scale};
  FloatImage result = picture;
  apply(result, goal, random);
  finish(result, goal);
  return result;
}

std::vector<FloatImage> DegradationChain::degrade_clip(std::vector<FloatImage> frames, int scale,
                                                       Random& random) const {
  const DegradationGoal goal{frames.front().width / scale, frames.front().height / scale};
  apply_to_clip(frames, goal, random);
  for (FloatImage& frame : frames) finish(frame, goal);
  return frames;
}

std::span<const DegradationKind> degradation_kinds() {
  return operations;
}

DegradationSteps read_operations(Settings& settings, const std::string& key) {
  std::vector<std::string> types;
  for (const DegradationKind& kind : operations) types.emplace_back(kind.type);
  DegradationSteps steps;
  for (Settings& entry : settings.sections(key)) {
    const std::string type = entry.choose("type", types, types.front());
    const double probability = read_probability(entry, "prob", 1);
    for (const DegradationKind& kind : operations)
      if (type == kind.type) steps.emplace_back(probability, kind.read(entry));
  }
  return steps;
}

Operation make_any_order(std::vector<DegradationSteps> groups) {
  return std::make_unique<AnyOrder>(std::move(groups));
}

Operation read_any_order(Settings& settings) {
  std::vector<DegradationSteps> groups;
  for (Settings& group : settings.sections("groups")) groups.push_back(read_operations(group, "operations"));
  if (groups.size() < 2) settings.refuse("groups", "two lists of operations, or more");
  return make_any_order(std::move(groups));
}

std::shared_ptr<const DegradationChain> read_degradation(Settings& settings) {
  const std::string type = settings.choose("type", {"realesrgan", "operations"}, "realesrgan");
  if (type == "realesrgan") {
    settings.ignore({"operations"}, "with this type");
    return std::make_shared<DegradationChain>(real_esrgan(settings));
  }
  settings.ignore({"first", "second", "final_sinc_prob"}, "with this type");
  return std::make_shared<DegradationChain>(read_operations(settings, "operations"));
}

}  // namespace esrgan::train
