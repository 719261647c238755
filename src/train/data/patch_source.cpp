#include "train/data/patch_source.h"

#include <esrgan/error.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/platform_memory.h"
#include "train/data/degradations/degradation.h"
#include "train/data/degradations/filters.h"
#include "train/data/fingerprint.h"
#include "train/data/mixture.h"
#include "train/data/patches.h"
#include "train/data/random.h"

namespace esrgan::train {

struct PatchSource::Source {
  double weight;
  mutable PairCache cache;
  mutable std::mutex mutex;
  mutable std::map<uint64_t, std::vector<uint32_t>> orders;  // of the epochs in use

  Source(const SourceRecipe& recipe, const DataRecipe& data, int sharing)
      : weight(recipe.weight), cache(make_cache(recipe, data, sharing)) {}

  static PairCache make_cache(const SourceRecipe& recipe, const DataRecipe& data, int sharing) {
    auto files = list_pairs(recipe, data.scale);
    if (!data.pack_folder.empty())
      return {std::move(files), data.scale, data.hr_size, data.pack_folder, data.workers};
    const uint64_t memory =
        data.cache_memory != 0 ? data.cache_memory : available_memory() / 4 / static_cast<uint64_t>(sharing);
    return {std::move(files), data.scale, data.hr_size, memory / data.sources.size()};
  }

  /// Picture `place` of epoch `epoch`, in shuffled order (Fisher and Yates).
  size_t shuffled(uint64_t seed, uint64_t epoch, size_t place) const {
    const std::lock_guard lock(mutex);
    auto found = orders.find(epoch);
    if (found == orders.end()) {
      while (orders.size() > 3) orders.erase(orders.begin());
      std::vector<uint32_t> order(cache.size());
      std::iota(order.begin(), order.end(), 0U);
      Random random{seed, 0x5u, epoch};
      for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
      found = orders.emplace(epoch, std::move(order)).first;
    }
    return found->second[place];
  }
};

PatchSource::PatchSource(const DataRecipe& recipe, int sharing) : recipe_(recipe) {
  for (const SourceRecipe& source : recipe.sources) {
    sources_.push_back(std::make_unique<Source>(source, recipe, sharing));
    total_weight_ += source.weight;
  }
}
PatchSource::~PatchSource() = default;

size_t PatchSource::pictures() const {
  size_t count = 0;
  for (const auto& source : sources_) count += source->cache.size();
  return count;
}

uint64_t PatchSource::fingerprint() const {
  Fingerprint print;
  for (const auto& source : sources_) print.add(std::to_string(source->cache.fingerprint()));
  return print.value();
}

size_t PatchSource::skipped() const {
  size_t count = 0;
  for (const auto& source : sources_) count += source->cache.skipped();
  return count;
}

std::shared_ptr<const Pair> PatchSource::choose(const Source& source, uint64_t position) const {
  const size_t count = source.cache.size();
  const size_t first = source.shuffled(recipe_.seed, position / count, position % count);
  for (size_t i = 0; i < count; ++i)  // an unusable picture is replaced by the next one
    if (auto pair = source.cache.get((first + i) % count)) return pair;
  throw Error(ErrorKind::bad_data, "",
              "none of the " + std::to_string(count) + " training pictures can be used");
}

/// The patches of one sample, each 3 x side x side.
struct PatchSource::Sample {
  float *hr = nullptr, *lr = nullptr, *sharp = nullptr;  // sharp: null where targets are not sharpened
};

void PatchSource::cut(uint64_t position, Random& random, const Sample& sample) const {
  size_t chosen = 0;
  if (sources_.size() > 1) {
    double place = random.uniform(0, total_weight_);
    while (chosen + 1 < sources_.size() && place >= sources_[chosen]->weight)
      place -= sources_[chosen++]->weight;
  }
  const auto pair = choose(*sources_[chosen], position);
  const int scale = recipe_.scale, side = recipe_.hr_size / scale;
  const auto [left, top] = place(pair->lr, side, recipe_.crop_tries, random);
  const Turn turn = Turn::draw(recipe_, random);
  if (!recipe_.common)
    cut_patch(values_of(pair->hr), left * scale, top * scale, recipe_.hr_size, turn, sample.hr);
  if (!recipe_.degradation) return cut_patch(values_of(pair->lr), left, top, side, turn, sample.lr);

  // As in BasicSR the picture is turned first: what degrades it knows up from left.
  const Around across = around(left, side, pair->lr.width, random),
               down = around(top, side, pair->lr.height, random);
  FloatImage seen = turned(floats_of(pair->hr, (left - across.before) * scale, (top - down.before) * scale,
                                     across.size * scale, down.size * scale),
                           turn);
  const int x = (turn.transpose ? down : across).mirrored(turn.mirror_x).before,
            y = (turn.transpose ? across : down).mirrored(turn.mirror_y).before;
  if (recipe_.common) {
    recipe_.common->apply(seen, {seen.width, seen.height}, random);
    cut_patch(values_of(seen), x * scale, y * scale, recipe_.hr_size, {}, sample.hr);
  }
  if (sample.sharp != nullptr) {
    seen = sharpen(seen);
    cut_patch(values_of(seen), x * scale, y * scale, recipe_.hr_size, {}, sample.sharp);
  }
  cut_patch(values_of(recipe_.degradation->degrade(seen, scale, random)), x, y, side, {}, sample.lr);
}

void PatchSource::mix(uint64_t position, Random& random, const Sample& sample) const {
  const MixtureRecipe& mixture = recipe_.mixture;
  if (mixture.mixup + mixture.cutmix + mixture.cutblur == 0) return;
  const double way = random.uniform();
  const Patch large{recipe_.hr_size}, small{recipe_.hr_size / recipe_.scale};
  const double share = mixture.cut.draw(random);
  const Rectangle part = Rectangle::draw(small.side, share, random);
  if (way >= mixture.mixup + mixture.cutmix) {  // cutblur: a part of the small patch is merely reduced
    if (way < mixture.mixup + mixture.cutmix + mixture.cutblur)
      small.reduce_part(sample.sharp != nullptr ? sample.sharp : sample.hr, recipe_.scale, part, sample.lr);
    return;
  }
  std::vector<float> other(2 * large.floats() + small.floats());
  const Sample second{other.data(), other.data() + 2 * large.floats(),
                      sample.sharp != nullptr ? other.data() + large.floats() : nullptr};
  cut(position + 1 + random.below(pictures()), random, second);
  const double first_share = way < mixture.mixup ? random.beta(mixture.mixup_alpha) : 0;
  const auto add = [&](const Patch& patch, int zoom, const float* from, float* to) {
    if (from == nullptr) return;
    if (way < mixture.mixup)
      patch.blend(from, first_share, to);
    else
      patch.copy_part(from, part.enlarged(zoom), to);
  };
  add(small, 1, second.lr, sample.lr);
  add(large, recipe_.scale, second.hr, sample.hr);
  add(large, recipe_.scale, second.sharp, sample.sharp);
}

Batch PatchSource::make(int64_t step, int first, int count) const {
  const int large = recipe_.hr_size, small = recipe_.hr_size / recipe_.scale;
  Batch batch;
  batch.count = count;
  batch.add("hr", {count, 3, large, large});
  batch.add("lr", {count, 3, small, small});
  if (recipe_.sharpen) batch.add("sharp", {count, 3, large, large});
  for (int i = 0; i < count; ++i) {
    const uint64_t position = static_cast<uint64_t>(step) * static_cast<uint64_t>(recipe_.batch_size) +
                              static_cast<uint64_t>(first + i);
    const Sample sample{batch.arrays.at("hr").sample(i), batch.arrays.at("lr").sample(i),
                        recipe_.sharpen ? batch.arrays.at("sharp").sample(i) : nullptr};
    Random random{recipe_.seed, 0xDA7A, position};
    cut(position, random, sample);
    mix(position, random, sample);
  }
  return batch;
}

}  // namespace esrgan::train
