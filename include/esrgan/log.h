// Messages of the library, delivered to the program that uses it.
#pragma once

#include <esrgan/export.h>

#include <functional>
#include <string>

namespace esrgan {

enum class LogLevel { info, warning };

/// Receives one message without a trailing newline; may be called from any thread, one call at a time.
using LogSink = std::function<void(LogLevel, const std::string&)>;

/// Replaces the process-wide sink; an empty function silences the library, which is the start.
ESRGAN_API void set_log_sink(LogSink sink);

}  // namespace esrgan
