#include "cli/progress_bar.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace esrgan::cli {
namespace {

bool line_is_drawn = false;

int terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

template <typename... Arguments>
std::string format(const char* pattern, Arguments... arguments) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, arguments...);
  return text;
}

}  // namespace

std::string format_duration(double seconds) {
  const auto whole = static_cast<long>(seconds + 0.5);
  if (whole >= 3600) return format("%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  return format("%ld:%02ld", whole / 60, whole % 60);
}

ProgressBar::ProgressBar(std::string label, double pixels) : label_(std::move(label)), pixels_(pixels) {}

ProgressBar::~ProgressBar() {
  clear_line();
}

void ProgressBar::clear_line() {
  if (!line_is_drawn) return;
  std::fputs("\r\033[K", stderr);
  line_is_drawn = false;
}

bool ProgressBar::due() {
  const auto now = Clock::now();
  if (isatty(STDERR_FILENO) == 0 || now - last_ < std::chrono::milliseconds(100)) return false;
  last_ = now;
  return true;
}

void ProgressBar::show(double share) {
  if (!due()) return;
  const double elapsed = std::chrono::duration<double>(last_ - start_).count();
  std::string tail = format(" %3.0f%%", 100 * share);
  if (pixels_ > 0 && elapsed > 0.5) tail += format("  %.2f Mpixel/s", share * pixels_ / elapsed / 1e6);
  if (share > 0 && elapsed > 1) tail += "  " + format_duration(elapsed * (1 - share) / share) + " left";
  draw(share, tail);
}

void ProgressBar::show(double share, const std::string& text) {
  if (due()) draw(share, format(" %3.0f%%  ", 100 * share) + text);
}

void ProgressBar::draw(double share, const std::string& tail) const {
  const int room = terminal_width() - static_cast<int>(tail.size()) - 4;
  const int label_width = std::clamp(static_cast<int>(label_.size()), 0, std::max(0, room / 2));
  const std::string label = label_.substr(label_.size() - static_cast<size_t>(label_width));
  const int bar = std::clamp(room - label_width, 0, 40);
  const int filled = static_cast<int>(share * bar);
  const std::string line = label + " [" + std::string(static_cast<size_t>(filled), '#') +
                           std::string(static_cast<size_t>(bar - filled), '.') + "]" + tail;
  std::fputs(("\r" + line + "\033[K").c_str(), stderr);
  line_is_drawn = true;
}

}  // namespace esrgan::cli
