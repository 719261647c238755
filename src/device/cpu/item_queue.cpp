#include "device/cpu/item_queue.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

namespace esrgan {
namespace {

using Clock = std::chrono::steady_clock;

// How far a thread looks ahead beyond the items that come next (one for each thread) once its patience is
// at an end, and how long it waits awake. Mostly one of the next is ready within microseconds. Where it takes
// longer, something else has the processor of the thread that is waited for: it is better to do other work,
// though it is farther from what the caches hold, and, where there is none, to give up the processor here.
constexpr size_t look_far_ahead = 256;
constexpr std::chrono::microseconds awake{300};

size_t most_bands(const Schedule& schedule, const Layout& layout) {
  size_t most = 0;
  for (size_t s = 0; s < schedule.stages.size(); ++s)
    most = std::max(most, (schedule.stages[s].end - schedule.stages[s].begin) *
                              static_cast<size_t>(layout.stages[s].bands));
  return most;
}

size_t most_steps(const Schedule& schedule) {
  size_t most = 0;
  for (const Stage& stage : schedule.stages) most = std::max(most, stage.end - stage.begin);
  return most;
}

size_t most_items(const std::vector<std::vector<Item>>& items) {
  size_t most = 0;
  for (const std::vector<Item>& list : items) most = std::max(most, list.size());
  return most;
}

}  // namespace

ItemQueue::ItemQueue(const Schedule& schedule, const Layout& layout,
                     const std::vector<std::vector<Item>>& items, int threads)
    : schedule_(schedule),
      layout_(layout),
      all_items_(items),
      look_ahead_(static_cast<size_t>(threads)),
      bands_(most_bands(schedule, layout)),
      done_(most_steps(schedule)),
      taken_(most_items(items)) {}

void ItemQueue::start(size_t run) {
  run_ = &layout_.runs[run];
  stage_ = &schedule_.stages[run_->stage];
  plan_ = &layout_.stages[run_->stage];
  items_ = &all_items_[run];
  bands_of_step_ = static_cast<size_t>(plan_->bands);
  for (std::atomic<int>& done : done_) done.store(0, std::memory_order_relaxed);
  for (size_t i = 0; i < items_->size(); ++i) taken_[i].store(false, std::memory_order_relaxed);
  for (const Item& item : *items_) {
    Band& of = band(item.step - stage_->begin, item.band);
    of.left.store(item.parts, std::memory_order_relaxed);
    of.finished.store(0, std::memory_order_relaxed);
  }
  first_left_.store(0, std::memory_order_relaxed);
}

const Item* ItemQueue::take() {
  std::optional<Clock::time_point> start;
  for (;;) {
    const int seen = events_.load();
    const size_t first = first_left();
    if (abandoned_.load(std::memory_order_relaxed) || first == items_->size()) return nullptr;
    if (const Item* const next = take_among(first, look_ahead_)) return next;
    const Clock::time_point now = Clock::now();
    if (!start) start = now;
    if (now - *start < patience) continue;
    if (const Item* const later = take_among(first, look_far_ahead)) return later;
    if (now - *start > awake)
      events_.wait(seen);
    else
      std::this_thread::yield();
  }
}

const Item* ItemQueue::take_now(bool patient) {
  return take_among(first_left(), patient ? look_far_ahead : look_ahead_);
}

const Item* ItemQueue::take_among(size_t first, size_t count) {
  const size_t end = std::min(items_->size(), first + count);
  for (size_t i = first; i < end; ++i) {
    const Item& item = (*items_)[i];
    if (!taken_[i].load(std::memory_order_relaxed) && is_ready(item) && !taken_[i].exchange(true))
      return &item;
  }
  return nullptr;
}

size_t ItemQueue::first_left() {
  const size_t known = first_left_.load(std::memory_order_relaxed);
  size_t first = known;
  while (first < items_->size() && taken_[first].load(std::memory_order_relaxed)) ++first;
  if (first != known) first_left_.store(first, std::memory_order_relaxed);  // may fall back: a shortcut only
  return first;
}

bool ItemQueue::is_ready(const Item& item) {
  const std::vector<Dependence>& needs = schedule_.steps[item.step].needs;
  const std::vector<PartSet>& reads = run_->reads[item.step - stage_->begin];
  for (size_t n = 0; n < needs.size(); ++n) {
    const int count = item.band + needs[n].ahead;
    if (count <= 0) continue;
    const size_t step = needs[n].step - stage_->begin;
    const PartSet of_last = count < plan_->bands
                                ? reads[n * static_cast<size_t>(item.parts) + static_cast<size_t>(item.part)]
                                : whole_band;
    if (of_last == whole_band) {
      if (!has_finished(step, std::min(plan_->bands, count))) return false;
    } else if (!has_finished(step, count - 1) ||
               (band(step, count - 1).finished.load(std::memory_order_acquire) & of_last) != of_last) {
      return false;
    }
  }
  return true;
}

bool ItemQueue::has_finished(size_t step, int count) {
  int ready = done_[step].load(std::memory_order_acquire);
  if (ready >= count) return true;
  while (ready < count && band(step, ready).left.load(std::memory_order_acquire) == 0) ++ready;
  if (ready < count) return false;
  done_[step].store(ready, std::memory_order_release);  // may fall back: a shortcut only
  return true;
}

void ItemQueue::finish(const Item& item) {
  Band& of = band(item.step - stage_->begin, item.band);
  if (item.parts <= most_parts_in_set)
    of.finished.fetch_or(PartSet{1} << static_cast<unsigned>(item.part), std::memory_order_release);
  of.left.fetch_sub(1, std::memory_order_release);
  tell();
}

void ItemQueue::abandon() {
  abandoned_.store(true);
  tell();
}

/// Wakes those that wait.
void ItemQueue::tell() {
  events_.fetch_add(1);
  events_.notify_all();
}

}  // namespace esrgan
