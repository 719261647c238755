#include "video/pipeline.h"

#include <esrgan/error.h>

#include <chrono>
#include <exception>
#include <thread>
#include <utility>

#include "base/platform_process.h"

namespace esrgan::video {
namespace {

// Frames that wait between two stages: enough for a stage to take a breath, few enough for the memory.
constexpr size_t read_ahead = 2, upscaled_ahead = 1, converted_ahead = 2;

using Upscale = std::function<void(FrameItem&, const FrameItem*, PixelsPool&)>;

class Pipeline {
 public:
  Pipeline(FrameInput& input, FrameOutput& output, std::stop_token stop)
      : input_(input), output_(output), stop_(std::move(stop)) {}

  PipelineCounts run(const Upscale& upscale) {
    std::thread reading([&] {
      name_thread("film: decode");
      stage([&] { input_.run(pool_, [&](FrameItem item) { return read_.push(std::move(item)); }); });
      read_.close();
    });
    std::thread converting([&] {
      name_thread("film: convert");
      stage([&] {
        while (auto item = upscaled_.pop())
          if (!converted_.push(output_.prepare(std::move(*item), pool_))) return;
      });
      converted_.close();
    });
    std::thread writing([&] {
      name_thread("film: encode");
      stage([&] {
        while (auto write = converted_.pop()) (*write)();
      });
    });
    stage([&] { compute(upscale); });
    upscaled_.close();
    reading.join();
    converting.join();
    writing.join();
    if (failure_) std::rethrow_exception(failure_);
    return counts_;
  }

 private:
  void compute(const Upscale& upscale) {
    using Clock = std::chrono::steady_clock;
    for (auto item = read_.pop(); item;) {
      if (stop_.stop_requested()) throw Cancelled();
      auto next = read_.try_pop();
      if (item->source) {
        ++counts_.frames;
        if (item->repeated) {
          ++counts_.repeated;
        } else {
          // Enlarged pictures are large: one is made while another is converted, and none waits.
          if (!upscaled_.wait_until_empty()) return;
          const Clock::time_point start = Clock::now();
          upscale(*item, next ? &*next : nullptr, pool_);
          counts_.network_seconds += std::chrono::duration<double>(Clock::now() - start).count();
        }
      }
      counts_.damaged += item->counts.damaged;
      counts_.lost += item->counts.lost;
      if (!upscaled_.push(std::move(*item))) return;
      item = next ? std::move(next) : read_.pop();
    }
  }

  /// Runs a stage; an error ends them all.
  void stage(const std::function<void()>& work) {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      read_.abandon();
      upscaled_.abandon();
      converted_.abandon();
    }
  }

  FrameInput& input_;
  FrameOutput& output_;
  std::stop_token stop_;
  PixelsPool pool_;
  BoundedQueue<FrameItem> read_{read_ahead}, upscaled_{upscaled_ahead};
  BoundedQueue<std::function<void()>> converted_{converted_ahead};
  PipelineCounts counts_;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

}  // namespace

PulledFrames::PulledFrames(std::unique_ptr<FrameInput> input)
    : input_(std::move(input)), queue_(read_ahead), thread_([this] {
        try {
          input_->run(pool_, [&](FrameItem item) { return queue_.push(std::move(item)); });
        } catch (...) {
          failure_ = std::current_exception();
        }
        queue_.close();
      }) {}

PulledFrames::~PulledFrames() {
  queue_.abandon();
  thread_.join();
}

std::optional<FrameItem> PulledFrames::next() {
  std::optional<FrameItem> item = queue_.pop();
  if (!item && failure_) std::rethrow_exception(failure_);
  return item;
}

PipelineCounts run_pipeline(FrameInput& input, FrameOutput& output, const Upscale& upscale,
                            const std::stop_token& stop) {
  return Pipeline(input, output, stop).run(upscale);
}

}  // namespace esrgan::video
