// What happens when in a step, for people: a file that chrome://tracing and ui.perfetto.dev open.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace esrgan::train {

/// While it lives, the spans of all threads and LibTorch's operators are recorded; one at a time.
class Trace {
 public:
  Trace();
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;
  Trace(Trace&&) = delete;
  Trace& operator=(Trace&&) = delete;

  /// Writes what was recorded so far, in the Trace Event Format. Throws Error.
  void save(const std::filesystem::path& file) const;

 private:
  uint64_t callback_;
};

/// Adds the seconds of its life to a sum, and a span to the trace if there is one.
class Span {
 public:
  Span(std::string name, double& sum) : name_(std::move(name)), sum_(sum) {}
  ~Span();
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;
  Span(Span&&) = delete;
  Span& operator=(Span&&) = delete;

 private:
  std::string name_;
  double& sum_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace esrgan::train
