#include "video/film_output.h"

namespace esrgan::video {
StreamDescription describe(const Encoder& encoder, const EncoderSettings& settings) {
  return {encoder.parameters(),   settings.time_base, settings.frame_rate,
          settings.sample_aspect, settings.hdr,       settings.name};
}

FrameShape shape_of(const EncoderSettings& settings, double network_scale) {
  return {settings.format, settings.width, settings.height, settings.colour, network_scale, settings.dither};
}

struct FilmOutput::Open {
  Encoder encoder;
  SegmentWriter writer;
  size_t segment;
  SegmentCounts counts;

  Open(const EncoderSettings& settings, const std::string& path, size_t number)
      : encoder(settings), writer(path, describe(encoder, settings)), segment(number) {}
};

FilmOutput::FilmOutput(EncoderSettings settings, double network_scale,
                       std::function<std::string(size_t)> path_of, Events events)
    : settings_(std::move(settings)),
      shape_(shape_of(settings_, network_scale)),
      path_of_(std::move(path_of)),
      events_(std::move(events)) {}

FilmOutput::~FilmOutput() = default;

FramePtr FilmOutput::convert(FrameItem& item, PixelsPool& pool) {
  const AVFrame& source = *item.source;
  if (!item.repeated) last_ = assembler_.assemble(item, shape_, pool);
  FramePtr frame = share(*last_);
  check(av_frame_copy_props(frame.get(), &source), "", "a frame cannot be copied");
  frame->color_range = settings_.colour.range;
  frame->colorspace = settings_.colour.matrix;
  frame->color_primaries = settings_.colour.primaries;
  frame->color_trc = settings_.colour.transfer;
  frame->chroma_location = settings_.colour.chroma;
  frame->sample_aspect_ratio = settings_.sample_aspect;
  frame->pict_type = AV_PICTURE_TYPE_NONE;
  frame->crop_left = frame->crop_right = frame->crop_top = frame->crop_bottom = 0;
  // What holds for the film's own pixels only.
  for (const AVFrameSideDataType type :
       {AV_FRAME_DATA_DISPLAYMATRIX, AV_FRAME_DATA_MOTION_VECTORS, AV_FRAME_DATA_REGIONS_OF_INTEREST,
        AV_FRAME_DATA_VIDEO_ENC_PARAMS, AV_FRAME_DATA_PANSCAN, AV_FRAME_DATA_FILM_GRAIN_PARAMS,
        AV_FRAME_DATA_DYNAMIC_HDR_PLUS, AV_FRAME_DATA_DYNAMIC_HDR_VIVID, AV_FRAME_DATA_DOVI_RPU_BUFFER,
        AV_FRAME_DATA_DOVI_METADATA, AV_FRAME_DATA_ICC_PROFILE})
    av_frame_remove_side_data(frame.get(), type);
  return frame;
}

std::function<void()> FilmOutput::prepare(FrameItem item, PixelsPool& pool) {
  const size_t segment = item.segment;
  if (!item.source) return [this, segment, counts = item.counts] { finish(segment, counts); };
  const bool repeated = item.repeated;
  // std::function wants what can be copied.
  const std::shared_ptr<AVFrame> frame(convert(item, pool).release(), Release());
  return [this, segment, frame, repeated] { encode(segment, *frame, repeated); };
}

FilmOutput::Open& FilmOutput::open(size_t segment) {
  if (!open_ || open_->segment != segment) {
    open_.reset();
    open_ = std::make_unique<Open>(settings_, path_of_(segment), segment);
  }
  return *open_;
}

void FilmOutput::encode(size_t segment, const AVFrame& frame, bool repeated) {
  Open& to = open(segment);
  to.encoder.send(&frame, [&](const AVPacket& packet) { to.writer.write(packet); });
  ++to.counts.frames;
  if (repeated) ++to.counts.repeated;
  if (events_.frame) events_.frame();
}

void FilmOutput::finish(size_t segment, const SegmentCounts& counts) {
  Open& to = open(segment);
  if (to.counts.frames > 0)
    to.encoder.send(nullptr, [&](const AVPacket& packet) { to.writer.write(packet); });
  to.counts.damaged = counts.damaged;
  to.counts.lost = counts.lost;
  to.writer.commit(to.counts);
  if (events_.segment) events_.segment(to.writer.bytes());
  open_.reset();
}

}  // namespace esrgan::video
