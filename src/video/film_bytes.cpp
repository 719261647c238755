#include "video/film_bytes.h"

#include <esrgan/error.h>

#include <algorithm>
#include <filesystem>
#include <new>

namespace esrgan::video {

FilmBytes::FilmBytes(const std::string& path, std::stop_token stop) : path_(path), stop_(std::move(stop)) {
  if (esrgan::is_pipe(path)) {
    pipe_ = std::make_unique<InputPipe>(path);
  } else {
    if (path.find("://") != std::string::npos)
      throw Error(ErrorKind::not_found, path, "is an address",
                  "a file or a pipe, such as 'ffmpeg -i ADDRESS -f yuv4mpegpipe - | esrgan video - ...'");
    if (!std::filesystem::exists(path)) throw Error(ErrorKind::not_found, path, "there is no such file");
    file_ = FileHandle::open(path, path);
    size_ = file_.size();
  }
  constexpr int block = 1 << 16;
  auto* const buffer = static_cast<uint8_t*>(av_malloc(block));
  if (buffer == nullptr) throw std::bad_alloc();
  context_ = avio_alloc_context(
      buffer, block, 0, this,
      [](void* self, uint8_t* to, int size) {
        return static_cast<FilmBytes*>(self)->read({to, static_cast<size_t>(size)});
      },
      nullptr,
      pipe_ != nullptr ? nullptr
                       : +[](void* self, int64_t offset,
                             int whence) { return static_cast<FilmBytes*>(self)->seek(offset, whence); });
  if (context_ == nullptr) {
    av_free(buffer);
    throw std::bad_alloc();
  }
}

FilmBytes::~FilmBytes() {
  av_freep(&context_->buffer);
  avio_context_free(&context_);
}

void FilmBytes::check() const {
  if (failure_) std::rethrow_exception(failure_);
}

int FilmBytes::read(std::span<uint8_t> to) noexcept {
  if (failure_) return AVERROR(EIO);
  try {
    size_t got = 0;
    if (pipe_ != nullptr) {
      got = pipe_->read(to, stop_);
    } else {
      got = file_.read_at(position_, to);
      // A drive that is gone may answer as if the file ended here.
      if (got < to.size() && position_ + got < size_)
        throw Error(ErrorKind::io, path_, "has become shorter while it was read",
                    std::to_string(size_) + " bytes", std::to_string(position_ + got));
      position_ += got;
    }
    return got > 0 ? static_cast<int>(got) : AVERROR_EOF;
  } catch (...) {
    failure_ = std::current_exception();
    return AVERROR(EIO);
  }
}

int64_t FilmBytes::seek(int64_t offset, int whence) noexcept {
  if ((whence & AVSEEK_SIZE) != 0) return static_cast<int64_t>(size_);
  const auto from = static_cast<int64_t>((whence & 3) == SEEK_SET   ? 0
                                         : (whence & 3) == SEEK_CUR ? position_
                                                                    : size_);
  if (from + offset < 0) return AVERROR(EINVAL);
  position_ = static_cast<uint64_t>(from + offset);
  return from + offset;
}

}  // namespace esrgan::video
