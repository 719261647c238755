#include "train/data/clip_source.h"

#include <esrgan/error.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/platform_memory.h"
#include "image/resize.h"
#include "train/data/clips.h"
#include "train/data/degradations/degradation.h"
#include "train/data/fingerprint.h"
#include "train/data/patches.h"
#include "train/data/random.h"

namespace esrgan::train {
namespace {

/// A window: a stretch of its large frames with more around a patch, the small ones if they are there, and
/// where the patch lies in them, in small pixels.
struct Window {
  std::vector<FloatImage> large, small;
  int left = 0, top = 0;
};

constexpr int most_tries = 64;  // of clips and places that cannot be used

}  // namespace

class ClipSource::Source {
 public:
  Source(ClipRecipe recipe, const DataRecipe& data) : recipe_(std::move(recipe)), data_(data) {}
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  Source(Source&&) = delete;
  Source& operator=(Source&&) = delete;
  virtual ~Source() = default;

  double weight() const { return recipe_.weight; }
  virtual size_t pictures() const = 0;
  virtual uint64_t fingerprint() const = 0;
  /// None when what was drawn cannot be used.
  virtual std::optional<Window> draw(Random& random) const = 0;

 protected:
  int small_side() const { return data_.hr_size / data_.scale; }
  /// A stretch of `side` small pixels and what is around it, within `extent`.
  static std::pair<int, Around> draw_stretch(int side, int extent, Random& random) {
    const auto begin = static_cast<int>(random.below(static_cast<uint64_t>(extent - side + 1)));
    return {begin, around(begin, side, extent, random)};
  }

  ClipRecipe recipe_;
  const DataRecipe& data_;
};

class ClipSource::RealClips : public Source {
 public:
  RealClips(const ClipRecipe& recipe, const DataRecipe& data, uint64_t memory)
      : Source(recipe, data), clips_(open_clips(recipe, data, memory)) {
    for (size_t clip = 0; clip < clips_->count(); ++clip) frames_ += clips_->frames(clip);
  }

  size_t pictures() const override { return frames_; }
  uint64_t fingerprint() const override { return clips_->fingerprint(); }

  std::optional<Window> draw(Random& random) const override {
    size_t number = random.below(frames_), clip = 0;
    for (; number >= clips_->frames(clip); ++clip) number -= clips_->frames(clip);
    const auto pairs = window_of(*clips_, clip, number, data_.window);
    if (pairs.empty()) return {};
    const PackedPicture& small = pairs.front()->lr;
    if (std::min(small.width, small.height) < small_side()) return {};
    const auto [left, across] = draw_stretch(small_side(), small.width, random);
    const auto [top, down] = draw_stretch(small_side(), small.height, random);
    const int scale = data_.scale, x = left - across.before, y = top - down.before;
    Window window;
    window.left = across.before;
    window.top = down.before;
    for (const auto& pair : pairs) {
      window.large.push_back(
          floats_of(pair->hr, x * scale, y * scale, across.size * scale, down.size * scale));
      window.small.push_back(floats_of(pair->lr, x, y, across.size, down.size));
    }
    return window;
  }

 private:
  std::unique_ptr<Clips> clips_;
  size_t frames_ = 0;
};

class ClipSource::MovedPictures : public Source {
 public:
  MovedPictures(const ClipRecipe& recipe, const DataRecipe& data, uint64_t memory)
      : Source(recipe, data),
        cache_(list_pairs(pictures_of(recipe), data.scale), data.scale, data.hr_size, memory) {}

  size_t pictures() const override { return cache_.size(); }
  uint64_t fingerprint() const override { return cache_.fingerprint(); }

  std::optional<Window> draw(Random& random) const override {
    const auto pair = cache_.get(random.below(cache_.size()));
    if (!pair) return {};
    const int motion = recipe_.motion, radius = data_.window / 2, scale = data_.scale;
    // A picture in four rests.
    const bool moves = random.chance(0.75);
    const auto speed = [&] {
      const int drawn = static_cast<int>(random.below(static_cast<uint64_t>(2 * motion + 1))) - motion;
      return moves ? drawn : 0;
    };
    const int speed_x = speed(), speed_y = speed();
    const int reach_x = radius * std::abs(speed_x), reach_y = radius * std::abs(speed_y);
    const int free_x = (pair->hr.width - 2 * reach_x) / scale,
              free_y = (pair->hr.height - 2 * reach_y) / scale;
    if (std::min(free_x, free_y) < small_side()) return {};
    const auto [left, across] = draw_stretch(small_side(), free_x, random);
    const auto [top, down] = draw_stretch(small_side(), free_y, random);
    Window window;
    window.left = across.before;
    window.top = down.before;
    for (int frame = -radius; frame <= radius; ++frame)
      window.large.push_back(floats_of(pair->hr, reach_x + frame * speed_x + (left - across.before) * scale,
                                       reach_y + frame * speed_y + (top - down.before) * scale,
                                       across.size * scale, down.size * scale));
    return window;
  }

 private:
  static SourceRecipe pictures_of(const ClipRecipe& recipe) {
    SourceRecipe pictures;
    pictures.hr = recipe.pictures;
    return pictures;
  }

  mutable PairCache cache_;
};

ClipSource::ClipSource(const DataRecipe& recipe, int sharing) : recipe_(recipe) {
  const uint64_t memory =
      (recipe.cache_memory != 0 ? recipe.cache_memory
                                : available_memory() / 4 / static_cast<uint64_t>(sharing)) /
      recipe.clips.size();
  for (const ClipRecipe& clips : recipe.clips) {
    if (clips.pictures.empty())
      sources_.push_back(std::make_unique<RealClips>(clips, recipe_, memory));
    else
      sources_.push_back(std::make_unique<MovedPictures>(clips, recipe_, memory));
    total_weight_ += clips.weight;
  }
}
ClipSource::~ClipSource() = default;

size_t ClipSource::pictures() const {
  size_t count = 0;
  for (const auto& source : sources_) count += source->pictures();
  return count;
}

uint64_t ClipSource::fingerprint() const {
  Fingerprint print;
  for (const auto& source : sources_) print.add(std::to_string(source->fingerprint()));
  return print.value();
}

Batch ClipSource::make(int64_t step, int first, int count) const {
  const int large = recipe_.hr_size, small = large / recipe_.scale;
  Batch batch;
  batch.count = count;
  batch.add("hr", {count, 3, large, large});
  batch.add("lr", {count, 3 * recipe_.window, small, small});
  std::vector<double> weights;
  for (const auto& source : sources_) weights.push_back(source->weight());
  for (int i = 0; i < count; ++i) {
    const uint64_t position = static_cast<uint64_t>(step) * static_cast<uint64_t>(recipe_.batch_size) +
                              static_cast<uint64_t>(first + i);
    Random random{recipe_.seed, 0xC11F, position};
    std::optional<Window> window;
    for (int tries = 0; !window; ++tries) {
      if (tries == most_tries)
        throw Error(ErrorKind::bad_data, "", "the clips cannot be used",
                    "frames and pictures larger than a patch of " + std::to_string(large) + " pixels");
      window = sources_[choose(weights, random)]->draw(random);
    }
    const Turn turn = Turn::draw(recipe_, random);
    if (recipe_.flip && random.chance(0.5)) {  // time has no direction
      std::reverse(window->large.begin(), window->large.end());
      std::reverse(window->small.begin(), window->small.end());
    }
    const auto middle = static_cast<size_t>(recipe_.window / 2);
    cut_patch(values_of(window->large[middle]), window->left * recipe_.scale, window->top * recipe_.scale,
              large, turn, batch.arrays.at("hr").sample(i));
    if (recipe_.degradation)
      window->small = recipe_.degradation->degrade_clip(std::move(window->large), recipe_.scale, random);
    else if (window->small.empty())
      for (const FloatImage& frame : window->large)
        window->small.push_back(resize_bicubic(frame, 1.0 / recipe_.scale, SampleType::u8));
    float* to = batch.arrays.at("lr").sample(i);
    for (const FloatImage& frame : window->small) {
      cut_patch(values_of(frame), window->left, window->top, small, turn, to);
      to += 3 * static_cast<ptrdiff_t>(small) * small;
    }
  }
  return batch;
}

}  // namespace esrgan::train
