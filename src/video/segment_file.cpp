#include "video/segment_file.h"

#include <esrgan/error.h>

extern "C" {
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/errors.h"

namespace esrgan::video {
namespace {

// Layout, in this machine's byte order: magic; JSON (32-bit size, text) of the stream; packets: 32-bit size,
// pts, dts, duration (64 bit), flags, number of side data (32 bit), each with type and size (32 bit) and its
// bytes, then the data; at the end `last_packet` instead of a size and JSON of the counts.
constexpr char magic[] = {'e', 's', 'r', 'g', 'a', 'n', 'S', '1'};
constexpr uint32_t last_packet = 0xFFFFFFFF;
constexpr uint32_t largest = 1U << 30U;

}  // namespace

nlohmann::json to_json(AVRational value) {
  return {value.num, value.den};
}
AVRational rational_from_json(const nlohmann::json& json) {
  return {json.at(0).get<int>(), json.at(1).get<int>()};
}

nlohmann::json to_json(const HighDynamicRange& hdr) {
  nlohmann::json json = nlohmann::json::object();
  if (hdr.mastering) {
    const AVMasteringDisplayMetadata& display = *hdr.mastering;
    nlohmann::json points = nlohmann::json::array();
    for (const auto& primary : display.display_primaries)
      for (const AVRational& coordinate : primary) points.push_back(to_json(coordinate));
    for (const AVRational& coordinate : display.white_point) points.push_back(to_json(coordinate));
    json["mastering"] = {{"points", points},
                         {"least", to_json(display.min_luminance)},
                         {"greatest", to_json(display.max_luminance)},
                         {"has", {display.has_primaries, display.has_luminance}}};
  }
  if (hdr.light) json["light"] = {hdr.light->MaxCLL, hdr.light->MaxFALL};
  return json;
}

HighDynamicRange hdr_from_json(const nlohmann::json& json) {
  HighDynamicRange hdr;
  if (json.contains("mastering")) {
    const nlohmann::json& from = json["mastering"];
    AVMasteringDisplayMetadata display{};
    const nlohmann::json& points = from.at("points");
    for (size_t i = 0; i < 6; ++i) display.display_primaries[i / 2][i % 2] = rational_from_json(points.at(i));
    for (size_t i = 0; i < 2; ++i) display.white_point[i] = rational_from_json(points.at(6 + i));
    display.min_luminance = rational_from_json(from.at("least"));
    display.max_luminance = rational_from_json(from.at("greatest"));
    display.has_primaries = from.at("has").at(0);
    display.has_luminance = from.at("has").at(1);
    hdr.mastering = display;
  }
  if (json.contains("light"))
    hdr.light =
        AVContentLightMetadata{json["light"].at(0).get<unsigned>(), json["light"].at(1).get<unsigned>()};
  return hdr;
}

nlohmann::json to_json(const StreamDescription& stream) {
  const AVCodecParameters& p = *stream.parameters;
  std::vector<int> extradata(p.extradata, p.extradata + p.extradata_size);
  return {{"encoder", stream.encoder},
          {"codec", avcodec_get_name(p.codec_id)},
          {"format", av_get_pix_fmt_name(static_cast<AVPixelFormat>(p.format))},
          {"width", p.width},
          {"height", p.height},
          {"profile", p.profile},
          {"level", p.level},
          {"bits", {p.bits_per_coded_sample, p.bits_per_raw_sample}},
          {"tag", p.codec_tag},
          {"colour", {p.color_space, p.color_range, p.color_primaries, p.color_trc, p.chroma_location}},
          {"field_order", p.field_order},
          {"delay", p.video_delay},
          {"extradata", extradata},
          {"time_base", to_json(stream.time_base)},
          {"frame_rate", to_json(stream.frame_rate)},
          {"sample_aspect", to_json(stream.sample_aspect)},
          {"hdr", to_json(stream.hdr)}};
}

StreamDescription stream_from_json(const nlohmann::json& json) {
  StreamDescription stream;
  stream.parameters.reset(avcodec_parameters_alloc());
  if (!stream.parameters) throw std::bad_alloc();
  AVCodecParameters& p = *stream.parameters;
  const AVCodecDescriptor* const codec =
      avcodec_descriptor_get_by_name(json.at("codec").get<std::string>().c_str());
  if (codec == nullptr)
    throw Error(ErrorKind::unsupported, "", "a segment's codec", "one that this FFmpeg knows",
                json.at("codec"));
  p.codec_type = AVMEDIA_TYPE_VIDEO;
  p.codec_id = codec->id;
  p.format = av_get_pix_fmt(json.at("format").get<std::string>().c_str());
  p.width = json.at("width");
  p.height = json.at("height");
  p.profile = json.at("profile");
  p.level = json.at("level");
  p.bits_per_coded_sample = json.at("bits").at(0);
  p.bits_per_raw_sample = json.at("bits").at(1);
  p.codec_tag = json.at("tag");
  const nlohmann::json& colour = json.at("colour");
  p.color_space = static_cast<AVColorSpace>(colour.at(0).get<int>());
  p.color_range = static_cast<AVColorRange>(colour.at(1).get<int>());
  p.color_primaries = static_cast<AVColorPrimaries>(colour.at(2).get<int>());
  p.color_trc = static_cast<AVColorTransferCharacteristic>(colour.at(3).get<int>());
  p.chroma_location = static_cast<AVChromaLocation>(colour.at(4).get<int>());
  p.field_order = static_cast<AVFieldOrder>(json.at("field_order").get<int>());
  p.video_delay = json.at("delay");
  stream.time_base = rational_from_json(json.at("time_base"));
  stream.frame_rate = rational_from_json(json.at("frame_rate"));
  stream.sample_aspect = p.sample_aspect_ratio = rational_from_json(json.at("sample_aspect"));
  stream.hdr = hdr_from_json(json.at("hdr"));
  stream.encoder = json.at("encoder");
  const auto extradata = json.at("extradata").get<std::vector<uint8_t>>();
  if (!extradata.empty()) {
    p.extradata = static_cast<uint8_t*>(av_mallocz(extradata.size() + AV_INPUT_BUFFER_PADDING_SIZE));
    if (p.extradata == nullptr) throw std::bad_alloc();
    std::copy(extradata.begin(), extradata.end(), p.extradata);
    p.extradata_size = static_cast<int>(extradata.size());
  }
  return stream;
}

SegmentWriter::SegmentWriter(std::string path, const StreamDescription& stream)
    : path_(std::move(path)), file_(path_), out_(file_.temporary(), std::ios::binary | std::ios::trunc) {
  if (!out_) throw file_error(path_, "cannot be written", errno);
  put(magic, sizeof magic);
  const std::string text = to_json(stream).dump();
  put(static_cast<uint32_t>(text.size()));
  put(text.data(), text.size());
}

void SegmentWriter::put(const void* data, size_t size) {
  errno = 0;
  if (!out_.write(static_cast<const char*>(data), static_cast<std::streamsize>(size)))
    throw file_error(path_, "cannot be written", errno);
  bytes_ += size;
}

void SegmentWriter::write(const AVPacket& packet) {
  put(static_cast<uint32_t>(packet.size));
  put(packet.pts);
  put(packet.dts);
  put(packet.duration);
  put(packet.flags);
  put(static_cast<uint32_t>(packet.side_data_elems));
  for (int i = 0; i < packet.side_data_elems; ++i) {
    const AVPacketSideData& side = packet.side_data[i];
    put(static_cast<uint32_t>(side.type));
    put(static_cast<uint32_t>(side.size));
    put(side.data, side.size);
  }
  put(packet.data, static_cast<size_t>(packet.size));
}

void SegmentWriter::commit(const SegmentCounts& counts) {
  put(last_packet);
  const std::string text = nlohmann::json{counts.frames, counts.repeated, counts.damaged, counts.lost}.dump();
  put(static_cast<uint32_t>(text.size()));
  put(text.data(), text.size());
  errno = 0;
  out_.close();
  if (!out_) throw file_error(path_, "cannot be written", errno);
  file_.commit();
}

struct SegmentReader::Head {
  uint32_t size = 0;
  int64_t pts = 0, dts = 0, duration = 0;
  int flags = 0;
  uint32_t side_data = 0;
};

SegmentReader::SegmentReader(std::string path) : path_(std::move(path)), in_(path_, std::ios::binary) {
  std::error_code unknown;
  size_ = std::filesystem::file_size(path_, unknown);
  char found[sizeof magic] = {};
  if (!in_) throw file_error(path_, "cannot be opened", errno);
  get(found, sizeof found);
  if (std::memcmp(found, magic, sizeof magic) != 0) damaged();
  stream_ = get_json();
}

void SegmentReader::damaged() const {
  throw Error(ErrorKind::bad_data, path_,
              "is not a whole segment of a film; remove it, and the same command makes it again");
}

void SegmentReader::get(void* data, size_t size) {
  if (!in_.read(static_cast<char*>(data), static_cast<std::streamsize>(size))) damaged();
}

nlohmann::json SegmentReader::get_json() {
  const auto size = get<uint32_t>();
  if (size > size_) damaged();
  std::string text(size, '\0');
  get(text.data(), size);
  nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) damaged();
  return json;
}

bool SegmentReader::read_head(Head& head) {
  head.size = get<uint32_t>();
  if (head.size == last_packet) {
    const nlohmann::json counts = get_json();
    counts_ = {counts.at(0), counts.at(1), counts.at(2), counts.at(3)};
    return false;
  }
  if (head.size > largest || head.size > size_) damaged();
  head.pts = get<int64_t>();
  head.dts = get<int64_t>();
  head.duration = get<int64_t>();
  head.flags = get<int>();
  head.side_data = get<uint32_t>();
  return true;
}

PacketPtr SegmentReader::read() {
  Head head;
  if (!read_head(head)) return nullptr;
  PacketPtr packet = make_packet();
  check(av_new_packet(packet.get(), static_cast<int>(head.size)), path_, "cannot be read");
  for (uint32_t i = 0; i < head.side_data; ++i) {
    const auto type = static_cast<AVPacketSideDataType>(get<uint32_t>());
    const auto size = get<uint32_t>();
    if (size > size_) damaged();
    uint8_t* const data = av_packet_new_side_data(packet.get(), type, size);
    if (data == nullptr) throw std::bad_alloc();
    get(data, size);
  }
  get(packet->data, head.size);
  packet->pts = head.pts;
  packet->dts = head.dts;
  packet->duration = head.duration;
  packet->flags = head.flags;
  return packet;
}

bool SegmentReader::skip(int64_t& pts) {
  Head head;
  if (!read_head(head)) return false;
  for (uint32_t i = 0; i < head.side_data; ++i) {
    get<uint32_t>();
    in_.seekg(get<uint32_t>(), std::ios::cur);
  }
  in_.seekg(head.size, std::ios::cur);
  pts = head.pts;
  return true;
}

}  // namespace esrgan::video
