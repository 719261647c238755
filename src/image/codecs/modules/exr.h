// OpenEXR by the OpenEXR library, in parts: the check of a file's headers, reading, writing.
#pragma once

#include <esrgan/error.h>

#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include "image/codecs/codec.h"

namespace esrgan::exr {

/// Bounds what the headers of all parts claim, before the library, which asks for memory as it reads them,
/// sees them.
void check_headers(const ByteSource& source);

std::unique_ptr<Decoder> open(std::shared_ptr<const ByteSource> source);
std::unique_ptr<Encoder> create(ByteSink& sink, const EncodeOptions& options);

/// Sets the library's limits for the process, and sees to it that it has `threads` to help the caller's.
void set_up_library(int threads);

/// Runs `step`. An exception becomes an Error; one that `failure` has kept, of the source or the sink, goes
/// before.
template <typename Step>
void guarded(const std::string& file, const char* problem, std::exception_ptr& failure, const Step& step) {
  std::string reason;
  try {
    step();
    return;
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    reason = error.what();
  }
  if (failure) std::rethrow_exception(failure);
  throw Error(ErrorKind::bad_data, file, std::string(problem) + " (" + reason + ")");
}

}  // namespace esrgan::exr
