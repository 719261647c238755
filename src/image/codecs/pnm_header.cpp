#include "image/codecs/pnm_header.h"

#include <esrgan/error.h>

#include <charconv>
#include <cmath>
#include <string_view>

#include "base/limits.h"

namespace esrgan {
namespace {

constexpr size_t longest_word = 256;  // characters

using Samples = PnmHeader::Samples;

struct TupleType {
  std::string_view name;
  int channels;
};

constexpr TupleType tuple_types[] = {{"BLACKANDWHITE", 1}, {"GRAYSCALE", 1},       {"BLACKANDWHITE_ALPHA", 2},
                                     {"RGB", 3},           {"GRAYSCALE_ALPHA", 2}, {"RGB_ALPHA", 4}};

void set_size(PnmHeader& header, PnmText& text, uint32_t width, uint32_t height) {
  const std::string found = std::to_string(width) + "x" + std::to_string(height);
  if (width < 1 || height < 1) text.fail("a width and a height", found);
  if (int64_t{width} * int64_t{height} > limits::picture_pixels)
    text.fail("at most " + std::to_string(limits::picture_pixels) + " pixels", found);
  header.width = static_cast<int>(width);
  header.height = static_cast<int>(height);
}

void set_largest(PnmHeader& header, PnmText& text, uint32_t largest) {
  if (largest < 1 || largest > 65535) text.fail("a largest value from 1 to 65535", std::to_string(largest));
  header.largest = largest;
}

/// PAM's is made of lines with a keyword.
void read_pam(PnmHeader& header, PnmText& text) {
  uint32_t width = 0, height = 0, depth = 0, largest = 0;
  std::string type;
  for (std::string word = text.word(); word != "ENDHDR"; word = text.word()) {
    if (word == "WIDTH")
      width = text.number();
    else if (word == "HEIGHT")
      height = text.number();
    else if (word == "DEPTH")
      depth = text.number();
    else if (word == "MAXVAL")
      largest = text.number();
    else if (word == "TUPLTYPE")
      type = text.line();
    else
      text.fail("WIDTH, HEIGHT, DEPTH, MAXVAL, TUPLTYPE or ENDHDR", word);
  }
  set_size(header, text, width, height);
  set_largest(header, text, largest);
  if (depth < 1 || depth > 4) text.fail("1 to 4 channels", std::to_string(depth));
  header.channels = static_cast<int>(depth);
  if (type.empty()) return;
  for (const TupleType& known : tuple_types)
    if (known.name == type && known.channels == header.channels) return;
  text.fail("BLACKANDWHITE, GRAYSCALE or RGB, with or without _ALPHA, and as many channels",
            type + " with " + std::to_string(depth));
}

/// The number whose sign tells the order of bytes. Its size would be a unit of light, which nobody agrees on.
void read_scale(PnmHeader& header, PnmText& text) {
  const std::string word = text.word();
  double scale = 0;
  const char* const last = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data() + (word[0] == '+' ? 1 : 0), last, scale);
  if (error != std::errc() || stop != last || !std::isfinite(scale) || scale == 0)
    text.fail("a scale other than 0", word);
  header.big_endian = scale > 0;
}

void read_fields(PnmHeader& header, PnmText& text, char kind) {
  if (kind == '7') return read_pam(header, text);
  const uint32_t width = text.number();
  set_size(header, text, width, text.number());
  header.channels = kind == '3' || kind == '6' || kind == 'F' ? 3 : 1;
  if (header.samples == Samples::floats)
    read_scale(header, text);
  else if (kind != '1' && kind != '4')
    set_largest(header, text, text.number());
}

Samples samples_of(char kind) {
  switch (kind) {
    case '1':
      return Samples::text_bits;
    case '2':
    case '3':
      return Samples::text;
    case '4':
      return Samples::packed_bits;
    case 'F':
    case 'f':
      return Samples::floats;
    default:
      return Samples::bytes;
  }
}

/// Bytes that the samples have at least.
uint64_t least_bytes(const PnmHeader& header) {
  const uint64_t samples = header.row_samples() * static_cast<uint64_t>(header.height);
  if (header.samples == Samples::text_bits) return samples;
  if (header.samples == Samples::text) return 2 * samples - 1;  // a digit each, and space between
  return header.row_bytes() * static_cast<uint64_t>(header.height);
}

}  // namespace

int PnmText::get_raw() {
  if (at_ == buffer_.size()) {
    begin_ += buffer_.size();
    buffer_.resize(buffer_bytes);
    buffer_.resize(source_.read_at(begin_, buffer_));
    at_ = 0;
    if (buffer_.empty()) return end;
  }
  return buffer_[at_++];
}

int PnmText::get() {
  int c = get_raw();
  if (c == '#')
    while (c != '\n' && c != '\r' && c != end) c = get_raw();
  return c;
}

int PnmText::get_after_space() {
  int c = get();
  while (is_space(c)) c = get();
  return c;
}

std::string PnmText::word() {
  std::string word;
  int c = get_after_space();
  if (c == end) fail_at("a header", c);
  for (; c != end && !is_space(c); c = get()) {
    if (c < '!' || c > '~' || word.size() == longest_word) fail_at("a word", c);
    word += static_cast<char>(c);
  }
  return word;
}

uint32_t PnmText::number() {
  int c = get_after_space();
  if (!is_digit(c)) fail_at("a number", c);
  uint32_t value = 0;
  for (; is_digit(c); c = get()) {
    value = value * 10 + static_cast<uint32_t>(c - '0');
    if (value > limits::picture_side)
      fail("at most " + std::to_string(limits::picture_side), "a larger number");
  }
  if (c != end && !is_space(c)) fail_at("a number", c);
  return value;
}

std::string PnmText::line() {
  std::string line;
  for (int c = get(); c != '\n' && c != '\r' && c != end; c = get()) {
    if (is_space(c) && line.empty()) continue;
    if (c < ' ' || c > '~' || line.size() == longest_word) fail_at("a line of text", c);
    line += static_cast<char>(c);
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

void PnmText::seek(uint64_t position) {
  begin_ = position;
  buffer_.clear();
  at_ = 0;
}

void PnmText::fail(const std::string& expected, const std::string& found) const {
  throw Error(ErrorKind::bad_data, source_.name(), "damaged PNM header", expected, found);
}

void PnmText::fail_at(const std::string& expected, int found) const {
  if (found == end)
    throw Error(ErrorKind::bad_data, source_.name(), "damaged or truncated PNM", expected,
                "the end of the file");
  throw Error(ErrorKind::bad_data, source_.name(), "damaged PNM", expected,
              found > ' ' && found <= '~' ? "'" + std::string(1, static_cast<char>(found)) + "'"
                                          : "byte " + std::to_string(found));
}

uint64_t PnmHeader::row_bytes() const {
  if (samples == Samples::packed_bits) return (static_cast<uint64_t>(width) + 7) / 8;
  if (samples == Samples::floats) return row_samples() * sizeof(float);
  return row_samples() * (largest > 255 ? 2 : 1);
}

PnmHeader read_pnm_header(const ByteSource& source) {
  PnmText text(source);
  const std::string magic = text.word();
  if (magic.size() != 2 || magic[0] != 'P' ||
      std::string_view("1234567Ff").find(magic[1]) == std::string_view::npos)
    text.fail("P1 to P7, PF or Pf", magic);
  PnmHeader header;
  header.samples = samples_of(magic[1]);
  read_fields(header, text, magic[1]);
  header.raster = text.position();
  const uint64_t end = header.raster + least_bytes(header);
  if (source.size() < end)
    throw Error(ErrorKind::bad_data, source.name(), "damaged or truncated PNM",
                std::to_string(end) + " bytes", std::to_string(source.size()));
  return header;
}

}  // namespace esrgan
