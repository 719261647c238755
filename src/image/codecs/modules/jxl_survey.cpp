// The first pass over a JPEG XL file: all but the pixels.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "image/codecs/modules/jxl.h"
#include "image/codecs/modules/module.h"

namespace esrgan::jxl_module {
namespace {

constexpr size_t input_bytes = size_t{256} << 10U;  ///< that are read at a time

/// Collects the boxes of metadata.
class Boxes {
 public:
  explicit Boxes(Session& session) : session_(session) {}

  void begin() {
    finish();
    std::array<char, 4> type{};
    session_.check(JxlDecoderGetBoxType(session_.get(), type.data(), JXL_TRUE), "box without a type");
    const std::string_view name(type.data(), type.size());
    if (name == "Exif" && metadata->exif.empty()) wanted_ = Wanted::exif;
    if (name == "xml " && metadata->xmp.empty()) wanted_ = Wanted::xmp;
    if (wanted_ != Wanted::nothing) give(first_bytes);
  }

  /// JXL_DEC_BOX_NEED_MORE_OUTPUT.
  void grow() {
    const size_t filled = bytes_.size() - JxlDecoderReleaseBoxBuffer(session_.get());
    if (filled >= limits::metadata_block) {
      throw Error(ErrorKind::bad_data, session_.source().name(), "metadata of the JPEG XL file is too long",
                  "at most " + std::to_string(limits::metadata_block) + " bytes");
    }
    given_ = filled;
    give(bytes_.size() * 2);
  }

  void finish() {
    if (wanted_ == Wanted::nothing) return;
    bytes_.resize(bytes_.size() - JxlDecoderReleaseBoxBuffer(session_.get()));
    if (wanted_ == Wanted::xmp) {
      metadata->xmp.assign(bytes_.begin(), bytes_.end());
    } else if (auto exif = exif_of_box(bytes_)) {
      metadata->exif = std::move(*exif);
    } else {
      remarks.emplace_back("the EXIF data is damaged and not used");
    }
    wanted_ = Wanted::nothing;
    given_ = 0;
    bytes_.clear();
  }

  std::shared_ptr<ImageMetadata> metadata = std::make_shared<ImageMetadata>();
  std::vector<std::string> remarks;

 private:
  enum class Wanted { nothing, exif, xmp };
  static constexpr size_t first_bytes = 4096;

  void give(size_t size) {
    bytes_.resize(size);
    session_.check(JxlDecoderSetBoxBuffer(session_.get(), bytes_.data() + given_, size - given_),
                   "metadata cannot be read");
  }

  Session& session_;
  Wanted wanted_ = Wanted::nothing;
  size_t given_ = 0;  ///< of bytes_, are filled
  std::vector<uint8_t> bytes_;
};

bool is_srgb(const JxlColorEncoding& colour) {
  return colour.white_point == JXL_WHITE_POINT_D65 &&
         colour.transfer_function == JXL_TRANSFER_FUNCTION_SRGB &&
         (colour.color_space == JXL_COLOR_SPACE_GRAY ||
          (colour.color_space == JXL_COLOR_SPACE_RGB && colour.primaries == JXL_PRIMARIES_SRGB));
}

bool is_linear_srgb(const JxlColorEncoding& colour) {
  JxlColorEncoding other = colour;
  if (other.transfer_function == JXL_TRANSFER_FUNCTION_LINEAR)
    other.transfer_function = JXL_TRANSFER_FUNCTION_SRGB;
  return colour.transfer_function == JXL_TRANSFER_FUNCTION_LINEAR && is_srgb(other);
}

/// H.273's numbers for curves that an ICC profile cannot say: PQ and HLG.
std::optional<CodePoints> code_points_of(const JxlColorEncoding& colour) {
  const bool hdr = colour.transfer_function == JXL_TRANSFER_FUNCTION_PQ ||
                   colour.transfer_function == JXL_TRANSFER_FUNCTION_HLG;
  if (!hdr || colour.color_space != JXL_COLOR_SPACE_RGB || colour.white_point != JXL_WHITE_POINT_D65) {
    return std::nullopt;
  }
  constexpr int display_p3 = 12;  // SMPTE EG 432-1: P3 with the white of D65
  if (colour.primaries == JXL_PRIMARIES_CUSTOM) return std::nullopt;
  return CodePoints{colour.primaries == JXL_PRIMARIES_P3 ? display_p3 : static_cast<int>(colour.primaries),
                    static_cast<int>(colour.transfer_function), 0, true};
}

std::vector<uint8_t> read_profile(Session& session, JxlColorProfileTarget target,
                                  std::vector<std::string>& remarks) {
  size_t size = 0;
  if (JxlDecoderGetICCProfileSize(session.get(), nullptr, target, &size) != JXL_DEC_SUCCESS || size == 0)
    return {};
  if (size > limits::metadata_block) {
    remarks.emplace_back("the ICC profile is too long and not used");
    return {};
  }
  std::vector<uint8_t> icc(size);
  session.check(JxlDecoderGetColorAsICCProfile(session.get(), nullptr, target, icc.data(), size),
                "ICC profile cannot be read");
  return icc;
}

/// Whether the file is lossy, with colours that the library has no name for: it delivers linear sRGB then.
bool has_foreign_colours(Session& session, const JxlBasicInfo& info) {
  return info.uses_original_profile == JXL_FALSE &&
         JxlDecoderGetColorAsEncodedProfile(session.get(), nullptr, JXL_COLOR_PROFILE_TARGET_ORIGINAL,
                                            nullptr) != JXL_DEC_SUCCESS;
}

void read_colour(Session& session, const JxlBasicInfo& info, Survey& survey, ImageMetadata& metadata) {
  StoredPicture& picture = survey.picture;
  if (picture.alpha != Alpha::associated && has_foreign_colours(session, info)) {
    std::vector<uint8_t> icc = read_profile(session, JXL_COLOR_PROFILE_TARGET_ORIGINAL, picture.remarks);
    survey.colours = OriginalColours::create(icc, picture.channels);
    if (survey.colours != nullptr) {
      survey.format.data_type = JXL_TYPE_FLOAT;
      metadata.icc = std::move(icc);
      return;
    }
  }
  const auto target = JXL_COLOR_PROFILE_TARGET_DATA;
  JxlColorEncoding colour{};
  if (JxlDecoderGetColorAsEncodedProfile(session.get(), nullptr, target, &colour) == JXL_DEC_SUCCESS) {
    const bool floats = picture.type == SampleType::f16 || picture.type == SampleType::f32;
    picture.linear = floats && colour.transfer_function == JXL_TRANSFER_FUNCTION_LINEAR;
    metadata.says_srgb = is_srgb(colour);
    metadata.code_points = code_points_of(colour);
    if (metadata.says_srgb || (picture.linear && is_linear_srgb(colour))) return;
  }
  metadata.icc = read_profile(session, target, picture.remarks);
}

void set_type(const JxlBasicInfo& info, StoredPicture& picture) {
  const bool has_alpha = info.alpha_bits != 0;
  const uint32_t bits = std::max(info.bits_per_sample, has_alpha ? info.alpha_bits : 0);
  const uint32_t exponent = std::max(info.exponent_bits_per_sample, has_alpha ? info.alpha_exponent_bits : 0);
  constexpr uint32_t half_exponent = 5;
  if (exponent > 0) {
    picture.type = bits <= 16 && exponent <= half_exponent ? SampleType::f16 : SampleType::f32;
  } else if (bits <= 8) {
    picture.type = SampleType::u8;
  } else if (bits <= 16) {
    picture.type = SampleType::u16;
    if (bits == 10 || bits == 12 || bits == 14) picture.bits = static_cast<int>(bits);
  } else {
    picture.type = SampleType::f32;
    picture.remarks.push_back("whole numbers of " + std::to_string(bits) + " bits are read as 32-bit floats");
  }
}

JxlDataType library_type(SampleType type) {
  switch (type) {
    case SampleType::u8:
      return JXL_TYPE_UINT8;
    case SampleType::u16:
      return JXL_TYPE_UINT16;
    case SampleType::f16:
      return JXL_TYPE_FLOAT16;
    default:
      return JXL_TYPE_FLOAT;
  }
}

/// Of the channels beyond colour and alpha.
void read_further_channels(const Session& session, const JxlBasicInfo& info, Survey& survey) {
  const uint32_t further =
      info.num_extra_channels - (info.alpha_bits != 0 && info.num_extra_channels > 0 ? 1 : 0);
  survey.further_channels = static_cast<int>(further);
  for (uint32_t index = 0; index < info.num_extra_channels; ++index) {
    JxlExtraChannelInfo channel{};
    session.check(JxlDecoderGetExtraChannelInfo(session.get(), index, &channel),
                  "extra channel cannot be read");
    if (channel.type == JXL_CHANNEL_BLACK) {
      throw Error(ErrorKind::unsupported, session.source().name(),
                  "JPEG XL file has the colours of a printer (CMYK)", "gray or RGB");
    }
  }
  if (further > 0) {
    survey.picture.remarks.push_back(std::to_string(further) +
                                     (further == 1 ? " further channel is" : " further channels are") +
                                     " not used");
  }
}

void read_basic_info(const Session& session, const JxlBasicInfo& info, Survey& survey) {
  const auto& file = session.source().name();
  check_size(file, info.xsize, info.ysize);
  auto& picture = survey.picture;
  const bool swapped = info.orientation >= JXL_ORIENT_TRANSPOSE;
  picture.width = static_cast<int>(swapped ? info.ysize : info.xsize);
  picture.height = static_cast<int>(swapped ? info.xsize : info.ysize);
  const bool has_alpha = info.alpha_bits != 0;
  picture.channels = (info.num_color_channels == 1 ? 1 : 3) + (has_alpha ? 1 : 0);
  if (has_alpha) picture.alpha = info.alpha_premultiplied ? Alpha::associated : Alpha::straight;
  set_type(info, picture);
  const bool same_bits = !has_alpha || info.alpha_bits == info.bits_per_sample;
  if (picture.type == SampleType::u16 && info.bits_per_sample < 16 && same_bits &&
      info.uses_original_profile) {
    survey.exact_bits = static_cast<int>(info.bits_per_sample);
  }
  read_further_channels(session, info, survey);
  survey.format = {static_cast<uint32_t>(picture.channels), library_type(picture.type), JXL_NATIVE_ENDIAN, 0};
}

}  // namespace

Session::Session(const ByteSource& source, int events)
    : source_(source), decoder_(JxlDecoderCreate(nullptr)) {
  if (!decoder_) throw std::bad_alloc();
  check(JxlDecoderSubscribeEvents(decoder_.get(), events), "decoder cannot be set up");
  check(JxlDecoderSetDecompressBoxes(decoder_.get(), JXL_TRUE), "decoder cannot be set up");
}

void Session::check(JxlDecoderStatus status, const char* problem) const {
  if (status != JXL_DEC_SUCCESS)
    throw Error(ErrorKind::bad_data, source_.name(), std::string("JPEG XL: ") + problem);
}

void Session::feed() {
  const size_t left = JxlDecoderReleaseInput(decoder_.get());
  std::copy(input_.end() - static_cast<std::ptrdiff_t>(left), input_.end(), input_.begin());
  input_.resize(left + input_bytes);
  const size_t got = source_.read_at(offset_, std::span(input_).subspan(left));
  if (got == 0) throw Error(ErrorKind::bad_data, source_.name(), "JPEG XL file is cut off");
  input_.resize(left + got);
  offset_ += got;
  check(JxlDecoderSetInput(decoder_.get(), input_.data(), input_.size()), "input cannot be read");
  if (offset_ >= source_.size()) JxlDecoderCloseInput(decoder_.get());
}

JxlDecoderStatus Session::step() {
  for (;;) {
    const auto status = JxlDecoderProcessInput(decoder_.get());
    if (status == JXL_DEC_ERROR) {
      throw Error(
          ErrorKind::bad_data, source_.name(),
          offset_ >= source_.size() ? "JPEG XL file is damaged or cut off" : "JPEG XL file is damaged");
    }
    if (status != JXL_DEC_NEED_MORE_INPUT) return status;
    feed();
  }
}

double seconds_of(const Session& session, const JxlBasicInfo& info) {
  JxlFrameHeader header{};
  session.check(JxlDecoderGetFrameHeader(session.get(), &header), "frame without a header");
  if (!info.have_animation || info.animation.tps_numerator == 0) return 0;
  return static_cast<double>(header.duration) * info.animation.tps_denominator / info.animation.tps_numerator;
}

Survey survey(const ByteSource& source) {
  Session session(source, JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING | JXL_DEC_FRAME | JXL_DEC_BOX);
  Boxes boxes(session);
  Survey found;
  JxlBasicInfo info{};
  int64_t frames = 0;
  bool has_colour = false;
  for (JxlDecoderStatus status{}; (status = session.step()) != JXL_DEC_SUCCESS;) {
    if (status == JXL_DEC_BASIC_INFO) {
      session.check(JxlDecoderGetBasicInfo(session.get(), &info), "header cannot be read");
      read_basic_info(session, info, found);
    } else if (status == JXL_DEC_COLOR_ENCODING) {
      read_colour(session, info, found, *boxes.metadata);
      has_colour = true;
    } else if (status == JXL_DEC_FRAME) {
      if (++frames > limits::pictures_in_file)
        throw Error(ErrorKind::bad_data, source.name(), "JPEG XL file has too many frames");
      // Nothing but frames can follow in a file without boxes.
      if (!info.have_animation && !info.have_container) break;
    } else if (status == JXL_DEC_BOX) {
      boxes.begin();
    } else if (status == JXL_DEC_BOX_NEED_MORE_OUTPUT) {
      boxes.grow();
    }
  }
  boxes.finish();
  if (!has_colour || frames == 0)
    throw Error(ErrorKind::bad_data, source.name(), "JPEG XL file has no picture");
  if (info.have_animation) {
    found.frames = static_cast<int>(frames);
    boxes.metadata->loops = static_cast<int>(std::min<uint32_t>(info.animation.num_loops, 1'000'000));
  }
  for (auto& remark : boxes.remarks) found.picture.remarks.push_back(std::move(remark));
  found.picture.metadata = std::move(boxes.metadata);
  return found;
}

}  // namespace esrgan::jxl_module
