// Pipes: standard input and output, named ones, and what else is read or written once, in order.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>

namespace esrgan {

/// Whether a name stands for a pipe: "-", "pipe:", "pipe:0", "pipe:1", or a path at which there is one.
bool is_pipe(const std::string& path);

/// What comes through a pipe, as it comes.
class InputPipe {
 public:
  /// "-" and "pipe:0" are standard input. A named pipe is opened whether somebody writes to it yet or not.
  /// Throws Error.
  explicit InputPipe(const std::string& path);
  ~InputPipe();
  InputPipe(const InputPipe&) = delete;
  InputPipe& operator=(const InputPipe&) = delete;
  InputPipe(InputPipe&&) = delete;
  InputPipe& operator=(InputPipe&&) = delete;

  /// Waits for something, and takes at most to.size() bytes of it; 0 at the end. Throws Error; Cancelled as
  /// soon as `stop` asks for it.
  size_t read(std::span<uint8_t> to, const std::stop_token& stop) const;

 private:
  std::string name_;
  int descriptor_ = -1;
};

/// What goes into a pipe, as it is taken.
class OutputPipe {
 public:
  /// "-" and "pipe:1" are standard output. For a named pipe this waits until somebody reads it. Throws Error;
  /// Cancelled as soon as `stop` asks for it.
  OutputPipe(const std::string& path, std::stop_token stop);
  ~OutputPipe();
  OutputPipe(const OutputPipe&) = delete;
  OutputPipe& operator=(const OutputPipe&) = delete;
  OutputPipe(OutputPipe&&) = delete;
  OutputPipe& operator=(OutputPipe&&) = delete;

  void write(std::span<const uint8_t> bytes) const;

 private:
  std::string name_;
  std::stop_token stop_;
  int descriptor_ = -1;
  size_t at_once_ = 0;  // bytes for which there is room whenever the system says that there is some
};

}  // namespace esrgan
