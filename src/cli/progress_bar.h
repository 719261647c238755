// A line on a terminal that shows how far a job is.
#pragma once

#include <chrono>
#include <string>

namespace esrgan::cli {

/// Draws on standard error when that is a terminal, and does nothing otherwise.
class ProgressBar {
 public:
  /// `pixels`: output pixels of the whole job, for the rate; 0 when not known.
  ProgressBar(std::string label, double pixels);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ProgressBar(ProgressBar&&) = delete;
  ProgressBar& operator=(ProgressBar&&) = delete;

  void show(double share);
  /// With this text instead of the rate and the time that is left.
  void show(double share, const std::string& text);

  /// Removes the line, so that a message can be printed; the next show() draws it again.
  static void clear_line();

 private:
  bool due();
  void draw(double share, const std::string& tail) const;

  using Clock = std::chrono::steady_clock;
  std::string label_;
  double pixels_;
  Clock::time_point start_ = Clock::now(), last_{};
};

/// 75 -> "1:15", 3700 -> "1:01:40".
std::string format_duration(double seconds);

}  // namespace esrgan::cli
