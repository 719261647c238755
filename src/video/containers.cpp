#include "video/containers.h"

#include <esrgan/error.h>

namespace esrgan::video {
namespace {

bool holds(const AVOutputFormat& container, AVCodecID codec) {
  return avformat_query_codec(&container, codec, FF_COMPLIANCE_EXPERIMENTAL) != 0;
}

/// Properties (AV_CODEC_PROP_...) of a subtitle codec.
int properties_of(AVCodecID codec) {
  const AVCodecDescriptor* const known = avcodec_descriptor_get(codec);
  return known != nullptr ? known->props : 0;
}

Fate fate_of_data(const AVStream& stream, const AVOutputFormat& container) {
  const AVCodecParameters& codec = *stream.codecpar;
  // QuickTime's tracks for chapters and time codes: FFmpeg reads them as chapters and as metadata.
  if (codec.codec_tag == MKTAG('t', 'm', 'c', 'd') || codec.codec_tag == MKTAG('t', 'e', 'x', 't'))
    return Fate::rewritten;
  return avformat_query_codec(&container, codec.codec_id, FF_COMPLIANCE_EXPERIMENTAL) == 1 ? Fate::copied
                                                                                           : Fate::left_out;
}

}  // namespace

std::string kind_of(const AVStream& stream) {
  const char* const kind = av_get_media_type_string(stream.codecpar->codec_type);
  const AVDictionaryEntry* const language = av_dict_get(stream.metadata, "language", nullptr, 0);
  return "stream " + std::to_string(stream.index) + " (" + avcodec_get_name(stream.codecpar->codec_id) + " " +
         (kind != nullptr ? kind : "data") +
         (language != nullptr ? std::string(", ") + language->value : "") + ")";
}

bool is_cover(const AVStream& stream) {
  return (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
}

bool is_drawn(const AVStream& stream) {
  return stream.codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE &&
         (properties_of(stream.codecpar->codec_id) & AV_CODEC_PROP_BITMAP_SUB) != 0;
}

bool is_raw(const AVOutputFormat& container) {
  return (container.flags & AVFMT_NOTIMESTAMPS) != 0 && container.audio_codec == AV_CODEC_ID_NONE;
}

bool is_matroska(const AVOutputFormat& container) {
  return std::string(container.name) == "matroska";
}

bool holds_opus_delay(const AVOutputFormat& container) {
  return is_matroska(container) || std::string(container.name) == "webm";
}

bool is_quicktime(const AVOutputFormat& container) {
  const std::string name = container.name;
  return name == "mov" || name == "mp4" || name == "ipod" || name == "3gp" || name == "3g2" ||
         name == "psp" || name == "f4v";
}

Fate fate_of(const AVStream& stream, const AVOutputFormat& container, bool encode_sound) {
  const AVCodecParameters& codec = *stream.codecpar;
  const bool attachments = is_matroska(container);
  if (is_cover(stream)) {
    if (attachments) return Fate::attached;
    return is_quicktime(container) ? Fate::copied : Fate::left_out;
  }
  switch (codec.codec_type) {
    case AVMEDIA_TYPE_ATTACHMENT:
      return attachments ? Fate::copied : Fate::left_out;
    case AVMEDIA_TYPE_AUDIO:
      if (encode_sound) return Fate::encoded;
      return holds(container, codec.codec_id) ? Fate::copied : Fate::impossible;
    case AVMEDIA_TYPE_SUBTITLE:
      if (holds(container, codec.codec_id)) return Fate::copied;
      return (properties_of(codec.codec_id) & AV_CODEC_PROP_TEXT_SUB) != 0 &&
                     text_codec_of(container) != AV_CODEC_ID_NONE
                 ? Fate::converted
                 : Fate::impossible;
    case AVMEDIA_TYPE_VIDEO:
      return holds(container, codec.codec_id) ? Fate::copied : Fate::impossible;
    default:
      return fate_of_data(stream, container);
  }
}

AVCodecID text_codec_of(const AVOutputFormat& container) {
  if (is_quicktime(container)) return AV_CODEC_ID_MOV_TEXT;
  if (is_matroska(container)) return AV_CODEC_ID_SUBRIP;
  return std::string(container.name) == "webm" ? AV_CODEC_ID_WEBVTT : AV_CODEC_ID_NONE;
}

std::string usual_audio_encoder(const AVOutputFormat& container) {
  for (const char* const name : {"aac", "libopus", "libmp3lame", "flac"}) {
    const AVCodec* const encoder = avcodec_find_encoder_by_name(name);
    if (encoder != nullptr && holds(container, encoder->id)) return name;
  }
  return {};
}

const AVOutputFormat& container_of(const std::string& output) {
  const AVOutputFormat* const found = av_guess_format(nullptr, output.c_str(), nullptr);
  if (found == nullptr || found->video_codec == AV_CODEC_ID_NONE || (found->flags & AVFMT_NOFILE) != 0)
    throw Error(ErrorKind::invalid_argument, output, "the container cannot be told by the name",
                "an extension such as .mkv, .mp4, .mov or .webm (or a folder: a name that ends in /)");
  return *found;
}

bool keeps_rotation(const std::string& output) {
  return is_quicktime(container_of(output));
}

bool keeps_start(const std::string& output) {
  return std::string(container_of(output).name) == "mpegts";
}

}  // namespace esrgan::video
