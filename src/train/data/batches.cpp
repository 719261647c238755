#include "train/data/batches.h"

#include <esrgan/error.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/platform_memory.h"
#include "train/data/random.h"

namespace esrgan::train {
namespace {

/// One of the eight symmetries of the square: transposed first, then mirrored.
struct Turn {
  bool mirror_x, mirror_y, transpose;
};

/// Copies the patch at (left, top) to channel planes; `value(x, y, c)` is the picture.
template <typename Value>
void cut_patch(const Value& value, int left, int top, int side, Turn turn, float* to) {
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x) {
        int sx = turn.mirror_x ? side - 1 - x : x, sy = turn.mirror_y ? side - 1 - y : y;
        if (turn.transpose) std::swap(sx, sy);
        *to++ = value(left + sx, top + sy, c);
      }
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

  Source(const SourceRecipe& recipe, const DataRecipe& data, int scale)
      : weight(recipe.weight), cache(make_cache(recipe, data, scale)) {}

  static PairCache make_cache(const SourceRecipe& recipe, const DataRecipe& data, int scale) {
    auto files = list_pairs(recipe, scale);
    if (!data.pack_folder.empty())
      return {std::move(files), scale, data.hr_size, data.pack_folder, data.workers};
    const uint64_t memory = data.cache_memory != 0 ? data.cache_memory : available_memory() / 4;
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

BatchMaker::BatchMaker(const DataRecipe& recipe, int scale, uint64_t seed)
    : recipe_(recipe), scale_(scale), seed_(seed) {
  for (const SourceRecipe& source : recipe.sources) {
    sources_.push_back(std::make_unique<Source>(source, recipe, scale));
    total_weight_ += source.weight;
  }
}
BatchMaker::~BatchMaker() = default;

size_t BatchMaker::pictures() const {
  size_t count = 0;
  for (const auto& source : sources_) count += source->cache.size();
  return count;
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

  // The patch is degraded with some of what is around it, so that edges of its own are rare; beyond, it is
  // mirrored.
  constexpr int margin = 8;  // small pixels
  const int before_x = std::min(left, margin), before_y = std::min(top, margin);
  const int width = before_x + side + std::min(margin, pair->lr.width - left - side),
            height = before_y + side + std::min(margin, pair->lr.height - top - side);
  FloatImage around = floats_of(pair->hr, (left - before_x) * scale_, (top - before_y) * scale_,
                                width * scale_, height * scale_);
  if (recipe_.degradation.sharpen) {
    around = train::sharpen(around);
    cut_patch(values_of(around), before_x * scale_, before_y * scale_, recipe_.hr_size, turn, sharp);
  }
  const FloatImage reduced = degrade(around, recipe_.degradation, scale_, random);
  cut_patch(values_of(reduced), before_x, before_y, side, turn, lr);
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
