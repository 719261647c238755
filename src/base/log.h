// Where the library's messages go. The library itself never prints.
#pragma once

#include <esrgan/log.h>

#include <string>

namespace esrgan {

/// Sends one line to the sink that set_log_sink() installed; without a sink it is dropped. Exported for
/// libesrgan-video, so that there is one sink for both libraries; no part of the public interface.
ESRGAN_API void log_message(LogLevel level, const std::string& text);

inline void log_info(const std::string& text) {
  log_message(LogLevel::info, text);
}
inline void log_warning(const std::string& text) {
  log_message(LogLevel::warning, text);
}

}  // namespace esrgan
