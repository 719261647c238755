// Changes of size.
#include <algorithm>

#include "train/data/degradations/operations.h"

namespace esrgan::train {
namespace {

Interpolation draw_filter(const std::vector<Interpolation>& filters, Random& random) {
  return filters[random.below(filters.size())];
}

class Resize : public Degradation {
 public:
  explicit Resize(ResizeRecipe recipe) : recipe_(std::move(recipe)) {}

  void apply(FloatImage& picture, const DegradationGoal& goal, Random& random) const override {
    const double factor = draw_factor(random);
    const auto scaled = [&](int size) { return std::max(1, static_cast<int>(size * factor)); };
    picture =
        resized(picture, scaled(recipe_.of_goal ? goal.width : picture.width),
                scaled(recipe_.of_goal ? goal.height : picture.height), draw_filter(recipe_.filters, random));
  }

 private:
  double draw_factor(Random& random) const {
    switch (choose(recipe_.ways, random)) {
      case 0:
        return random.uniform(1, recipe_.factor.high);
      case 1:
        return random.uniform(recipe_.factor.low, 1);
      default:
        return 1;
    }
  }

  ResizeRecipe recipe_;
};

class Reduce : public Degradation {
 public:
  explicit Reduce(std::vector<Interpolation> filters) : filters_(std::move(filters)) {}

  void apply(FloatImage& picture, const DegradationGoal& goal, Random& random) const override {
    picture = resized(picture, goal.width, goal.height, draw_filter(filters_, random));
  }

 private:
  std::vector<Interpolation> filters_;
};

std::vector<Interpolation> read_filters(Settings& settings) {
  const std::vector<std::pair<std::string, Interpolation>> known{{"area", Interpolation::area},
                                                                 {"bilinear", Interpolation::bilinear},
                                                                 {"bicubic", Interpolation::bicubic},
                                                                 {"lanczos", Interpolation::lanczos},
                                                                 {"nearest", Interpolation::nearest}};
  std::vector<std::string> words;
  words.reserve(known.size());
  for (const auto& [word, filter] : known) words.push_back(word);
  std::vector<Interpolation> filters;
  for (const std::string& word :
       settings.get("filters", std::vector<std::string>{"area", "bilinear", "bicubic"})) {
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const auto& entry) { return entry.first == word; });
    if (found == known.end()) settings.refuse_word("filters", words);
    filters.push_back(found->second);
  }
  if (filters.empty()) settings.refuse_word("filters", words);
  return filters;
}

}  // namespace

ResizeRecipe read_resize_recipe(Settings& settings, const ResizeRecipe& defaults) {
  ResizeRecipe r = defaults;
  r.ways = read_shares(settings, "resize_prob", defaults.ways);
  r.factor = read_range(settings, "resize_range", defaults.factor, 1e-3, 8);
  if (r.factor.low > 1 || r.factor.high < 1) settings.refuse("resize_range", "a range around 1");
  r.filters = read_filters(settings);
  return r;
}

Operation make_resize(const ResizeRecipe& recipe) {
  return std::make_unique<Resize>(recipe);
}

Operation make_reduce(const std::vector<Interpolation>& filters) {
  return std::make_unique<Reduce>(filters);
}

Operation read_resize(Settings& settings) {
  ResizeRecipe recipe = read_resize_recipe(settings, {});
  recipe.of_goal = settings.choose_as<bool>("of", {{"itself", false}, {"result", true}}, false);
  return make_resize(recipe);
}

Operation read_reduce(Settings& settings) {
  return make_reduce(read_filters(settings));
}

}  // namespace esrgan::train
