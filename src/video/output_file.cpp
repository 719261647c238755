#include "video/output_file.h"

#include <esrgan/error.h>

namespace esrgan::video {

FormatPtr open_output(const AVOutputFormat& container, const std::string& file, const std::string& output) {
  AVFormatContext* made = nullptr;
  check(avformat_alloc_output_context2(&made, &container, nullptr, ("file:" + file).c_str()), output,
        "cannot be written");
  FormatPtr format(made);
  format->flags |= AVFMT_FLAG_BITEXACT;  // nothing random: the same job gives the same file
  check(avio_open(&format->pb, ("file:" + file).c_str(), AVIO_FLAG_WRITE), output, "cannot be written");
  return format;
}

void write_header(AVFormatContext& format, AVDictionary* usual,
                  const std::vector<std::pair<std::string, std::string>>& given, const std::string& output) {
  for (const auto& [key, value] : given) av_dict_set(&usual, key.c_str(), value.c_str(), 0);
  const int status = avformat_write_header(&format, &usual);
  const DictionaryPtr left(usual);
  check(status, output, "cannot be written");
  const AVDictionaryEntry* const unknown = av_dict_get(left.get(), "", nullptr, AV_DICT_IGNORE_SUFFIX);
  if (unknown == nullptr) return;
  const std::string name = format.oformat->name;
  throw Error(ErrorKind::invalid_argument, "", "--container-options",
              "an option of " + name + " (see 'ffmpeg -h muxer=" + name + "')", unknown->key);
}

void finish_output(AVFormatContext& format, const std::string& output) {
  check(av_write_trailer(&format), output, "cannot be written");
  avio_flush(format.pb);
  check(format.pb->error, output, "cannot be written");
  check(avio_closep(&format.pb), output, "cannot be written");
}

}  // namespace esrgan::video
