// Reading HEIF and AVIF.
#include <algorithm>
#include <array>
#include <cstring>
#include <exception>

#include "image/codecs/modules/heif.h"
#include "image/codecs/modules/module.h"

namespace esrgan::heif_module {
namespace {

/// The source as libheif wants it. A read that fails must not be reported, since libheif 1.15 aborts the
/// process then: zeros are delivered, and the exception is thrown when libheif has returned.
class Reader {
 public:
  explicit Reader(const ByteSource& source) : source_(source) {
    functions_.reader_api_version = 1;
    functions_.get_position = [](void* self) { return static_cast<Reader*>(self)->position_; };
    functions_.read = [](void* to, size_t count, void* self) {
      static_cast<Reader*>(self)->read({static_cast<uint8_t*>(to), count});
      return 0;
    };
    functions_.seek = [](int64_t position, void* self) {
      static_cast<Reader*>(self)->position_ = std::max<int64_t>(position, 0);
      return 0;
    };
    functions_.wait_for_file_size = [](int64_t size, void* self) {
      const uint64_t all = static_cast<Reader*>(self)->source_.size();
      return size < 0 || static_cast<uint64_t>(size) > all ? heif_reader_grow_status_size_beyond_eof
                                                           : heif_reader_grow_status_size_reached;
    };
  }

  const heif_reader* functions() const { return &functions_; }

  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void read(std::span<uint8_t> to) {
    if (to.empty()) return;
    size_t got = 0;
    try {
      got = source_.read_at(static_cast<uint64_t>(position_), to);
    } catch (...) {
      failure_ = std::current_exception();
    }
    std::fill(to.begin() + static_cast<std::ptrdiff_t>(got), to.end(), uint8_t{0});
    position_ += static_cast<int64_t>(to.size());
  }

  const ByteSource& source_;
  heif_reader functions_{};
  int64_t position_ = 0;
  std::exception_ptr failure_;
};

/// A plane of a decoded picture.
struct Plane {
  const uint8_t* samples = nullptr;
  size_t stride = 0;
  uint32_t most = 255;              ///< of a sample
  uint32_t black = 0, white = 255;  ///< that stand for 0 and 1

  uint32_t at(const uint8_t* row, size_t x) const {
    if (most <= 255) return row[x];
    uint16_t sample = 0;
    std::memcpy(&sample, row + 2 * x, sizeof sample);
    return sample;
  }
};

class HeifDecoder : public Decoder {
 public:
  explicit HeifDecoder(std::shared_ptr<const ByteSource> source)
      : source_(std::move(source)),
        structure_(read_structure(*source_)),
        reader_(*source_),
        context_(heif_context_alloc()) {
    if (!context_) throw std::bad_alloc();
    check_call(heif_context_read_from_reader(context_.get(), reader_.functions(), &reader_, nullptr),
               "HEIF file cannot be read");
    heif_image_handle* handle = nullptr;
    check_call(heif_context_get_primary_image_handle(context_.get(), &handle), "HEIF file has no picture");
    handle_.reset(handle);
    describe();
    picture_.metadata = read_metadata();
  }

  const StoredPicture& picture() const override { return picture_; }

  /// Planes of the coded picture and of the RGB one, twice while they are turned; alpha; the compressed
  /// bytes.
  uint64_t memory() const override {
    const uint64_t plane = bytes_of_picture(picture_) / static_cast<uint64_t>(picture_.channels);
    const bool gray = structure_.gray && !structure_.is_grid;
    constexpr uint64_t of_blocks = 12;
    const uint64_t pixels = static_cast<uint64_t>(picture_.width) * static_cast<uint64_t>(picture_.height);
    return plane * ((gray ? 2 : 6) + (picture_.alpha != Alpha::none ? 2 : 0)) + pixels * of_blocks +
           source_->size();
  }

  void read(int count, std::byte* rows) override {
    if (!image_) decode();
    for (int row = 0; row < count; ++row, ++row_) {
      auto* to = rows + static_cast<size_t>(row) * picture_.row_bytes();
      for (size_t channel = 0; channel < planes_.size(); ++channel) {
        if (picture_.type == SampleType::u8) {
          deliver<uint8_t>(planes_[channel], channel, reinterpret_cast<uint8_t*>(to));
        } else {
          deliver<uint16_t>(planes_[channel], channel, reinterpret_cast<uint16_t*>(to));
        }
      }
    }
  }

 private:
  void check_call(const heif_error& error, const char* problem) const {
    reader_.rethrow();
    check(error, source_->name(), problem);
  }

  void describe() {
    const auto& file = source_->name();
    picture_.width = heif_image_handle_get_width(handle_.get());
    picture_.height = heif_image_handle_get_height(handle_.get());
    check_size(file, picture_.width, picture_.height);
    const int bits = heif_image_handle_get_luma_bits_per_pixel(handle_.get());
    if (bits < 8 || bits > 16) {
      throw Error(ErrorKind::unsupported, file, "HEIF picture has an unsupported depth", "8 to 16 bits",
                  std::to_string(bits));
    }
    picture_.type = bits == 8 ? SampleType::u8 : SampleType::u16;
    if (bits == 10 || bits == 12 || bits == 14) picture_.bits = bits;
    const bool has_alpha = heif_image_handle_has_alpha_channel(handle_.get()) != 0;
    picture_.channels = (structure_.gray ? 1 : 3) + (has_alpha ? 1 : 0);
    if (has_alpha) {
      const bool associated = heif_image_handle_is_premultiplied_alpha(handle_.get()) != 0;
      picture_.alpha = associated ? Alpha::associated : Alpha::straight;
    }
    check_plane(picture_, file);
    const int all = heif_context_get_number_of_top_level_images(context_.get());
    if (all > 1)
      picture_.remarks.push_back("only the main one of " + std::to_string(all) + " pictures is used");
  }

  std::shared_ptr<const ImageMetadata> read_metadata() {
    auto metadata = std::make_shared<ImageMetadata>();
    const size_t icc = heif_image_handle_get_raw_color_profile_size(handle_.get());
    if (icc > 0 && fits(icc)) {
      metadata->icc.resize(icc);
      check_call(heif_image_handle_get_raw_color_profile(handle_.get(), metadata->icc.data()),
                 "ICC profile of the HEIF file cannot be read");
    }
    heif_color_profile_nclx* found = nullptr;
    if (heif_image_handle_get_nclx_color_profile(handle_.get(), &found).code == heif_error_Ok &&
        found != nullptr) {
      const Profile profile(found);
      // The range is that of the coded samples; those that are delivered have the full one.
      const CodePoints points{profile->color_primaries, profile->transfer_characteristics,
                              profile->matrix_coefficients, true};
      if (points.primaries != 2 || points.transfer != 2) metadata->code_points = points;
    }
    read_blocks(*metadata);
    return metadata;
  }

  void read_blocks(ImageMetadata& metadata) {
    const int count = heif_image_handle_get_number_of_metadata_blocks(handle_.get(), nullptr);
    std::vector<heif_item_id> ids(static_cast<size_t>(std::max(count, 0)));
    heif_image_handle_get_list_of_metadata_block_IDs(handle_.get(), nullptr, ids.data(), count);
    for (const auto id : ids) {
      const std::string type = heif_image_handle_get_metadata_type(handle_.get(), id);
      const std::string content = heif_image_handle_get_metadata_content_type(handle_.get(), id);
      const bool exif = type == "Exif" && metadata.exif.empty();
      const bool xmp = type == "mime" && content == "application/rdf+xml" && metadata.xmp.empty();
      const size_t size = heif_image_handle_get_metadata_size(handle_.get(), id);
      if ((!exif && !xmp) || size == 0 || !fits(size)) continue;
      std::vector<uint8_t> block(size);
      check_call(heif_image_handle_get_metadata(handle_.get(), id, block.data()),
                 "metadata of the HEIF file cannot be read");
      if (xmp) {
        metadata.xmp.assign(block.begin(), block.end());
      } else if (auto tiff = exif_of_box(block)) {
        metadata.exif = std::move(*tiff);
      } else {
        picture_.remarks.emplace_back("the EXIF data is damaged and not used");
      }
    }
  }

  bool fits(size_t bytes) {
    if (bytes <= limits::metadata_block) return true;
    picture_.remarks.push_back("metadata of " + std::to_string(bytes) + " bytes is too long and not used");
    return false;
  }

  void decode() {
    heif_image* image = nullptr;
    // Undefined: libheif turns it into planes of RGB, or leaves it gray; interleaving would copy it once
    // more.
    const auto error =
        heif_decode_image(handle_.get(), &image, heif_colorspace_undefined, heif_chroma_undefined, nullptr);
    image_.reset(image);
    check_call(error, "HEIF picture cannot be decoded");
    if (!image_) throw Error(ErrorKind::bad_data, source_->name(), "HEIF picture cannot be decoded");
    handle_.reset();
    context_.reset();
    const auto space = heif_image_get_colorspace(image_.get());
    if (space != heif_colorspace_RGB && space != heif_colorspace_monochrome) {
      throw Error(ErrorKind::bad_data, source_->name(), "HEIF picture has unexpected colours", "RGB or gray");
    }
    const bool mono = space == heif_colorspace_monochrome;
    std::vector<heif_channel> channels{mono ? heif_channel_Y : heif_channel_R};
    if (!structure_.gray) {
      channels.push_back(mono ? heif_channel_Y : heif_channel_G);
      channels.push_back(mono ? heif_channel_Y : heif_channel_B);
    }
    for (const auto channel : channels) planes_.push_back(plane_of(channel));
    if (picture_.alpha != Alpha::none) planes_.push_back(plane_of(heif_channel_Alpha));
  }

  Plane plane_of(heif_channel channel) const {
    int stride = 0;
    Plane plane;
    plane.samples = heif_image_get_plane_readonly(image_.get(), channel, &stride);
    const int bits =
        plane.samples == nullptr ? 0 : heif_image_get_bits_per_pixel_range(image_.get(), channel);
    if (bits < 1 || bits > 16 || stride < 0)
      throw Error(ErrorKind::bad_data, source_->name(), "HEIF picture lacks a channel");
    const int width = heif_image_get_width(image_.get(), channel);
    const int height = heif_image_get_height(image_.get(), channel);
    if (width != picture_.width || height != picture_.height) {
      throw Error(ErrorKind::bad_data, source_->name(), "HEIF picture has an unexpected size",
                  std::to_string(picture_.width) + "x" + std::to_string(picture_.height),
                  std::to_string(width) + "x" + std::to_string(height));
    }
    plane.stride = static_cast<size_t>(stride);
    plane.most = (1U << static_cast<unsigned>(bits)) - 1;
    plane.white = plane.most;
    if (channel == heif_channel_Y && bits >= 8 && has_limited_range()) {
      plane.black = 16U << static_cast<unsigned>(bits - 8);
      plane.white = 235U << static_cast<unsigned>(bits - 8);
    }
    return plane;
  }

  /// libheif brings colours to the full range, but not gray.
  bool has_limited_range() const {
    heif_color_profile_nclx* found = nullptr;
    if (heif_image_get_nclx_color_profile(image_.get(), &found).code != heif_error_Ok || found == nullptr)
      return false;
    return Profile(found)->full_range_flag == 0;
  }

  template <typename Sample>
  void deliver(const Plane& plane, size_t channel, Sample* to) const {
    constexpr uint32_t full = sizeof(Sample) == 1 ? 255 : 65535;
    const uint8_t* row = plane.samples + static_cast<size_t>(row_) * plane.stride;
    const auto width = static_cast<size_t>(picture_.width);
    const uint32_t range = plane.white - plane.black;
    for (size_t x = 0; x < width; ++x) {
      const uint32_t sample = std::max(plane.at(row, x), plane.black) - plane.black;
      to[x * planes_.size() + channel] =
          static_cast<Sample>(range == full ? std::min(sample, full) : rescale(sample, range, full));
    }
  }

  std::shared_ptr<const ByteSource> source_;
  Structure structure_;
  Reader reader_;
  Context context_;
  Handle handle_;
  Image image_;  ///< once it is decoded
  std::vector<Plane> planes_;
  StoredPicture picture_;
  int row_ = 0;
};

}  // namespace

std::unique_ptr<Decoder> open(std::shared_ptr<const ByteSource> source) {
  return std::make_unique<HeifDecoder>(std::move(source));
}

}  // namespace esrgan::heif_module
