#include "image/codecs/png_chunks.h"

#include <esrgan/error.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/limits.h"
#include "base/unicode.h"
#include "image/codecs/photoshop.h"
#include "image/metadata/resolution.h"

namespace esrgan::png {
namespace {

using namespace std::string_view_literals;
using Bytes = std::vector<uint8_t>;
using View = std::span<const uint8_t>;

// ---- numbers and texts ----

uint32_t number_at(View bytes, size_t at) {
  return uint32_t{bytes[at]} << 24U | uint32_t{bytes[at + 1]} << 16U | uint32_t{bytes[at + 2]} << 8U |
         bytes[at + 3];
}

void put_number(Bytes& to, uint32_t value) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) to.push_back(static_cast<uint8_t>(value >> shift));
}

std::string text_of_bytes(View bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void put_text(Bytes& to, std::string_view text) {
  to.insert(to.end(), text.begin(), text.end());
}

/// Takes the bytes before the next zero off the front, and the zero; nothing when there is none.
std::optional<View> take_until_zero(View& bytes) {
  const auto zero = std::find(bytes.begin(), bytes.end(), uint8_t{0});
  if (zero == bytes.end()) return std::nullopt;
  const auto length = static_cast<size_t>(zero - bytes.begin());
  const View taken = bytes.first(length);
  bytes = bytes.subspan(length + 1);
  return taken;
}

/// A zlib stream's content; nothing when it is damaged, or larger than a block of metadata or `left`, which
/// is lowered by what was unpacked.
std::optional<Bytes> inflated(View bytes, uint64_t& left) {
  const auto most = static_cast<size_t>(std::min(limits::metadata_block, left));
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
  stream.next_in = const_cast<uint8_t*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  Bytes out;
  size_t size = 0;
  int status = Z_OK;
  while (status == Z_OK && size < most) {
    out.resize(std::min(most, std::max<size_t>(4096, size * 2)));
    stream.next_out = out.data() + size;
    stream.avail_out = static_cast<uInt>(out.size() - size);
    status = inflate(&stream, Z_NO_FLUSH);
    size = static_cast<size_t>(stream.total_out);
  }
  inflateEnd(&stream);
  left -= size;
  out.resize(size);
  if (status != Z_STREAM_END) return std::nullopt;
  return out;
}

Bytes deflated(View bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  Bytes out(size);
  if (compress2(out.data(), &size, bytes.data(), static_cast<uLong>(bytes.size()), 9) != Z_OK)
    throw std::bad_alloc();
  out.resize(size);
  return out;
}

// ---- profiles as text: a habit of ImageMagick that others share ----

constexpr std::string_view raw_profile = "Raw profile type ";
constexpr std::string_view exif_start = "Exif\0\0"sv;  // JPEG's, which does not belong into a PNG file

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// "\nNAME\n   LENGTH\nHEX DIGITS" to bytes.
std::optional<Bytes> from_raw_profile(std::string_view text) {
  for (int line = 0; line < 2; ++line) text.remove_prefix(std::min(text.size(), text.find('\n') + 1));
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(' ')));
  size_t length = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (failure != std::errc{} || length > text.size()) return std::nullopt;
  Bytes bytes;
  int high = -1;
  for (const char* c = end; c != text.data() + text.size() && bytes.size() < length; ++c) {
    const int digit = digit_of(*c);
    if (digit < 0) continue;
    if (high >= 0) bytes.push_back(static_cast<uint8_t>(high * 16 + digit));
    high = high >= 0 ? -1 : digit;
  }
  if (bytes.size() != length) return std::nullopt;
  return bytes;
}

std::string to_raw_profile(std::string_view name, View bytes) {
  std::string text = "\n" + std::string(name) + "\n" + std::to_string(bytes.size());
  constexpr std::string_view digits = "0123456789abcdef";
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i % 36 == 0) text += '\n';
    text += digits[bytes[i] >> 4U];
    text += digits[bytes[i] & 15U];
  }
  return text + "\n";
}

View without_prefix(View bytes, std::string_view prefix) {
  const bool has =
      bytes.size() >= prefix.size() && std::memcmp(bytes.data(), prefix.data(), prefix.size()) == 0;
  return has ? bytes.subspan(prefix.size()) : bytes;
}

void take_raw_profile(std::string_view name, View bytes, ImageMetadata& metadata) {
  constexpr std::string_view xmp_start = "http://ns.adobe.com/xap/1.0/\0"sv;
  if (name == "iptc" || name == "8bim") {
    if (without_prefix(bytes, "8BIM").size() != bytes.size())
      take_photoshop_blocks(bytes, metadata);
    else
      metadata.iptc.assign(bytes.begin(), bytes.end());
  } else if (name == "xmp" || without_prefix(bytes, xmp_start).size() != bytes.size()) {
    if (metadata.xmp.empty()) metadata.xmp = text_of_bytes(without_prefix(bytes, xmp_start));
  } else if (name == "exif" || name == "APP1") {
    const View block = without_prefix(bytes, exif_start);
    if (metadata.exif.empty()) metadata.exif.assign(block.begin(), block.end());
  }
}

// ---- reading ----

void take_text(TextEntry entry, ImageMetadata& metadata) {
  if (entry.keyword == "XML:com.adobe.xmp") {
    metadata.xmp = entry.text;
  } else if (entry.keyword.starts_with(raw_profile)) {
    if (const auto bytes = from_raw_profile(entry.text))
      take_raw_profile(std::string_view(entry.keyword).substr(raw_profile.size()), *bytes, metadata);
  } else {
    metadata.texts.push_back(std::move(entry));
  }
}

void take_compressed_text(View data, uint64_t& left, ImageMetadata& metadata) {
  const auto keyword = take_until_zero(data);
  if (!keyword || data.empty() || data[0] != 0) return;
  const auto text = inflated(data.subspan(1), left);
  if (!text) return;
  TextEntry entry;
  entry.keyword = utf8_from_latin1(text_of_bytes(*keyword));
  entry.text = utf8_from_latin1(text_of_bytes(*text));
  take_text(std::move(entry), metadata);
}

void take_latin_text(View data, ImageMetadata& metadata) {
  const auto keyword = take_until_zero(data);
  if (!keyword) return;
  TextEntry entry;
  entry.keyword = utf8_from_latin1(text_of_bytes(*keyword));
  entry.text = utf8_from_latin1(text_of_bytes(data));
  take_text(std::move(entry), metadata);
}

void take_international_text(View data, uint64_t& left, ImageMetadata& metadata) {
  const auto keyword = take_until_zero(data);
  if (!keyword || data.size() < 2) return;
  const bool compressed = data[0] == 1;
  data = data.subspan(2);
  const auto language = take_until_zero(data);
  const auto translated = language ? take_until_zero(data) : std::nullopt;
  if (!translated) return;
  const auto text = compressed ? inflated(data, left) : std::optional(Bytes(data.begin(), data.end()));
  if (!text) return;
  take_text({utf8_from_latin1(text_of_bytes(*keyword)), text_of_bytes(*text), text_of_bytes(*language),
             text_of_bytes(*translated)},
            metadata);
}

void take_profile(View data, uint64_t& left, ImageMetadata& metadata) {
  if (!take_until_zero(data) || data.empty()) return;
  if (auto profile = inflated(data.subspan(1), left)) metadata.icc = std::move(*profile);
}

Chromaticities& chromaticities_of(ImageMetadata& metadata) {
  if (!metadata.chromaticities) metadata.chromaticities.emplace();
  return *metadata.chromaticities;
}

void take_resolution(View data, ImageMetadata& metadata) {
  if (data.size() != 9) return;
  metadata.resolution = {static_cast<double>(number_at(data, 0)), static_cast<double>(number_at(data, 4)),
                         Resolution::Unit::none};
  if (data[8] == 1) {
    metadata.resolution.x /= 100;  // metres
    metadata.resolution.y /= 100;
    metadata.resolution.unit = Resolution::Unit::centimetre;
  }
}

constexpr double hundred_thousandths = 100'000;

/// Chunks that mean the same whatever the picture's size and type.
bool is_carried(std::string_view type) {
  constexpr std::array<std::string_view, 8> carried{"tIME", "mDCV", "mDCv", "cLLI",
                                                    "cLLi", "oFFs", "pCAL", "sTER"};
  return std::find(carried.begin(), carried.end(), type) != carried.end();
}

/// `left`: bytes that may still be unpacked.
void take_chunk(std::string_view type, View data, uint64_t& left, ImageMetadata& metadata, uint32_t& frames) {
  if (type == "tEXt") {
    take_latin_text(data, metadata);
  } else if (type == "zTXt") {
    take_compressed_text(data, left, metadata);
  } else if (type == "iTXt") {
    take_international_text(data, left, metadata);
  } else if (type == "iCCP") {
    take_profile(data, left, metadata);
  } else if (type == "eXIf") {
    const View block = without_prefix(data, exif_start);
    metadata.exif.assign(block.begin(), block.end());
  } else if (type == "pHYs") {
    take_resolution(data, metadata);
  } else if (type == "sRGB") {
    metadata.says_srgb = true;
  } else if (type == "gAMA" && data.size() == 4) {
    chromaticities_of(metadata).gamma = number_at(data, 0) / hundred_thousandths;
  } else if (type == "cHRM" && data.size() == 32) {
    for (size_t i = 0; i < 8; ++i)
      chromaticities_of(metadata).xy[i] = number_at(data, 4 * i) / hundred_thousandths;
  } else if (type == "cICP" && data.size() == 4) {
    metadata.code_points = CodePoints{data[0], data[1], data[2], data[3] != 0};
  } else if (type == "acTL" && data.size() == 8) {
    frames = std::max<uint32_t>(1, number_at(data, 0));
  } else if (is_carried(type)) {
    PngChunk chunk;
    std::copy_n(type.begin(), 4, chunk.type.begin());
    chunk.data.assign(data.begin(), data.end());
    metadata.chunks.push_back(std::move(chunk));
  }
}

bool is_pixels(std::string_view type) {
  return type == "IDAT" || type == "fdAT" || type == "PLTE" || type == "tRNS" || type == "IHDR";
}

uint32_t checksum(std::string_view type, View data) {
  uLong sum = crc32(0, reinterpret_cast<const Bytef*>(type.data()), 4);
  if (!data.empty()) sum = crc32_z(sum, data.data(), data.size());
  return static_cast<uint32_t>(sum);
}

// ---- writing ----

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); });
}

void write_text(ByteSink& sink, const TextEntry& entry) {
  // Keywords have 1 to 79 bytes of Latin-1.
  std::string keyword = latin1_from_utf8(entry.keyword).value_or("Comment").substr(0, 79);
  if (keyword.empty()) keyword = "Comment";
  Bytes data;
  put_text(data, keyword);
  data.push_back(0);
  const bool plain = is_plain(entry.text) && entry.language.empty() && entry.translated_keyword.empty();
  if (!plain) {
    data.insert(data.end(), {0, 0});  // not compressed
    put_text(data, entry.language);
    data.push_back(0);
    put_text(data, entry.translated_keyword);
    data.push_back(0);
  }
  put_text(data, entry.text);
  write_chunk(sink, plain ? "tEXt" : "iTXt", data);
}

void write_raw_profile(ByteSink& sink, std::string_view name, View bytes) {
  Bytes data;
  put_text(data, raw_profile);
  put_text(data, name);
  data.insert(data.end(), {0, 0});  // the end of the keyword; deflate
  const std::string text = to_raw_profile(name, bytes);
  const Bytes packed = deflated({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  data.insert(data.end(), packed.begin(), packed.end());
  write_chunk(sink, "zTXt", data);
}

void write_profile(ByteSink& sink, View profile) {
  Bytes data;
  put_text(data, "ICC profile");
  data.insert(data.end(), {0, 0});
  const Bytes packed = deflated(profile);
  data.insert(data.end(), packed.begin(), packed.end());
  write_chunk(sink, "iCCP", data);
}

uint32_t whole(double value) {
  return static_cast<uint32_t>(std::clamp(std::round(value), 0.0, 2147483647.0));
}

void write_colour(ByteSink& sink, const ImageMetadata& metadata) {
  if (const auto& points = metadata.code_points)
    // RGB is what PNG holds: the matrix is the identity, whatever it was where the colours came from.
    write_chunk(sink, "cICP",
                Bytes{static_cast<uint8_t>(points->primaries), static_cast<uint8_t>(points->transfer), 0,
                      static_cast<uint8_t>(points->full_range ? 1 : 0)});
  if (!metadata.icc.empty())
    write_profile(sink, metadata.icc);
  else if (metadata.says_srgb)
    write_chunk(sink, "sRGB", Bytes{0});
  if (!metadata.chromaticities) return;
  const Chromaticities& c = *metadata.chromaticities;
  Bytes gamma, xy;
  put_number(gamma, whole(c.gamma * hundred_thousandths));
  for (const double value : c.xy) put_number(xy, whole(value * hundred_thousandths));
  if (c.gamma > 0) write_chunk(sink, "gAMA", gamma);
  if (c.xy[0] > 0) write_chunk(sink, "cHRM", xy);
}

void write_resolution(ByteSink& sink, const Resolution& resolution) {
  if (!(resolution.x > 0 && resolution.y > 0)) return;
  const bool known = resolution.unit != Resolution::Unit::none;
  const Resolution r = in_unit(resolution, Resolution::Unit::centimetre);
  Bytes data;
  put_number(data, whole(r.x * (known ? 100 : 1)));
  put_number(data, whole(r.y * (known ? 100 : 1)));
  data.push_back(known ? 1 : 0);
  write_chunk(sink, "pHYs", data);
}

}  // namespace

void read_chunks(const ByteSource& source, ImageMetadata& metadata, uint32_t& frames) {
  frames = 1;
  uint64_t total = 0, left = limits::metadata_total;
  std::array<uint8_t, 8> head{};
  for (uint64_t at = signature.size(); source.read_at(at, head) == head.size();) {
    const uint32_t length = number_at(head, 0);
    const std::string_view type(reinterpret_cast<const char*>(head.data()) + 4, 4);
    if (type == "IEND" || length > 0x7FFFFFFFU) return;
    const bool wanted = !is_pixels(type) && length <= limits::metadata_block &&
                        length <= source.size() - at && total + length <= limits::metadata_total;
    if (wanted) {
      Bytes data(size_t{length} + 4);
      if (source.read_at(at + head.size(), data) != data.size()) return;
      const View content = View(data).first(length);
      total += length;
      if (checksum(type, content) == number_at(data, length))
        take_chunk(type, content, left, metadata, frames);
    }
    at += head.size() + length + 4;
  }
}

void write_chunk(ByteSink& sink, std::string_view type, std::span<const uint8_t> data) {
  Bytes bytes;
  put_number(bytes, static_cast<uint32_t>(data.size()));
  put_text(bytes, type);
  sink.write(bytes);
  sink.write(data);
  bytes.clear();
  put_number(bytes, checksum(type, data));
  sink.write(bytes);
}

void write_metadata(ByteSink& sink, const ImageMetadata& metadata) {
  write_colour(sink, metadata);
  write_resolution(sink, metadata.resolution);
  for (const PngChunk& chunk : metadata.chunks) write_chunk(sink, {chunk.type.data(), 4}, chunk.data);
  if (!metadata.exif.empty()) write_chunk(sink, "eXIf", metadata.exif);
  if (!metadata.xmp.empty()) {
    Bytes data;
    put_text(data, "XML:com.adobe.xmp");
    data.insert(data.end(), {0, 0, 0, 0, 0});  // not compressed; no language, no translation
    put_text(data, metadata.xmp);
    write_chunk(sink, "iTXt", data);
  }
  const Bytes blocks = photoshop_blocks(metadata);
  if (!blocks.empty()) write_raw_profile(sink, "iptc", blocks);
  for (const TextEntry& entry : metadata.texts) write_text(sink, entry);
  for (const std::string& comment : metadata.comments) write_text(sink, {"Comment", comment, "", ""});
}

}  // namespace esrgan::png
