#include "video/containers.h"

#include <esrgan/error.h>

namespace esrgan::video {

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

Fate fate_of(const AVStream& stream, const AVOutputFormat& container) {
  const AVCodecParameters& codec = *stream.codecpar;
  const bool attachments = is_matroska(container);
  if (is_cover(stream)) {
    if (attachments) return Fate::attached;
    return is_quicktime(container) ? Fate::copied : Fate::left_out;
  }
  switch (codec.codec_type) {
    case AVMEDIA_TYPE_ATTACHMENT:
      return attachments ? Fate::copied : Fate::left_out;
    case AVMEDIA_TYPE_VIDEO:
    case AVMEDIA_TYPE_AUDIO:
    case AVMEDIA_TYPE_SUBTITLE:
      return avformat_query_codec(&container, codec.codec_id, FF_COMPLIANCE_EXPERIMENTAL) == 0
                 ? Fate::impossible
                 : Fate::copied;
    default:
      // Time codes and the like, which few containers take.
      return avformat_query_codec(&container, codec.codec_id, FF_COMPLIANCE_EXPERIMENTAL) == 1
                 ? Fate::copied
                 : Fate::left_out;
  }
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

}  // namespace esrgan::video
