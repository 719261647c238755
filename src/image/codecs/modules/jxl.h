// JPEG XL by libjxl, in parts: what is known of a file beforehand, reading, writing.
#pragma once

#include <jxl/decode.h>
#include <jxl/resizable_parallel_runner.h>

#include <memory>

#include "image/codecs/codec.h"
#include "image/codecs/modules/jxl_colour.h"

namespace esrgan::jxl_module {

struct DecoderFree {
  void operator()(JxlDecoder* decoder) const { JxlDecoderDestroy(decoder); }
};

struct RunnerFree {
  void operator()(void* runner) const { JxlResizableParallelRunnerDestroy(runner); }
};

/// The library's threads.
using Runner = std::unique_ptr<void, RunnerFree>;

/// A decoder that is fed from a source.
class Session {
 public:
  Session(const ByteSource& source, int events);

  /// The next event that was asked for, an output that is wanted, or JXL_DEC_SUCCESS at the end.
  JxlDecoderStatus step();
  /// As JxlDecoderStatus of any call but step(), which has to succeed.
  void check(JxlDecoderStatus status, const char* problem) const;

  JxlDecoder* get() const { return decoder_.get(); }
  const ByteSource& source() const { return source_; }

 private:
  void feed();

  const ByteSource& source_;
  std::unique_ptr<JxlDecoder, DecoderFree> decoder_;
  std::vector<uint8_t> input_;
  uint64_t offset_ = 0;
};

/// What a file says before its pixels.
struct Survey {
  StoredPicture picture;  ///< without `seconds`
  JxlPixelFormat format{};
  int further_channels = 0;  ///< that the library decodes as well
  int exact_bits = 0;        ///< of samples that are multiples of 65535 / (2^exact_bits - 1); 0: no such ones
  int frames = 1;
  std::shared_ptr<const OriginalColours> colours;  ///< to which floats are to be brought; may be null
};

Survey survey(const ByteSource& source);

/// That a frame is shown.
double seconds_of(const Session& session, const JxlBasicInfo& info);

std::unique_ptr<Decoder> open(std::shared_ptr<const ByteSource> source);
std::unique_ptr<Encoder> create(ByteSink& sink, const EncodeOptions& options);

}  // namespace esrgan::jxl_module
