// Reading, the network, conversion and writing of frames, each in a thread of its own.
#pragma once

#include <esrgan/video.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "engine/frame_upscaler.h"
#include "video/ffmpeg.h"
#include "video/segment_file.h"

namespace esrgan::video {

/// Hands items from one thread to another; holds at most `capacity`.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  /// Waits for room. False when the queue was abandoned.
  bool push(T item) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return abandoned_ || items_.size() < capacity_; });
    if (abandoned_) return false;
    items_.push_back(std::move(item));
    changed_.notify_all();
    return true;
  }
  /// Waits until all items were taken. False when the queue was abandoned.
  bool wait_until_empty() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return abandoned_ || items_.empty(); });
    return !abandoned_;
  }
  /// Waits for an item; none when the queue was closed and is empty, or was abandoned.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return abandoned_ || closed_ || !items_.empty(); });
    if (abandoned_ || items_.empty()) return {};
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    changed_.notify_all();
    return item;
  }
  /// An item, if one is there.
  std::optional<T> try_pop() {
    const std::lock_guard lock(mutex_);
    if (abandoned_ || items_.empty()) return {};
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    changed_.notify_all();
    return item;
  }
  /// Nothing more will be pushed.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  /// Nobody waits any more.
  void abandon() {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    items_.clear();
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> items_;
  size_t capacity_;
  bool closed_ = false, abandoned_ = false;
};

/// Memory of pictures, to be used again: for others of about the same size, so that the small ones before the
/// network do not come to hold the memory of those behind it.
class PixelsPool {
 public:
  /// For so many samples; of any size, until it is resized.
  Pixels take(size_t samples) {
    const std::lock_guard lock(mutex_);
    const auto found = free_.lower_bound(samples);
    if (found == free_.end() || found->first > 2 * samples) return {};
    return std::move(free_.extract(found).mapped());
  }
  void give(Pixels pixels) {
    const std::lock_guard lock(mutex_);
    const size_t capacity = pixels.capacity();
    free_.emplace(capacity, std::move(pixels));
  }

 private:
  std::mutex mutex_;
  std::multimap<size_t, Pixels> free_;  // by capacity
};

/// Pixels of a frame that several windows have.
using SharedPixels = std::shared_ptr<const Pixels>;

/// A frame on its way, or the end of a segment (then without a source).
struct FrameItem {
  FramePtr source;        ///< the frame as it was read: its time, properties and format
  int64_t number = 0;     ///< from 0, among the frames of the film
  size_t segment = 0;     ///< of the plan
  bool repeated = false;  ///< the same picture as the item before; without pixels
  /// The frame, or its top and its bottom field. None of a frame that the device converts.
  std::vector<Pixels> parts;
  FramePtr enlarged;  ///< behind the network: what the device made of such a frame
  /// Instead of `parts`, for a network that sees several frames: each part with those around it, which are in
  /// order.
  std::vector<std::vector<SharedPixels>> windows;
  SegmentCounts counts;  ///< at the end of a segment
};

/// Where a frame belongs.
struct FramePlace {
  int64_t number = 0, time = 0;
  size_t segment = 0;
};
/// Which frames are to be handed over.
struct FrameChoice {
  std::stop_token stop = {};                                ///< on request, Cancelled is thrown
  std::function<bool(size_t segment)> segment;              ///< frames of others are not even looked at
  std::function<bool(const FramePlace& frame)> frame = {};  ///< of those segments; may be empty: all
  /// Those that come without pixels; may be empty: none.
  std::function<bool(const AVFrame& frame)> as_stored = {};
};

class FrameInput {
 public:
  FrameInput() = default;
  FrameInput(const FrameInput&) = delete;
  FrameInput& operator=(const FrameInput&) = delete;
  FrameInput(FrameInput&&) = delete;
  FrameInput& operator=(FrameInput&&) = delete;
  virtual ~FrameInput() = default;

  /// Hands over all frames that are wanted, in order. False from `take` ends it.
  virtual void run(PixelsPool& pool, const std::function<bool(FrameItem)>& take) = 0;
};

/// The frames of an input one by one, which is read in a thread of its own.
class PulledFrames {
 public:
  explicit PulledFrames(std::unique_ptr<FrameInput> input);
  PulledFrames(const PulledFrames&) = delete;
  PulledFrames& operator=(const PulledFrames&) = delete;
  PulledFrames(PulledFrames&&) = delete;
  PulledFrames& operator=(PulledFrames&&) = delete;
  ~PulledFrames();

  /// None behind the last. Throws what the input threw.
  std::optional<FrameItem> next();

 private:
  std::unique_ptr<FrameInput> input_;
  PixelsPool pool_;
  BoundedQueue<FrameItem> queue_;
  std::exception_ptr failure_;
  std::thread thread_;
};

class FrameOutput {
 public:
  FrameOutput() = default;
  FrameOutput(const FrameOutput&) = delete;
  FrameOutput& operator=(const FrameOutput&) = delete;
  FrameOutput(FrameOutput&&) = delete;
  FrameOutput& operator=(FrameOutput&&) = delete;
  virtual ~FrameOutput() = default;

  /// Takes an item whose parts were enlarged, converts it, and returns what is left to do: to write it. The
  /// former and the latter each run in a thread of their own, in order.
  virtual std::function<void()> prepare(FrameItem item, PixelsPool& pool) = 0;
};

struct PipelineCounts {
  int64_t frames = 0, repeated = 0, damaged = 0, lost = 0;
  double network_seconds = 0;
};

/// `upscale` is called in the calling thread, with an item and the one behind it, if that is there already.
/// Ends when all is written; throws what a stage threw, the first error of all, or Cancelled.
PipelineCounts run_pipeline(
    FrameInput& input, FrameOutput& output,
    const std::function<void(FrameItem& item, const FrameItem* next, PixelsPool& pool)>& upscale,
    const std::stop_token& stop);

}  // namespace esrgan::video
