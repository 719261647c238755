// Who computes which part of which band, when.
#pragma once

#include <atomic>
#include <chrono>
#include <vector>

#include "device/cpu/layout.h"

namespace esrgan {

/// Gives the items of a run to threads, in their order, and none before what it needs is done. A thread
/// that has waited for a while takes a later item that can be done already. For any number of threads, except
/// start().
class ItemQueue {
 public:
  /// Room for all runs of a schedule that is laid out so. All three must outlive the queue. threads: how
  /// many will come.
  ItemQueue(const Schedule& schedule, const Layout& layout, const std::vector<std::vector<Item>>& items,
            int threads);

  /// How long a thread waits for the next items before it takes a later one.
  static constexpr std::chrono::microseconds patience{200};

  /// Begins a run; nobody may be at work.
  void start(size_t run);

  /// The next item, for the thread that asks; null when there is none left, or after abandon(). Waits until
  /// one can be computed.
  const Item* take();
  /// The same without waiting: null where none can be computed yet. patient: one that has waited for a while.
  const Item* take_now(bool patient);
  void finish(const Item& item);

  /// Nobody gets anything from now on.
  void abandon();

 private:
  struct Band {
    std::atomic<int> left{0};          // parts
    std::atomic<PartSet> finished{0};  // where these are few enough
  };

  const Item* take_among(size_t first, size_t count);
  size_t first_left();
  bool is_ready(const Item& item);
  bool has_finished(size_t step, int count);
  Band& band(size_t step, int number) { return bands_[step * bands_of_step_ + static_cast<size_t>(number)]; }
  void tell();

  const Schedule& schedule_;
  const Layout& layout_;
  const std::vector<std::vector<Item>>& all_items_;
  size_t look_ahead_;
  const Stage* stage_ = nullptr;
  const StagePlan* plan_ = nullptr;
  const Run* run_ = nullptr;
  const std::vector<Item>* items_ = nullptr;
  size_t bands_of_step_ = 0;
  std::vector<Band> bands_;               // of all steps of the stage
  std::vector<std::atomic<int>> done_;    // bands of each step: all up to there
  std::vector<std::atomic<bool>> taken_;  // items
  std::atomic<size_t> first_left_{0};     // all items before are taken
  std::atomic<int> events_{0};            // changes whenever there may be something new for those that wait
  std::atomic<bool> abandoned_{false};
};

}  // namespace esrgan
