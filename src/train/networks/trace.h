// What happens when in a step, for people: a file that chrome://tracing and ui.perfetto.dev open.
#pragma once

#include <torch/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

namespace esrgan::train {

/// While it lives, the spans of all threads and LibTorch's operators are recorded; one at a time. A GPU is
/// waited for at the ends of spans, which would otherwise be those of the queueing alone.
class Trace {
 public:
  explicit Trace(torch::Device device);
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
  Span(std::string name, double& sum);
  ~Span();
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;
  Span(Span&&) = delete;
  Span& operator=(Span&&) = delete;

 private:
  std::string name_;
  double& sum_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace esrgan::train
