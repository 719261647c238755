// A line on a terminal that shows how far a job is.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace esrgan::cli {

/// Where a job stands among others; the shares are of all the work, by pixels or by count.
struct BatchPlace {
  size_t number = 1, count = 1;  ///< "17 of 1000"
  double done = 0;               ///< share of the jobs before it
  double share = 1;              ///< its own
};

/// Draws on standard error when that is a terminal, and does nothing otherwise. One thread at a time shows;
/// print() and clear_line() may be called from any.
class ProgressBar {
 public:
  /// `pixels`: output pixels of the whole job, for the rate; 0 when not known.
  ProgressBar(const std::string& label, double pixels);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ProgressBar(ProgressBar&&) = delete;
  ProgressBar& operator=(ProgressBar&&) = delete;

  /// The next job of a batch begins. From then on the line shows its number, and the bar and the time that is
  /// left are those of the batch, which began when this was made.
  void begin(const std::string& label, const BatchPlace& place);

  /// `share` of the job is done.
  void show(double share);
  /// With this text instead of the rate and the time that is left.
  void show(double share, const std::string& text);

  /// Removes the line, so that something can be printed; the next show() draws it again.
  static void clear_line();
  /// Removes the line and prints on standard error, whatever other threads draw meanwhile.
  static void print(const std::string& text);

 private:
  bool due();
  std::string number() const;
  void draw(double share, const std::string& tail) const;

  using Clock = std::chrono::steady_clock;
  std::string label_;
  double pixels_;
  BatchPlace place_;
  Clock::time_point start_ = Clock::now(), last_{};
};

/// 75 -> "1:15", 3700 -> "1:01:40".
std::string format_duration(double seconds);

}  // namespace esrgan::cli
