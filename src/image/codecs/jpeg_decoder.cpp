#include <esrgan/error.h>
#include <jerror.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/limits.h"
#include "base/unicode.h"
#include "image/codecs/jpeg.h"
#include "image/codecs/jpeg_errors.h"
#include "image/codecs/photoshop.h"
#include "image/metadata/colour_convert.h"

namespace esrgan {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view exif_start = "Exif\0\0"sv, xmp_start = "http://ns.adobe.com/xap/1.0/\0"sv,
                           extended_xmp_start = "http://ns.adobe.com/xmp/extension/\0"sv,
                           photoshop_start = "Photoshop 3.0\0"sv;

/// Hands the file to libjpeg piece by piece.
struct Source {
  jpeg_source_mgr manager{};  // first: libjpeg knows only this part
  const ByteSource* bytes = nullptr;
  uint64_t position = 0;
  bool ended = false;  // there was less than was wanted
  std::array<uint8_t, 1 << 16U> buffer{};

  explicit Source(const ByteSource& source) : bytes(&source) {
    manager.init_source = [](j_decompress_ptr) {};
    manager.term_source = [](j_decompress_ptr) {};
    manager.resync_to_restart = jpeg_resync_to_restart;
    manager.fill_input_buffer = [](j_decompress_ptr codec) { return of(codec).fill(); };
    manager.skip_input_data = [](j_decompress_ptr codec, long count) { of(codec).skip(count); };
  }
  static Source& of(j_decompress_ptr codec) { return *reinterpret_cast<Source*>(codec->src); }

  boolean fill() {
    size_t count = bytes->read_at(position, buffer);
    position += count;
    if (count == 0) {  // as libjpeg recommends: an end mark, so that what is there can be shown
      ended = true;
      buffer[0] = 0xFF;
      buffer[1] = JPEG_EOI;
      count = 2;
    }
    manager.next_input_byte = buffer.data();
    manager.bytes_in_buffer = count;
    return TRUE;
  }
  void skip(long count) {
    if (count <= 0) return;
    const auto wanted = static_cast<size_t>(count);
    const size_t here = std::min(wanted, manager.bytes_in_buffer);
    manager.next_input_byte += here;
    manager.bytes_in_buffer -= here;
    position += wanted - here;
  }
};

class JpegDecoder : public Decoder {
 public:
  explicit JpegDecoder(std::shared_ptr<const ByteSource> source)
      : source_(std::move(source)),
        bytes_(std::make_unique<Source>(*source_)),
        errors_(source_->name(), "damaged or truncated JPEG: ") {
    codec_.err = &errors_.manager;
    errors_.manager.emit_message = [](j_common_ptr codec, int level) {
      if (level >= 0) return;
      ++codec->err->num_warnings;
      if (codec->err->msg_code == JWRN_HIT_MARKER)
        static_cast<JpegDecoder*>(codec->client_data)->bits_missing_ = true;
    };
    codec_.client_data = this;
    try {
      jpeg_create_decompress(&codec_);
      codec_.src = &bytes_->manager;
      progress_.progress_monitor = check_scans;
      codec_.progress = &progress_;
      examine();
    } catch (...) {
      jpeg_destroy_decompress(&codec_);
      throw;
    }
  }
  ~JpegDecoder() override { jpeg_destroy_decompress(&codec_); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;
  JpegDecoder(JpegDecoder&&) = delete;
  JpegDecoder& operator=(JpegDecoder&&) = delete;

  const StoredPicture& picture() const override { return picture_; }

  uint64_t memory() const override {
    uint64_t coefficients = 0, rows = 0;
    for (int c = 0; c < codec_.num_components; ++c) {
      const jpeg_component_info& component = codec_.comp_info[c];
      coefficients += uint64_t{component.width_in_blocks} * component.height_in_blocks * sizeof(JBLOCK);
      rows += uint64_t{component.width_in_blocks} * DCTSIZE * DCTSIZE * 8;
    }
    return (several_scans_ ? coefficients : 0) + rows + (converter_ ? uint64_t{4} * codec_.image_width : 0);
  }

  void read(int count, std::byte* rows) override {
    if (!started_) jpeg_start_decompress(&codec_);
    started_ = true;
    const size_t row_bytes = picture_.row_bytes();
    for (int i = 0; i < count; ++i, rows += row_bytes) {
      auto* row = reinterpret_cast<JSAMPROW>(converter_ ? cmyk_.data() : rows);
      jpeg_read_scanlines(&codec_, &row, 1);
      if (converter_) converter_->convert(cmyk_.data(), static_cast<size_t>(picture_.width), rows);
    }
    if (codec_.output_scanline == codec_.output_height) check_end();
  }

 private:
  /// A small file can ask for the whole picture to be gone through any number of times.
  static void check_scans(j_common_ptr codec) {
    constexpr int most_scans = 500;
    if (!codec->is_decompressor) return;
    if (reinterpret_cast<j_decompress_ptr>(codec)->input_scan_number > most_scans)
      throw Error(ErrorKind::bad_data, reinterpret_cast<const JpegErrors*>(codec->err)->file,
                  "too many scans in a JPEG file", "at most " + std::to_string(most_scans));
  }

  void examine() {
    for (const int marker : {JPEG_APP0 + 1, JPEG_APP0 + 2, JPEG_APP0 + 13, JPEG_COM})
      jpeg_save_markers(&codec_, marker, 0xFFFF);
    jpeg_read_header(&codec_, TRUE);
    several_scans_ = jpeg_has_multiple_scans(&codec_) != 0;
    picture_.width = static_cast<int>(codec_.image_width);
    picture_.height = static_cast<int>(codec_.image_height);
    picture_.channels = codec_.jpeg_color_space == JCS_GRAYSCALE ? 1 : 3;
    auto metadata = std::make_shared<ImageMetadata>();
    take_markers(*metadata);
    if (codec_.jpeg_color_space == JCS_CMYK || codec_.jpeg_color_space == JCS_YCCK) {
      codec_.out_color_space = JCS_CMYK;
      // Practically all are inverted, as Adobe's programs write them, with or without Adobe's marker.
      converter_.emplace(ForeignColour::cmyk_inverted, SampleType::u8, metadata->icc);
      cmyk_.resize(size_t{4} * codec_.image_width);
      metadata->icc.clear();
      picture_.remarks.emplace_back("the colours were converted from CMYK to sRGB");
    } else {
      codec_.out_color_space = picture_.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    }
    picture_.metadata = std::move(metadata);
  }

  void take_markers(ImageMetadata& metadata) {
    std::vector<uint8_t> photoshop;
    for (const jpeg_marker_struct* marker = codec_.marker_list; marker != nullptr; marker = marker->next) {
      std::span<const uint8_t> data(marker->data, marker->data_length);
      const auto begins = [&](std::string_view start) {
        return data.size() >= start.size() && std::memcmp(data.data(), start.data(), start.size()) == 0;
      };
      const auto rest = [&](std::string_view start) { return data.subspan(start.size()); };
      if (marker->marker == JPEG_COM) {
        take_comment(data, metadata);
      } else if (begins(exif_start)) {
        if (metadata.exif.empty()) metadata.exif.assign(rest(exif_start).begin(), rest(exif_start).end());
      } else if (begins(xmp_start)) {
        const auto packet = rest(xmp_start);
        metadata.xmp.assign(reinterpret_cast<const char*>(packet.data()), packet.size());
      } else if (begins(extended_xmp_start)) {
        const auto part = rest(extended_xmp_start);
        metadata.extended_xmp.emplace_back(part.begin(), part.end());
      } else if (begins(photoshop_start)) {
        photoshop.insert(photoshop.end(), rest(photoshop_start).begin(), rest(photoshop_start).end());
      }
    }
    take_photoshop_blocks(photoshop, metadata);
    take_profile(metadata);
    take_density(metadata);
  }

  static void take_comment(std::span<const uint8_t> data, ImageMetadata& metadata) {
    std::string text(reinterpret_cast<const char*>(data.data()), data.size());
    while (!text.empty() && text.back() == '\0') text.pop_back();
    if (!is_utf8(text)) text = utf8_from_latin1(text);
    if (!text.empty()) metadata.comments.push_back(std::move(text));
  }

  void take_profile(ImageMetadata& metadata) {
    JOCTET* profile = nullptr;
    unsigned size = 0;
    if (!jpeg_read_icc_profile(&codec_, &profile, &size)) return;
    const std::unique_ptr<JOCTET, decltype(&std::free)> owner(profile, std::free);
    metadata.icc.assign(profile, profile + size);
  }

  void take_density(ImageMetadata& metadata) const {
    if (!codec_.saw_JFIF_marker || codec_.X_density == 0 || codec_.Y_density == 0) return;
    using Unit = Resolution::Unit;
    const Unit unit =
        codec_.density_unit == 1 ? Unit::inch : (codec_.density_unit == 2 ? Unit::centimetre : Unit::none);
    // 1:1 in no unit is what writers say that know nothing.
    if (unit == Unit::none && codec_.X_density == codec_.Y_density) return;
    metadata.resolution = {static_cast<double>(codec_.X_density), static_cast<double>(codec_.Y_density),
                           unit};
  }

  /// All rows are read. A file that lacks nothing but its end mark is fine; one whose data ends before is
  /// not.
  void check_end() {
    const bool complete = coefficients_complete();  // asked before libjpeg frees what tells
    jpeg_finish_decompress(&codec_);                // goes on to the end mark, and warns of what lies between
    if (bytes_->ended) {
      if (bits_missing_ || !complete)
        throw Error(ErrorKind::bad_data, source_->name(),
                    "damaged or truncated JPEG: the data ends too early");
      picture_.remarks.emplace_back("the JPEG file has no end mark");
    } else if (errors_.manager.num_warnings > 0) {
      picture_.remarks.emplace_back("the JPEG data is damaged; parts of the picture may be wrong");
    }
  }

  /// Whether every scan of a progressive file came: then all bits of all coefficients are known.
  bool coefficients_complete() const {
    if (!codec_.progressive_mode || codec_.coef_bits == nullptr) return true;
    for (int c = 0; c < codec_.num_components; ++c)
      if (std::any_of(codec_.coef_bits[c], codec_.coef_bits[c] + DCTSIZE2,
                      [](int bits) { return bits != 0; }))
        return false;
    return true;
  }

  std::shared_ptr<const ByteSource> source_;
  std::unique_ptr<Source> bytes_;
  JpegErrors errors_;
  jpeg_decompress_struct codec_{};
  jpeg_progress_mgr progress_{};
  StoredPicture picture_;
  bool several_scans_ = false, started_ = false, bits_missing_ = false;
  std::optional<ColourConverter> converter_;
  std::vector<std::byte> cmyk_;
};

}  // namespace

bool looks_like_jpeg(std::span<const uint8_t> head) {
  return head.size() >= 3 && head[0] == 0xFF && head[1] == 0xD8 && head[2] == 0xFF;
}

std::unique_ptr<Decoder> open_jpeg(std::shared_ptr<const ByteSource> source) {
  return std::make_unique<JpegDecoder>(std::move(source));
}

}  // namespace esrgan
