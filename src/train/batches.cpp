#include "train/batches.h"

#include <esrgan/error.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "train/random.h"

namespace esrgan::train {
namespace {

/// One of the eight symmetries of the square: transposed first, then mirrored.
struct Turn {
  bool mirror_x, mirror_y, transpose;
};

/// Copies the patch at (left, top) to channel planes.
void cut_patch(const Pixels& from, int left, int top, int side, Turn turn, float* to) {
  const auto plane = static_cast<size_t>(side) * static_cast<size_t>(side);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      int sx = turn.mirror_x ? side - 1 - x : x, sy = turn.mirror_y ? side - 1 - y : y;
      if (turn.transpose) std::swap(sx, sy);
      const uint8_t* pixel =
          from.samples.data() +
          (static_cast<size_t>(top + sy) * static_cast<size_t>(from.width) + static_cast<size_t>(left + sx)) *
              3;
      for (size_t c = 0; c < 3; ++c)
        to[c * plane + static_cast<size_t>(y) * static_cast<size_t>(side) + static_cast<size_t>(x)] =
            static_cast<float>(pixel[c]) / 255;
    }
}

}  // namespace

struct BatchMaker::Source {
  double weight;
  mutable PairCache cache;
  mutable std::mutex mutex;
  mutable std::map<uint64_t, std::vector<uint32_t>> orders;  // of the epochs in use

  Source(const SourceRecipe& recipe, int scale, int least, uint64_t memory)
      : weight(recipe.weight), cache(list_pairs(recipe, scale), scale, least, memory) {}

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
    sources_.push_back(
        std::make_unique<Source>(source, scale, recipe.hr_size, recipe.cache_memory / recipe.sources.size()));
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
  throw Error("", "none of the " + std::to_string(count) + " training pictures can be used");
}

void BatchMaker::cut(int64_t step, int sample, float* hr, float* lr) const {
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
  cut_patch(pair->hr, left * scale_, top * scale_, recipe_.hr_size, turn, hr);
  cut_patch(pair->lr, left, top, side, turn, lr);
}

Batch BatchMaker::make(int64_t step, int first, int count) const {
  Batch batch{count, recipe_.hr_size, recipe_.hr_size / scale_, {}, {}};
  const auto floats = [](int side) { return 3 * static_cast<size_t>(side) * static_cast<size_t>(side); };
  batch.hr.resize(static_cast<size_t>(count) * floats(batch.hr_size));
  batch.lr.resize(static_cast<size_t>(count) * floats(batch.lr_size));
  for (int i = 0; i < count; ++i)
    cut(step, first + i, batch.hr.data() + static_cast<size_t>(i) * floats(batch.hr_size),
        batch.lr.data() + static_cast<size_t>(i) * floats(batch.lr_size));
  return batch;
}

Prefetcher::Prefetcher(const BatchMaker& maker, int64_t step, int first, int count, int workers)
    : maker_(maker), first_(first), count_(count), wanted_(step), begun_(step) {
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
    changed_.wait(lock, [&] { return stop_ || begun_ < wanted_ + ahead; });
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
