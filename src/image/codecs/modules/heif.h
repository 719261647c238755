// HEIF and AVIF by libheif, in parts: the check of a file's structure, reading, writing.
#pragma once

#include <esrgan/error.h>
#include <libheif/heif.h>

#include <memory>
#include <string>

#include "image/codecs/codec.h"

namespace esrgan::heif_module {

/// Which picture a file shows.
struct Structure {
  bool gray = false;     ///< it has no chroma
  bool is_grid = false;  ///< it is put together of others
};

/// Checks what libheif 1.15 would follow without checks of its own, as pictures that are made of themselves.
/// Throws Error when the primary picture is not one or a grid of coded ones.
Structure read_structure(const ByteSource& source);

struct ContextFree {
  void operator()(heif_context* context) const { heif_context_free(context); }
};
struct HandleFree {
  void operator()(heif_image_handle* handle) const { heif_image_handle_release(handle); }
};
struct ImageFree {
  void operator()(heif_image* image) const { heif_image_release(image); }
};
struct ProfileFree {
  void operator()(heif_color_profile_nclx* profile) const { heif_nclx_color_profile_free(profile); }
};
using Context = std::unique_ptr<heif_context, ContextFree>;
using Handle = std::unique_ptr<heif_image_handle, HandleFree>;
using Image = std::unique_ptr<heif_image, ImageFree>;
using Profile = std::unique_ptr<heif_color_profile_nclx, ProfileFree>;

inline void check(const heif_error& error, const std::string& file, const char* problem) {
  if (error.code == heif_error_Ok) return;
  if (error.code == heif_error_Memory_allocation_error &&
      error.subcode != heif_suberror_Security_limit_exceeded) {
    throw std::bad_alloc();
  }
  throw Error(ErrorKind::bad_data, file, std::string(problem) + " (" + error.message + ")");
}

/// libheif reckons positions in a plane of samples with 31 bits.
inline void check_plane(const StoredPicture& picture, const std::string& file) {
  const int64_t bytes = int64_t{picture.width} * picture.height * (picture.type == SampleType::u8 ? 1 : 2);
  if (bytes >= int64_t{1} << 31U)
    throw Error(ErrorKind::unsupported, file, "picture is too large for libheif");
}

std::unique_ptr<Decoder> open(std::shared_ptr<const ByteSource> source);
std::unique_ptr<Encoder> create(ByteSink& sink, const EncodeOptions& options, heif_compression_format format);

}  // namespace esrgan::heif_module
