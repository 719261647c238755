#include "base/platform_pipe.h"

#include <esrgan/error.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <thread>

#include "base/errors.h"

namespace esrgan {
namespace {

constexpr int patience = 50;  // milliseconds between looks at the token

bool is_standard(const std::string& path) {
  return path == "-" || path.starts_with("pipe:");
}

/// Waits until something can be done with the file. Throws Cancelled when it is asked for.
void wait_for(int descriptor, short what, const std::stop_token& stop) {
  for (;;) {
    if (stop.stop_requested()) throw Cancelled();
    pollfd entry{descriptor, what, 0};
    const int ready = ::poll(&entry, 1, patience);
    if (ready > 0 || (ready < 0 && errno != EINTR)) return;  // what is wrong is told by the call that follows
  }
}

}  // namespace

bool is_pipe(const std::string& path) {
  if (is_standard(path)) return true;
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 &&
         (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || S_ISCHR(status.st_mode));
}

InputPipe::InputPipe(const std::string& path)
    : name_(is_standard(path) ? "standard input" : path),
      descriptor_(is_standard(path) ? STDIN_FILENO
                                    : ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  if (descriptor_ < 0) throw file_error(name_, "cannot be opened", errno);
}

InputPipe::~InputPipe() {
  if (descriptor_ > STDERR_FILENO) ::close(descriptor_);
}

size_t InputPipe::read(std::span<uint8_t> to, const std::stop_token& stop) const {
  for (;;) {
    wait_for(descriptor_, POLLIN, stop);
    const ssize_t got = ::read(descriptor_, to.data(), to.size());
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR && errno != EAGAIN) throw file_error(name_, "cannot be read", errno);
  }
}

OutputPipe::OutputPipe(const std::string& path, std::stop_token stop)
    : name_(is_standard(path) ? "standard output" : path), stop_(std::move(stop)), at_once_(PIPE_BUF) {
  if (is_standard(path)) {
    descriptor_ = STDOUT_FILENO;
    struct stat status {};
    if (::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode)) at_once_ = SIZE_MAX;
    return;
  }
  while ((descriptor_ = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0) {
    if (errno != ENXIO) throw file_error(name_, "cannot be opened", errno);  // nobody reads it yet
    if (stop_.stop_requested()) throw Cancelled();
    std::this_thread::sleep_for(std::chrono::milliseconds(patience));
  }
}

OutputPipe::~OutputPipe() {
  if (descriptor_ > STDERR_FILENO) ::close(descriptor_);
}

void OutputPipe::write(std::span<const uint8_t> bytes) const {
  while (!bytes.empty()) {
    wait_for(descriptor_, POLLOUT, stop_);
    const ssize_t done = ::write(descriptor_, bytes.data(), std::min(bytes.size(), at_once_));
    if (done >= 0)
      bytes = bytes.subspan(static_cast<size_t>(done));
    else if (errno != EINTR && errno != EAGAIN)
      throw file_error(name_, "cannot be written", errno);
  }
}

}  // namespace esrgan
