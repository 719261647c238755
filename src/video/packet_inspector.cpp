#include "video/packet_inspector.h"

#include <new>

namespace esrgan::video {
namespace {

/// Pictures (VOPs) of a packet of MPEG-4 Part 2 that are coded. One that only repeats the last picture is a
/// header alone: as FFmpeg's mpeg4_unpack_bframes takes it, at most 19 bytes.
int coded_pictures(const AVPacket& packet) {
  constexpr int placeholder = 19;
  int count = 0;
  if (packet.size <= placeholder) return 0;
  for (int i = 0; i + 4 <= packet.size; ++i)
    if (packet.data[i] == 0 && packet.data[i + 1] == 0 && packet.data[i + 2] == 1 &&
        packet.data[i + 3] == 0xB6)
      ++count;
  return count;
}

Fields fields_of(AVFieldOrder order) {
  switch (order) {
    case AV_FIELD_PROGRESSIVE:
      return Fields::whole;
    case AV_FIELD_TT:
    case AV_FIELD_TB:
      return Fields::top_first;
    case AV_FIELD_BB:
    case AV_FIELD_BT:
      return Fields::bottom_first;
    default:
      return Fields::unknown;
  }
}

}  // namespace

PacketInspector::PacketInspector(const AVStream& video)
    : parser_(av_parser_init(video.codecpar->codec_id)), codec_(avcodec_alloc_context3(nullptr)) {
  if (!codec_) throw std::bad_alloc();
  check(avcodec_parameters_to_context(codec_.get(), video.codecpar), "", "a film cannot be read");
  if (parser_) parser_->flags |= PARSER_FLAG_COMPLETE_FRAMES;
}

PacketFacts PacketInspector::look(const AVPacket& packet) {
  PacketFacts facts;
  if (packet.size == 0 || (packet.flags & AV_PKT_FLAG_DISCARD) != 0) facts.frames = 0;
  if (packet.size == 0) return facts;
  if (codec_->codec_id == AV_CODEC_ID_MPEG4) {
    if (facts.frames > 0) facts.frames = coded_pictures(packet);
    return facts;
  }
  // RFC 6386, 9.1: frames that only others refer to are not shown.
  if (codec_->codec_id == AV_CODEC_ID_VP8 && (packet.data[0] & 0x10U) == 0) facts.frames = 0;
  if (!parser_) return facts;
  uint8_t* data = nullptr;
  int size = 0;
  av_parser_parse2(parser_.get(), codec_.get(), &data, &size, packet.data, packet.size, packet.pts,
                   packet.dts, packet.pos);
  const int structure = parser_->picture_structure;
  const bool field =
      structure == AV_PICTURE_STRUCTURE_TOP_FIELD || structure == AV_PICTURE_STRUCTURE_BOTTOM_FIELD;
  facts.fields = fields_of(parser_->field_order);
  if (codec_->codec_id != AV_CODEC_ID_H264 || !field) {
    half_ = AV_PICTURE_STRUCTURE_UNKNOWN;
    return facts;
  }
  if (half_ != AV_PICTURE_STRUCTURE_UNKNOWN && half_ != structure) {
    facts.frames = 0;
    half_ = AV_PICTURE_STRUCTURE_UNKNOWN;
  } else {
    half_ = structure;
    facts.fields = structure == AV_PICTURE_STRUCTURE_TOP_FIELD ? Fields::top_first : Fields::bottom_first;
  }
  return facts;
}

}  // namespace esrgan::video
