#include "image/codecs/tiff_pixels.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>

namespace esrgan {
namespace {

bool is_lab(int photometric) {
  return photometric == PHOTOMETRIC_CIELAB || photometric == PHOTOMETRIC_ICCLAB ||
         photometric == PHOTOMETRIC_ITULAB;
}

std::string kind_of(const TiffLayout& layout) {
  const char* const format = layout.format == SAMPLEFORMAT_UINT     ? "unsigned"
                             : layout.format == SAMPLEFORMAT_INT    ? "signed"
                             : layout.format == SAMPLEFORMAT_IEEEFP ? "floating point"
                                                                    : "complex";
  return std::to_string(layout.bits) + " bits, " + format;
}

std::optional<SampleType> type_of(const TiffLayout& layout) {
  const int bits = layout.bits;
  if (layout.format == SAMPLEFORMAT_UINT) {
    if (bits <= 8) return SampleType::u8;
    if (bits <= 16) return SampleType::u16;
    if (bits == 32) return SampleType::u32;
  }
  if (layout.format == SAMPLEFORMAT_INT) {
    if (bits == 8) return SampleType::i8;
    if (bits == 16) return SampleType::i16;
    if (bits == 32) return SampleType::i32;
  }
  if (layout.format == SAMPLEFORMAT_IEEEFP) {
    if (bits == 16) return SampleType::f16;
    if (bits == 32 || bits == 64) return SampleType::f32;
  }
  return std::nullopt;
}

const char* ordinal(int number) {
  return number == 2 ? "second" : number == 4 ? "fourth" : "last";
}

}  // namespace

TiffPixels::TiffPixels(TiffFile& file, TiffLayout layout, const ImageMetadata& metadata,
                       StoredPicture& picture)
    : layout_(std::move(layout)),
      width_(static_cast<size_t>(layout_.width)),
      measured_(metadata.georeferenced) {
  if (layout_.as_rgba) {
    layout_.channels = 3;
    layout_.bits = 8;
    layout_.format = SAMPLEFORMAT_UINT;
    layout_.photometric = PHOTOMETRIC_RGB;
    layout_.planar = false;
    layout_.extra_samples.clear();
  }
  find_meaning(file);
  if (!metadata.georeferenced || !find_bands(picture)) find_alpha(picture);
  if (metadata.georeferenced && work_ == Work::palette)
    picture.remarks.emplace_back(
        "a map of classes: between two of them there is nothing, but its colours are enlarged as a "
        "photograph's");
  find_type(file, picture);
  prepare_conversion(file, metadata.icc, picture);
}

void TiffPixels::find_meaning(TiffFile& file) {
  switch (layout_.photometric) {
    case PHOTOMETRIC_MINISWHITE:
      work_ = Work::invert;
      break;
    case PHOTOMETRIC_MINISBLACK:
    case PHOTOMETRIC_LOGL:
      break;
    case PHOTOMETRIC_PALETTE:
      work_ = Work::palette;
      break;
    case PHOTOMETRIC_RGB:
    case PHOTOMETRIC_YCBCR:
      colours_ = 3;
      break;
    case PHOTOMETRIC_CIELAB:
    case PHOTOMETRIC_ICCLAB:
    case PHOTOMETRIC_ITULAB:
      colours_ = 3;
      work_ = Work::foreign;
      break;
    case PHOTOMETRIC_LOGLUV:
      colours_ = 3;
      work_ = Work::xyz;
      break;
    case PHOTOMETRIC_SEPARATED:
      if (file.tag<uint16_t>(TIFFTAG_INKSET, INKSET_CMYK) != INKSET_CMYK) {
        file.refuse("inks other than CMYK cannot be converted");
      }
      colours_ = 4;
      work_ = Work::foreign;
      break;
    case PHOTOMETRIC_MASK:
      file.refuse("this is a transparency mask and no picture");
    case PHOTOMETRIC_CFA:
    case 34892:  // LinearRaw
      file.refuse("this has raw data of a camera's sensor and no picture");
    default:
      file.refuse("the photometric interpretation is unknown", "", std::to_string(layout_.photometric));
  }
  if (layout_.channels < colours_) {
    file.refuse("the picture has too few channels for its kind of colour", std::to_string(colours_),
                std::to_string(layout_.channels));
  }
}

/// Of a map, all channels are measurements, but for transparency that is said to be that. False when there is
/// nothing beyond gray or colours and transparency.
bool TiffPixels::find_bands(StoredPicture& picture) {
  const int extra = layout_.channels - colours_;
  const bool only_alpha = extra == 1 && layout_.extra_samples.size() == 1 &&
                          (layout_.extra_samples[0] == EXTRASAMPLE_UNASSALPHA ||
                           layout_.extra_samples[0] == EXTRASAMPLE_ASSOCALPHA);
  if (extra <= 0 || only_alpha || work_ != Work::none) return false;
  channels_.resize(static_cast<size_t>(layout_.channels));
  std::iota(channels_.begin(), channels_.end(), 0);
  picture.channels = layout_.channels;
  picture.bands = colours_ == 3 ? extra : layout_.channels;
  return true;
}

void TiffPixels::find_alpha(StoredPicture& picture) {
  channels_.resize(static_cast<size_t>(colours_));
  std::iota(channels_.begin(), channels_.end(), 0);
  const bool has_colours_only = work_ == Work::palette || layout_.channels == colours_;
  std::vector<uint16_t>& extra = layout_.extra_samples;
  extra.resize(static_cast<size_t>(layout_.channels - colours_), EXTRASAMPLE_UNSPECIFIED);
  const auto alpha = std::find_if(extra.begin(), extra.end(), [this](uint16_t kind) {
    return kind == EXTRASAMPLE_UNASSALPHA || (kind == EXTRASAMPLE_ASSOCALPHA && work_ != Work::foreign);
  });
  if (!has_colours_only && alpha != extra.end()) {
    picture.alpha = *alpha == EXTRASAMPLE_ASSOCALPHA ? Alpha::associated : Alpha::straight;
    channels_.push_back(colours_ + static_cast<int>(alpha - extra.begin()));
  } else if (!has_colours_only && extra.size() == 1 && extra[0] != EXTRASAMPLE_ASSOCALPHA) {
    picture.alpha = Alpha::straight;
    channels_.push_back(colours_);
    picture.remarks.push_back(std::string("the ") + ordinal(layout_.channels) +
                              " channel is taken as transparency");
  }
  picture.channels =
      (colours_ == 1 && work_ != Work::palette ? 1 : 3) + (picture.alpha != Alpha::none ? 1 : 0);
  if (static_cast<int>(channels_.size()) == layout_.channels) return;
  const std::string used = channels_.back() >= colours_ && picture.alpha != Alpha::none
                               ? std::to_string(channels_.size()) + " are used"
                           : colours_ == 1 ? "the first is used"
                                           : "the first " + std::to_string(colours_) + " are used";
  picture.remarks.push_back(std::to_string(layout_.channels) + " channels, of which " + used);
}

void TiffPixels::find_type(TiffFile& file, StoredPicture& picture) {
  packing_ = {layout_.bits, layout_.format, work_ != Work::palette};
  // L*a*b* may call its samples signed, as two of the three are; they are bytes or words in any case.
  if (is_lab(layout_.photometric) && layout_.format == SAMPLEFORMAT_INT) layout_.format = SAMPLEFORMAT_UINT;
  const std::optional<SampleType> type = type_of(layout_);
  if (!type) {
    file.refuse("samples of this kind cannot be read",
                "1 to 16 or 32 bits unsigned, 8, 16 or 32 signed, 16, 32 or 64 floating point",
                kind_of(layout_));
  }
  type_ = *type;
  picture.type = type_;
  const bool some_bits = layout_.bits < 8 || (layout_.bits > 8 && layout_.bits < 16);
  if (measured_ && some_bits && work_ == Work::none) {
    packing_.scaled = false;
    picture.held = {0, static_cast<double>((1U << static_cast<unsigned>(layout_.bits)) - 1)};
  } else if (type_ == SampleType::u16 && layout_.bits < 16) {
    picture.bits = layout_.bits;
  }
  picture.linear = layout_.photometric == PHOTOMETRIC_LOGL || layout_.photometric == PHOTOMETRIC_LOGLUV;
  const bool is_whole = type_ == SampleType::u8 || type_ == SampleType::u16;
  if (work_ == Work::invert && !is_whole && type_ != SampleType::u32) {
    work_ = Work::none;
    picture.remarks.emplace_back("the least value is said to be white, but values were left as they are");
  }
  const bool needs_whole = work_ == Work::palette || work_ == Work::foreign;
  const bool needs_bytes = is_lab(layout_.photometric) && layout_.bits != 8 &&
                           (layout_.bits != 16 || layout_.photometric == PHOTOMETRIC_ITULAB);
  if (needs_bytes || (needs_whole && !is_whole) || (work_ == Work::xyz && type_ != SampleType::f32)) {
    file.refuse("samples of this kind do not go with the kind of colour", "", kind_of(layout_));
  }
}

void TiffPixels::prepare_conversion(TiffFile& file, std::span<const uint8_t> icc, StoredPicture& picture) {
  if (work_ == Work::palette) read_palette(file, picture);
  if (work_ == Work::foreign) {
    const bool lab = is_lab(layout_.photometric);
    converter_.emplace(lab ? ForeignColour::lab : ForeignColour::cmyk, type_,
                       lab ? std::span<const uint8_t>{} : icc);
    picture.bits = 0;
  }
  if (converts_colours()) picture.remarks.emplace_back("the colours were converted to sRGB");
}

/// Maps have 16 bits for each colour. Most repeat 8, or leave the lower 8 empty, or even the upper.
void TiffPixels::read_palette(TiffFile& file, StoredPicture& picture) {
  std::array<uint16_t*, 3> map{};
  if (TIFFGetField(file.handle(), TIFFTAG_COLORMAP, map.data(), &map[1], &map[2]) != 1) {
    file.refuse("the picture has indices but no colour map");
  }
  const size_t count = size_t{1} << static_cast<unsigned>(layout_.bits);
  for (size_t i = 0; i < count; ++i) {
    for (const uint16_t* const colour : map) wide_palette_.push_back(colour[i]);
  }
  const auto all = [&](auto test) { return std::all_of(wide_palette_.begin(), wide_palette_.end(), test); };
  const bool lower_only = all([](uint16_t value) { return value < 256; });
  const bool is_narrow = lower_only || all([](uint16_t value) { return value % 257 == 0; }) ||
                         all([](uint16_t value) { return value % 256 == 0; });
  picture.type = is_narrow ? SampleType::u8 : SampleType::u16;
  picture.bits = 0;
  if (!is_narrow) return;
  for (const uint16_t value : wide_palette_) {
    narrow_palette_.push_back(static_cast<uint8_t>(lower_only ? value : value >> 8U));
  }
  wide_palette_.clear();
}

bool TiffPixels::takes_all() const {
  return static_cast<int>(channels_.size()) == layout_.channels;
}

bool TiffPixels::plain() const {
  const bool as_stored = layout_.bits == 8 || layout_.bits == 16 || layout_.bits == 32;
  return work_ == Work::none && as_stored && takes_all() && !layout_.planar;
}

uint64_t TiffPixels::memory() const {
  if (plain()) return 0;
  const uint64_t sample = width_ * size_of(type_);
  uint64_t samples = 0;
  if (layout_.planar) {
    samples += 1;
  } else if (!takes_all()) {
    samples += static_cast<uint64_t>(layout_.channels);
  }
  if (work_ == Work::palette || work_ == Work::foreign) samples += channels_.size();
  if (work_ == Work::foreign) samples += static_cast<uint64_t>(colours_) + 3;
  return samples * sample;
}

void TiffPixels::convert(std::span<const std::byte* const> packed, std::byte* to) {
  const size_t channels = channels_.size();
  if (work_ == Work::palette || work_ == Work::foreign) {
    gathered_.resize(width_ * channels * size_of(type_));
    gather(packed, gathered_.data());
    if (work_ == Work::palette) {
      look_up(to);
    } else {
      convert_foreign(to);
    }
    return;
  }
  gather(packed, to);
  if (work_ == Work::invert) invert_first(type_, to, channels, width_);
  if (work_ == Work::xyz) xyz_to_rgb(to, channels, width_);
}

/// Interleaves the channels that are used.
void TiffPixels::gather(std::span<const std::byte* const> packed, std::byte* to) {
  const auto in_file = static_cast<size_t>(layout_.planar ? 1 : layout_.channels);
  if (!layout_.planar && takes_all()) {
    unpack_samples(packing_, packed[0], width_ * in_file, to);
    return;
  }
  unpacked_.resize(width_ * in_file * size_of(type_));
  if (!layout_.planar) unpack_samples(packing_, packed[0], width_ * in_file, unpacked_.data());
  for (size_t i = 0; i < channels_.size(); ++i) {
    if (layout_.planar) unpack_samples(packing_, packed[i], width_, unpacked_.data());
    const size_t from = layout_.planar ? 0 : static_cast<size_t>(channels_[i]);
    copy_channel({unpacked_.data(), in_file, from}, {to, channels_.size(), i}, width_, size_of(type_));
  }
}

void TiffPixels::look_up(std::byte* to) const {
  const auto expand = [&](const auto& palette) {
    const size_t colour = 3 * sizeof palette[0];
    for (size_t i = 0; i < width_; ++i) {
      uint16_t index = 0;
      std::memcpy(&index, gathered_.data() + i * size_of(type_), size_of(type_));
      std::memcpy(to + i * colour, &palette[3 * size_t{index}], colour);
    }
  };
  if (narrow_palette_.empty()) {
    expand(wide_palette_);
  } else {
    expand(narrow_palette_);
  }
}

void TiffPixels::convert_foreign(std::byte* to) {
  const size_t size = size_of(type_);
  const size_t channels = channels_.size(), colours = static_cast<size_t>(colours_);
  const bool alpha = channels > colours;
  if (alpha) {
    foreign_.resize(width_ * colours * size);
    rgb_.resize(width_ * 3 * size);
    for (size_t c = 0; c < colours; ++c) {
      copy_channel({gathered_.data(), channels, c}, {foreign_.data(), colours, c}, width_, size);
    }
  }
  std::byte* const from = alpha ? foreign_.data() : gathered_.data();
  if (is_lab(layout_.photometric)) lab_to_icc(layout_.photometric, type_, from, width_);
  converter_->convert(from, width_, alpha ? rgb_.data() : to);
  if (!alpha) return;
  for (size_t c = 0; c < 3; ++c) copy_channel({rgb_.data(), 3, c}, {to, 4, c}, width_, size);
  copy_channel({gathered_.data(), channels, colours}, {to, 4, 3}, width_, size);
}

}  // namespace esrgan
