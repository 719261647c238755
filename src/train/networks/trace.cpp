#include "train/networks/trace.h"

#include <ATen/record_function.h>
#include <torch/cuda.h>

#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/platform_process.h"
#include "train/run/run_folder.h"

namespace esrgan::train {
namespace {

using Clock = std::chrono::steady_clock;

struct Event {
  std::string name;
  const char* category;
  Clock::time_point begin, end;
  int64_t thread;
};

std::mutex mutex;
bool recording = false;
std::atomic<bool> waits = false;  // for the GPU, at the ends of spans
std::vector<Event> events;

void record(std::string name, const char* category, Clock::time_point begin) {
  const auto end = Clock::now();
  const std::lock_guard lock(mutex);
  if (recording) events.push_back({std::move(name), category, begin, end, thread_id()});
}

struct Begin : at::ObserverContext {
  Clock::time_point time = Clock::now();
};

std::unique_ptr<at::ObserverContext> begin_operator(const at::RecordFunction&) {
  return std::make_unique<Begin>();
}

void end_operator(const at::RecordFunction& function, at::ObserverContext* context) {
  record(function.name(), "operator", static_cast<Begin*>(context)->time);
}

}  // namespace

Trace::Trace(torch::Device device)
    : callback_(at::addGlobalCallback(at::RecordFunctionCallback(begin_operator, end_operator))) {
  const std::lock_guard lock(mutex);
  recording = true;
  waits = device.is_cuda();
}

Trace::~Trace() {
  at::removeCallback(callback_);
  const std::lock_guard lock(mutex);
  recording = waits = false;
  events.clear();
}

void Trace::save(const std::filesystem::path& file) const {
  nlohmann::json list = nlohmann::json::array();
  {
    const std::lock_guard lock(mutex);
    const auto micros = [](Clock::duration time) {
      return std::chrono::duration<double, std::micro>(time).count();
    };
    for (const Event& event : events)
      list.push_back({{"name", event.name},
                      {"cat", event.category},
                      {"ph", "X"},
                      {"ts", micros(event.begin.time_since_epoch())},
                      {"dur", micros(event.end - event.begin)},
                      {"pid", process_id()},
                      {"tid", event.thread}});
  }
  write_text(file, nlohmann::json{{"traceEvents", list}, {"displayTimeUnit", "ms"}}.dump());
}

Span::Span(std::string name, double& sum) : name_(std::move(name)), sum_(sum) {
  if (waits) torch::cuda::synchronize();
  begin_ = Clock::now();
}

Span::~Span() {
  if (waits) torch::cuda::synchronize();
  sum_ += std::chrono::duration<double>(Clock::now() - begin_).count();
  record(name_, "step", begin_);
}

}  // namespace esrgan::train
