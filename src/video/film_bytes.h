// The bytes of a film, for FFmpeg's demuxers.
#pragma once

#include <exception>
#include <memory>
#include <stop_token>
#include <string>

#include "base/platform_file.h"
#include "base/platform_pipe.h"
#include "video/ffmpeg.h"

namespace esrgan::video {

/// A file, or what comes through a pipe. Demuxers take a failure of the system for the end of the film; here
/// it is kept, and check() throws it.
class FilmBytes {
 public:
  /// Throws Error when it cannot be opened.
  FilmBytes(const std::string& path, std::stop_token stop);
  ~FilmBytes();
  FilmBytes(const FilmBytes&) = delete;
  FilmBytes& operator=(const FilmBytes&) = delete;
  FilmBytes(FilmBytes&&) = delete;
  FilmBytes& operator=(FilmBytes&&) = delete;

  AVIOContext* context() const { return context_; }
  bool is_pipe() const { return pipe_ != nullptr; }
  uint64_t size() const { return size_; }  ///< 0 of a pipe
  /// Some bytes of a file, beside what the demuxer reads; as many as there are.
  size_t read_at(uint64_t offset, std::span<uint8_t> to) const { return file_.read_at(offset, to); }

  /// Throws what has gone wrong so far: Error; Cancelled when a pipe was waited for in vain.
  void check() const;

 private:
  int read(std::span<uint8_t> to) noexcept;
  int64_t seek(int64_t offset, int whence) noexcept;

  std::string path_;
  std::stop_token stop_;
  FileHandle file_;
  std::unique_ptr<InputPipe> pipe_;
  uint64_t size_ = 0, position_ = 0;
  std::exception_ptr failure_;
  AVIOContext* context_ = nullptr;
};

}  // namespace esrgan::video
