#include "video/ffmpeg.h"

#include <esrgan/error.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <new>
#include <utility>

#include "base/errors.h"

namespace esrgan::video {
namespace {

std::mutex message_mutex;
std::string message;  // the last one

void keep_message(void* object, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_ERROR) return;
  std::array<char, 512> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  const std::string line(text.data(), std::string(text.data()).find_last_not_of(" \n") + 1);
  if (line.empty()) return;
  const AVClass* const kind = object != nullptr ? *static_cast<AVClass**>(object) : nullptr;
  const std::lock_guard lock(message_mutex);
  message = kind != nullptr ? std::string(kind->item_name(object)) + ": " + line : line;
}

ErrorKind kind_of_status(int status) {
  if (status == AVERROR_INVALIDDATA || status == AVERROR_EOF) return ErrorKind::bad_data;
  if (status == AVERROR(EINVAL)) return ErrorKind::unsupported;
  // Errno's values are small, FFmpeg's own are not.
  return -status < 4096 ? kind_of_system_error(-status) : ErrorKind::unsupported;
}

}  // namespace

void Release::operator()(AVFormatContext* format) const {
  if (format == nullptr) return;
  if (format->iformat != nullptr) {
    avformat_close_input(&format);
    return;
  }
  if (format->pb != nullptr && (format->oformat->flags & AVFMT_NOFILE) == 0) avio_closep(&format->pb);
  avformat_free_context(format);
}

void capture_messages() {
  static const bool once = [] {
    av_log_set_callback(keep_message);
    return true;
  }();
  static_cast<void>(once);
}

std::string last_message() {
  const std::lock_guard lock(message_mutex);
  return std::exchange(message, {});
}

std::string error_text(int status) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(status, text.data(), text.size());
  return text.data();
}

int check(int status, const std::string& file, const std::string& problem) {
  if (status >= 0) return status;
  if (status == AVERROR(ENOMEM)) throw std::bad_alloc();
  const std::string said = last_message();
  throw Error(kind_of_status(status), file,
              problem + ": " + error_text(status) + (said.empty() ? "" : " (" + said + ")"));
}

FramePtr make_frame() {
  FramePtr frame(av_frame_alloc());
  if (frame == nullptr) throw std::bad_alloc();
  return frame;
}

PacketPtr make_packet() {
  PacketPtr packet(av_packet_alloc());
  if (packet == nullptr) throw std::bad_alloc();
  return packet;
}

FramePtr share(const AVFrame& frame) {
  FramePtr copy(av_frame_clone(&frame));
  if (copy == nullptr) throw std::bad_alloc();
  return copy;
}

}  // namespace esrgan::video
