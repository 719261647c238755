#include "video/stream_output.h"

extern "C" {
#include <libavutil/imgutils.h>
}

#include <algorithm>

#include "video/pixel_formats.h"

namespace esrgan::video {
namespace {

/// Names of pixel formats, as FFmpeg writes and reads them.
struct Name {
  AVPixelFormat format;
  const char* text;
};
constexpr Name names[] = {{AV_PIX_FMT_YUV420P, "420mpeg2 XYSCSS=420MPEG2"},
                          {AV_PIX_FMT_YUV422P, "422 XYSCSS=422"},
                          {AV_PIX_FMT_YUV444P, "444 XYSCSS=444"},
                          {AV_PIX_FMT_YUV411P, "411 XYSCSS=411"},
                          {AV_PIX_FMT_GRAY8, "mono"},
                          {AV_PIX_FMT_GRAY9, "mono9"},
                          {AV_PIX_FMT_GRAY10, "mono10"},
                          {AV_PIX_FMT_GRAY12, "mono12"},
                          {AV_PIX_FMT_GRAY16, "mono16"},
                          {AV_PIX_FMT_YUV420P9, "420p9 XYSCSS=420P9"},
                          {AV_PIX_FMT_YUV422P9, "422p9 XYSCSS=422P9"},
                          {AV_PIX_FMT_YUV444P9, "444p9 XYSCSS=444P9"},
                          {AV_PIX_FMT_YUV420P10, "420p10 XYSCSS=420P10"},
                          {AV_PIX_FMT_YUV422P10, "422p10 XYSCSS=422P10"},
                          {AV_PIX_FMT_YUV444P10, "444p10 XYSCSS=444P10"},
                          {AV_PIX_FMT_YUV420P12, "420p12 XYSCSS=420P12"},
                          {AV_PIX_FMT_YUV422P12, "422p12 XYSCSS=422P12"},
                          {AV_PIX_FMT_YUV444P12, "444p12 XYSCSS=444P12"},
                          {AV_PIX_FMT_YUV420P14, "420p14 XYSCSS=420P14"},
                          {AV_PIX_FMT_YUV422P14, "422p14 XYSCSS=422P14"},
                          {AV_PIX_FMT_YUV444P14, "444p14 XYSCSS=444P14"},
                          {AV_PIX_FMT_YUV420P16, "420p16 XYSCSS=420P16"},
                          {AV_PIX_FMT_YUV422P16, "422p16 XYSCSS=422P16"},
                          {AV_PIX_FMT_YUV444P16, "444p16 XYSCSS=444P16"}};

std::string sampling(const FrameShape& shape) {
  if (shape.format == AV_PIX_FMT_YUV420P) {
    if (shape.colour.chroma == AVCHROMA_LOC_CENTER) return "420jpeg XYSCSS=420JPEG";
    if (shape.colour.chroma == AVCHROMA_LOC_TOPLEFT) return "420paldv XYSCSS=420PALDV";
  }
  const auto* const found = std::find_if(std::begin(names), std::end(names),
                                         [&](const Name& name) { return name.format == shape.format; });
  return found->text;
}

}  // namespace

AVPixelFormat stream_format(AVPixelFormat wanted) {
  std::vector<AVPixelFormat> offered;
  for (const Name& name : names) offered.push_back(name.format);
  offered.push_back(AV_PIX_FMT_NONE);
  return nearest_format(offered.data(), wanted);
}

StreamOutput::StreamOutput(StreamShape shape, Write write, ProgressKeeper& progress)
    : shape_(shape), write_(std::move(write)), progress_(progress) {}

std::string StreamOutput::header() const {
  const auto ratio = [](AVRational value) {
    return std::to_string(value.num) + ":" + std::to_string(value.den);
  };
  const char fields = !shape_.interlaced ? 'p' : (shape_.top_field_first ? 't' : 'b');
  const AVRational aspect = shape_.sample_aspect.num > 0 ? shape_.sample_aspect : rational(0, 0);
  return "YUV4MPEG2 W" + std::to_string(shape_.frames.width) + " H" + std::to_string(shape_.frames.height) +
         " F" + ratio(shape_.frame_rate) + " I" + fields + " A" + ratio(aspect) + " C" +
         sampling(shape_.frames) +
         (shape_.frames.colour.range == AVCOL_RANGE_JPEG ? " XCOLORRANGE=FULL" : " XCOLORRANGE=LIMITED") +
         "\n";
}

std::vector<uint8_t> StreamOutput::bytes_of(const AVFrame& frame) const {
  constexpr std::string_view mark = "FRAME\n";
  const auto format = static_cast<AVPixelFormat>(frame.format);
  const int size =
      check(av_image_get_buffer_size(format, frame.width, frame.height, 1), "", "a frame is too large");
  std::vector<uint8_t> bytes(mark.size() + static_cast<size_t>(size));
  std::copy(mark.begin(), mark.end(), bytes.begin());
  check(av_image_copy_to_buffer(bytes.data() + mark.size(), size, frame.data, frame.linesize, format,
                                frame.width, frame.height, 1),
        "", "a frame cannot be copied");
  return bytes;
}

std::function<void()> StreamOutput::prepare(FrameItem item, PixelsPool& pool) {
  if (!item.source) return [] {};
  if (!item.repeated)
    last_ = std::make_shared<const std::vector<uint8_t>>(
        bytes_of(*assembler_.assemble(item, shape_.frames, pool)));
  return [this, bytes = last_] {
    if (!begun_) {
      const std::string text = header();
      write_({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
      begun_ = true;
    }
    write_(*bytes);
    progress_.add_bytes(bytes->size());
    progress_.frame_done();
  };
}

}  // namespace esrgan::video
