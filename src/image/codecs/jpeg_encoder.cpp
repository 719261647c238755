#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "image/codecs/jpeg.h"
#include "image/codecs/jpeg_errors.h"
#include "image/codecs/photoshop.h"
#include "image/metadata/resolution.h"

namespace esrgan {
namespace {

using namespace std::string_view_literals;

/// Takes what libjpeg writes and hands it on.
struct Destination {
  jpeg_destination_mgr manager{};  // first: libjpeg knows only this part
  ByteSink* sink = nullptr;
  std::array<uint8_t, 1 << 16U> buffer{};

  explicit Destination(ByteSink& to) : sink(&to) {
    manager.init_destination = [](j_compress_ptr codec) { of(codec).restart(); };
    manager.empty_output_buffer = [](j_compress_ptr codec) -> boolean {
      of(codec).send(of(codec).buffer.size());
      return TRUE;
    };
    manager.term_destination = [](j_compress_ptr codec) {
      of(codec).send(of(codec).buffer.size() - of(codec).manager.free_in_buffer);
    };
  }
  static Destination& of(j_compress_ptr codec) { return *reinterpret_cast<Destination*>(codec->dest); }
  void restart() {
    manager.next_output_byte = buffer.data();
    manager.free_in_buffer = buffer.size();
  }
  void send(size_t count) {
    sink->write({buffer.data(), count});
    restart();
  }
};

class JpegEncoder : public Encoder {
 public:
  JpegEncoder(ByteSink& sink, const EncodeOptions& options)
      : destination_(std::make_unique<Destination>(sink)),
        errors_(sink.name(), "cannot be written as JPEG: "),
        quality_(options.quality) {
    codec_.err = &errors_.manager;
    jpeg_create_compress(&codec_);
    codec_.dest = &destination_->manager;
  }
  ~JpegEncoder() override { jpeg_destroy_compress(&codec_); }
  JpegEncoder(const JpegEncoder&) = delete;
  JpegEncoder& operator=(const JpegEncoder&) = delete;
  JpegEncoder(JpegEncoder&&) = delete;
  JpegEncoder& operator=(JpegEncoder&&) = delete;

  void begin(const StoredPicture& picture) override {
    row_bytes_ = picture.row_bytes();
    codec_.image_width = static_cast<JDIMENSION>(picture.width);
    codec_.image_height = static_cast<JDIMENSION>(picture.height);
    codec_.input_components = picture.channels;
    codec_.in_color_space = picture.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&codec_);
    jpeg_set_quality(&codec_, quality_, TRUE);
    for (int c = 0; c < codec_.num_components; ++c)  // all of the chroma: detail is what this is about
      codec_.comp_info[c].h_samp_factor = codec_.comp_info[c].v_samp_factor = 1;
    if (picture.metadata) set_density(picture.metadata->resolution);
    jpeg_start_compress(&codec_, TRUE);
    if (picture.metadata) write_markers(*picture.metadata);
  }

  void write(const std::byte* rows, int count) override {
    for (int i = 0; i < count; ++i, rows += row_bytes_) {
      auto* row = reinterpret_cast<JSAMPROW>(const_cast<std::byte*>(rows));
      jpeg_write_scanlines(&codec_, &row, 1);
    }
  }

  void end() override { jpeg_finish_compress(&codec_); }
  void finish() override {}
  uint64_t memory(const StoredPicture& picture) const override {
    return 16 * picture.row_bytes() + (1 << 17U);
  }

 private:
  void set_density(const Resolution& resolution) {
    if (!(resolution.x > 0 && resolution.y > 0)) return;
    const Resolution r = in_unit(resolution, Resolution::Unit::inch);
    const auto whole = [](double value) {
      return static_cast<UINT16>(std::clamp(std::round(value), 1.0, 65535.0));
    };
    codec_.density_unit = r.unit == Resolution::Unit::none ? 0 : 1;
    codec_.X_density = whole(r.x);
    codec_.Y_density = whole(r.y);
  }

  void write_marker(int marker, std::string_view start, std::span<const uint8_t> data) {
    std::vector<uint8_t> bytes(start.begin(), start.end());
    bytes.insert(bytes.end(), data.begin(), data.end());
    jpeg_write_marker(&codec_, marker, bytes.data(), static_cast<unsigned>(bytes.size()));
  }

  void write_markers(const ImageMetadata& metadata) {
    const auto bytes = [](const std::string& text) {
      return std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    };
    constexpr int app1 = JPEG_APP0 + 1, app13 = JPEG_APP0 + 13;
    if (!metadata.exif.empty()) write_marker(app1, "Exif\0\0"sv, metadata.exif);
    if (!metadata.xmp.empty()) write_marker(app1, "http://ns.adobe.com/xap/1.0/\0"sv, bytes(metadata.xmp));
    for (const auto& part : metadata.extended_xmp)
      write_marker(app1, "http://ns.adobe.com/xmp/extension/\0"sv, part);
    const std::vector<uint8_t> blocks = photoshop_blocks(metadata);
    for (size_t at = 0; at < blocks.size(); at += jpeg_marker_bytes)
      write_marker(app13, "Photoshop 3.0\0"sv,
                   std::span(blocks).subspan(at, std::min(jpeg_marker_bytes, blocks.size() - at)));
    if (!metadata.icc.empty())
      jpeg_write_icc_profile(&codec_, metadata.icc.data(), static_cast<unsigned>(metadata.icc.size()));
    for (const std::string& comment : metadata.comments)
      for (size_t at = 0; at < comment.size(); at += jpeg_marker_bytes)
        write_marker(JPEG_COM, "", bytes(comment.substr(at, jpeg_marker_bytes)));
  }

  std::unique_ptr<Destination> destination_;
  JpegErrors errors_;
  jpeg_compress_struct codec_{};
  int quality_;
  size_t row_bytes_ = 0;
};

}  // namespace

std::unique_ptr<Encoder> create_jpeg(ByteSink& sink, const EncodeOptions& options) {
  return std::make_unique<JpegEncoder>(sink, options);
}

}  // namespace esrgan
