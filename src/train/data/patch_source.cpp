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
#include "train/data/random.h"

namespace esrgan::train {
namespace {

/// One of the eight symmetries of the square: transposed first, then mirrored.
struct Turn {
  bool mirror_x = false, mirror_y = false, transpose = false;
};

/// Where the pixel (x, y) of a turned picture of this size is taken from.
std::pair<int, int> source_of(int x, int y, int width, int height, Turn turn) {
  if (turn.mirror_x) x = width - 1 - x;
  if (turn.mirror_y) y = height - 1 - y;
  return turn.transpose ? std::pair(y, x) : std::pair(x, y);
}

/// Copies the patch at (left, top) to channel planes; `value(x, y, c)` is the picture.
template <typename Value>
void cut_patch(const Value& value, int left, int top, int side, Turn turn, float* to) {
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x) {
        const auto [sx, sy] = source_of(x, y, side, side, turn);
        *to++ = value(left + sx, top + sy, c);
      }
}

FloatImage turned(const FloatImage& picture, Turn turn) {
  FloatImage result(picture.width, picture.height, picture.channels);
  if (turn.transpose) std::swap(result.width, result.height);
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x) {
      const auto [sx, sy] = source_of(x, y, result.width, result.height, turn);
      for (int c = 0; c < picture.channels; ++c) result.at(x, y, c) = picture.at(sx, sy, c);
    }
  return result;
}

/// A stretch of a picture around a patch: `before` and `side` pixels, and some more.
struct Around {
  int before, side, size;
  /// The same, seen from the other end.
  Around mirrored(bool really) const { return {really ? size - before - side : before, side, size}; }
};

/// With what is needed around a patch so that its edges are rare where it is degraded, as far as the picture
/// goes. The compression's blocks begin at its corner: by a random pixel more they lie anywhere on the patch.
Around around(int begin, int side, int extent, Random& random) {
  constexpr int reach = 10, blocks = 16;  // chroma's blocks are of 16 pixels
  const int shift = static_cast<int>(random.below(blocks));
  const int before = std::min(begin, reach + shift);
  return {before, side, before + side + std::min(extent - begin - side, reach + blocks - 1 - shift)};
}

/// Sum of the absolute differences of neighbours in a patch, green alone.
int64_t slopes(const PackedPicture& picture, int left, int top, int side) {
  const size_t stride = static_cast<size_t>(picture.width) * 3;
  int64_t sum = 0;
  for (int y = top; y + 1 < top + side; ++y) {
    const uint8_t* row = picture.samples.data() + static_cast<size_t>(y) * stride + 1;
    for (size_t x = static_cast<size_t>(left) * 3; x + 3 < static_cast<size_t>(left + side) * 3; x += 3)
      sum += std::abs(row[x + 3] - row[x]) + std::abs(row[x + stride] - row[x]);
  }
  return sum;
}

/// Left and top of a patch: of `tries` random places the one with the steepest slopes.
std::pair<int, int> place(const PackedPicture& picture, int side, int tries, Random& random) {
  std::pair<int, int> best;
  int64_t most = -1;
  for (int i = 0; i < tries; ++i) {
    const auto left = static_cast<int>(random.below(static_cast<uint64_t>(picture.width - side + 1)));
    const auto top = static_cast<int>(random.below(static_cast<uint64_t>(picture.height - side + 1)));
    const int64_t found = tries > 1 ? slopes(picture, left, top, side) : 0;
    if (found > most) most = found, best = {left, top};
  }
  return best;
}

auto values_of(const PackedPicture& pixels) {
  return [&pixels](int x, int y, int c) {
    const size_t pixel = static_cast<size_t>(y) * static_cast<size_t>(pixels.width) + static_cast<size_t>(x);
    return static_cast<float>(pixels.samples[pixel * 3 + static_cast<size_t>(c)]) / 255;
  };
}

auto values_of(const FloatImage& picture) {
  return [&picture](int x, int y, int c) { return picture.at(x, y, c); };
}

}  // namespace

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
  const bool mirror_x = random.chance(0.5), mirror_y = random.chance(0.5), transpose = random.chance(0.5);
  const Turn turn{recipe_.flip && mirror_x, recipe_.rotate && mirror_y, recipe_.rotate && transpose};
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
