#include "cli/progress_bar.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <mutex>

#include "base/platform_process.h"
#include "base/text.h"

namespace esrgan::cli {
namespace {

std::mutex line_mutex;  // held while the line is drawn or erased, and while a message is printed
bool line_is_drawn = false;

/// With the mutex held.
void erase_line() {
  if (!line_is_drawn) return;
  std::fputs("\r\033[K", stderr);
  line_is_drawn = false;
}

/// At most the last `length` bytes, beginning with a whole character.
std::string end_of(const std::string& text, size_t length) {
  size_t begin = text.size() - std::min(length, text.size());
  while (begin < text.size() && (static_cast<uint8_t>(text[begin]) & 0xC0U) == 0x80U) ++begin;
  return text.substr(begin);
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

ProgressBar::ProgressBar(const std::string& label, double pixels) : label_(escaped(label)), pixels_(pixels) {}

ProgressBar::~ProgressBar() {
  clear_line();
}

void ProgressBar::begin(const std::string& label, const BatchPlace& place) {
  label_ = escaped(label);
  place_ = place;
}

void ProgressBar::clear_line() {
  const std::lock_guard lock(line_mutex);
  erase_line();
}

void ProgressBar::print(const std::string& text) {
  const std::lock_guard lock(line_mutex);
  erase_line();
  std::fputs(text.c_str(), stderr);
}

bool ProgressBar::due() {
  const auto now = Clock::now();
  if (!errors_are_terminal() || now - last_ < std::chrono::milliseconds(100)) return false;
  last_ = now;
  return true;
}

void ProgressBar::show(double share) {
  if (!due()) return;
  const double all = place_.done + share * place_.share;
  const double elapsed = std::chrono::duration<double>(last_ - start_).count();
  std::string tail = format(" %3.0f%%", 100 * all) + number();
  if (pixels_ > 0 && elapsed > 0.5) tail += format("  %.2f Mpixel/s", all * pixels_ / elapsed / 1e6);
  if (all > 0 && elapsed > 1) tail += "  " + format_duration(elapsed * (1 - all) / all) + " left";
  draw(all, tail);
}

void ProgressBar::show(double share, const std::string& text) {
  const double all = place_.done + share * place_.share;
  if (due()) draw(all, format(" %3.0f%%", 100 * all) + number() + "  " + text);
}

std::string ProgressBar::number() const {
  return place_.count > 1 ? format("  %zu of %zu", place_.number, place_.count) : "";
}

void ProgressBar::draw(double share, const std::string& tail) const {
  const int width = terminal_width();
  const int room = width - static_cast<int>(tail.size()) - 4;
  const int label_width = std::clamp(static_cast<int>(label_.size()), 0, std::max(0, room / 2));
  const int bar = std::clamp(room - label_width, 0, 40);
  const int filled = std::clamp(static_cast<int>(share * bar), 0, bar);
  std::string line = end_of(label_, static_cast<size_t>(label_width)) + " [" +
                     std::string(static_cast<size_t>(filled), '#') +
                     std::string(static_cast<size_t>(bar - filled), '.') + "]" + tail;
  if (room < 0) line.resize(std::min(line.size(), static_cast<size_t>(width)));
  const std::lock_guard lock(line_mutex);
  std::fputs(("\r" + line + "\033[K").c_str(), stderr);
  line_is_drawn = true;
}

}  // namespace esrgan::cli
