#include "train/data/batches.h"

#include <esrgan/error.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/platform_memory.h"
#include "train/data/fingerprint.h"
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

auto values_of(const Pixels& pixels) {
  return [&pixels](int x, int y, int c) {
    const size_t pixel = static_cast<size_t>(y) * static_cast<size_t>(pixels.width) + static_cast<size_t>(x);
    return static_cast<float>(pixels.samples[pixel * 3 + static_cast<size_t>(c)]) / 255;
  };
}

auto values_of(const FloatImage& picture) {
  return [&picture](int x, int y, int c) { return picture.at(x, y, c); };
}

}  // namespace

struct BatchMaker::Source {
  double weight;
  mutable PairCache cache;
  mutable std::mutex mutex;
  mutable std::map<uint64_t, std::vector<uint32_t>> orders;  // of the epochs in use

  Source(const SourceRecipe& recipe, const DataRecipe& data, int scale, int sharing)
      : weight(recipe.weight), cache(make_cache(recipe, data, scale, sharing)) {}

  static PairCache make_cache(const SourceRecipe& recipe, const DataRecipe& data, int scale, int sharing) {
    auto files = list_pairs(recipe, scale);
    if (!data.pack_folder.empty())
      return {std::move(files), scale, data.hr_size, data.pack_folder, data.workers};
    const uint64_t memory =
        data.cache_memory != 0 ? data.cache_memory : available_memory() / 4 / static_cast<uint64_t>(sharing);
    return {std::move(files), scale, data.hr_size, memory / data.sources.size()};
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

BatchMaker::BatchMaker(const DataRecipe& recipe, int scale, uint64_t seed, int sharing)
    : recipe_(recipe), scale_(scale), seed_(seed) {
  for (const SourceRecipe& source : recipe.sources) {
    sources_.push_back(std::make_unique<Source>(source, recipe, scale, sharing));
    total_weight_ += source.weight;
  }
}
BatchMaker::~BatchMaker() = default;

size_t BatchMaker::pictures() const {
  size_t count = 0;
  for (const auto& source : sources_) count += source->cache.size();
  return count;
}

uint64_t BatchMaker::fingerprint() const {
  Fingerprint print;
  for (const auto& source : sources_) print.add(std::to_string(source->cache.fingerprint()));
  return print.value();
}

size_t BatchMaker::skipped() const {
  size_t count = 0;
  for (const auto& source : sources_) count += source->cache.skipped();
  return count;
}

std::shared_ptr<const Pair> BatchMaker::choose(const Source& source, uint64_t position) const {
  const size_t count = source.cache.size();
  const size_t first = source.shuffled(seed_, position / count, position % count);
  for (size_t i = 0; i < count; ++i)  // an unusable picture is replaced by the next one
    if (auto pair = source.cache.get((first + i) % count)) return pair;
  throw Error(ErrorKind::bad_data, "",
              "none of the " + std::to_string(count) + " training pictures can be used");
}

void BatchMaker::cut(int64_t step, int sample, float* hr, float* lr, float* sharp) const {
  const uint64_t position =
      static_cast<uint64_t>(step) * static_cast<uint64_t>(recipe_.batch_size) + static_cast<uint64_t>(sample);
  Random random{seed_, 0xDA7A, position};
  size_t chosen = 0;
  if (sources_.size() > 1) {
    double place = random.uniform(0, total_weight_);
    while (chosen + 1 < sources_.size() && place >= sources_[chosen]->weight)
      place -= sources_[chosen++]->weight;
  }
  const auto pair = choose(*sources_[chosen], position);
  const int side = recipe_.hr_size / scale_;
  const auto left = static_cast<int>(random.below(static_cast<uint64_t>(pair->lr.width - side + 1)));
  const auto top = static_cast<int>(random.below(static_cast<uint64_t>(pair->lr.height - side + 1)));
  const bool mirror_x = random.chance(0.5), mirror_y = random.chance(0.5), transpose = random.chance(0.5);
  const Turn turn{recipe_.flip && mirror_x, recipe_.rotate && mirror_y, recipe_.rotate && transpose};
  cut_patch(values_of(pair->hr), left * scale_, top * scale_, recipe_.hr_size, turn, hr);
  if (!recipe_.degradation.on) return cut_patch(values_of(pair->lr), left, top, side, turn, lr);

  // As in BasicSR the picture is turned first: what degrades it knows up from left.
  const Around across = around(left, side, pair->lr.width, random),
               down = around(top, side, pair->lr.height, random);
  FloatImage seen = turned(floats_of(pair->hr, (left - across.before) * scale_, (top - down.before) * scale_,
                                     across.size * scale_, down.size * scale_),
                           turn);
  const int x = (turn.transpose ? down : across).mirrored(turn.mirror_x).before,
            y = (turn.transpose ? across : down).mirrored(turn.mirror_y).before;
  if (recipe_.degradation.sharpen) {
    seen = sharpen(seen);
    cut_patch(values_of(seen), x * scale_, y * scale_, recipe_.hr_size, {}, sharp);
  }
  cut_patch(values_of(degrade(seen, recipe_.degradation, scale_, random)), x, y, side, {}, lr);
}

Batch BatchMaker::make(int64_t step, int first, int count) const {
  Batch batch{count, recipe_.hr_size, recipe_.hr_size / scale_, {}, {}, {}};
  const auto floats = [](int side) { return 3 * static_cast<size_t>(side) * static_cast<size_t>(side); };
  batch.hr.resize(static_cast<size_t>(count) * floats(batch.hr_size));
  batch.lr.resize(static_cast<size_t>(count) * floats(batch.lr_size));
  if (recipe_.degradation.on && recipe_.degradation.sharpen) batch.sharp.resize(batch.hr.size());
  for (int i = 0; i < count; ++i) {
    const size_t large = static_cast<size_t>(i) * floats(batch.hr_size),
                 small = static_cast<size_t>(i) * floats(batch.lr_size);
    cut(step, first + i, batch.hr.data() + large, batch.lr.data() + small,
        batch.sharp.empty() ? nullptr : batch.sharp.data() + large);
  }
  return batch;
}

Prefetcher::Prefetcher(const BatchMaker& maker, int64_t step, int first, int count, int workers)
    : maker_(maker),
      first_(first),
      count_(count),
      ahead_(std::max(4, workers + 2)),
      wanted_(step),
      begun_(step) {
  for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
}

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Prefetcher::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || begun_ < wanted_ + ahead_; });
    if (stop_) return;
    const int64_t step = begun_++;
    lock.unlock();
    Result result;
    try {
      result.batch = maker_.make(step, first_, count_);
    } catch (...) {
      result.failure = std::current_exception();
    }
    lock.lock();
    ready_.emplace(step, std::move(result));
    changed_.notify_all();
  }
}

Batch Prefetcher::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ready_.contains(wanted_); });
  Result result = std::move(ready_.extract(wanted_).mapped());
  ++wanted_;
  changed_.notify_all();
  if (result.failure) std::rethrow_exception(result.failure);
  return std::move(result.batch);
}

}  // namespace esrgan::train
