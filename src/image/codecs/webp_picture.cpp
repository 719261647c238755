#include "image/codecs/webp_picture.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace esrgan {
namespace {

constexpr int strip_rows = 64;

void copy_plane(const uint8_t* from, int from_stride, uint8_t* to, int to_stride, int width, int height) {
  for (int y = 0; y < height; ++y) {
    std::copy_n(from, width, to);
    from += from_stride;
    to += to_stride;
  }
}

}  // namespace

WebpPicture::WebpPicture(const StoredPicture& picture, bool colours)
    : channels_(picture.channels), row_bytes_(picture.row_bytes()) {
  if (WebPPictureInit(&picture_) == 0 || WebPPictureInit(&strip_) == 0)
    throw Error(ErrorKind::internal, "libwebp is of another version");
  picture_.width = picture.width;
  picture_.height = picture.height;
  picture_.use_argb = colours ? 1 : 0;
  picture_.colorspace = channels_ == 4 ? WEBP_YUV420A : WEBP_YUV420;
  if (!colours) waiting_.resize(2 * row_bytes_);
  if (WebPPictureAlloc(&picture_) == 0) throw std::bad_alloc();
}

WebpPicture::~WebpPicture() {
  WebPPictureFree(&picture_);
  WebPPictureFree(&strip_);
}

void WebpPicture::add(const uint8_t* rows, int count) {
  if (picture_.use_argb != 0)
    add_colours(rows, count);
  else
    convert(rows, count);
}

void WebpPicture::add_colours(const uint8_t* rows, int count) {
  for (int i = 0; i < count; ++i) {
    uint32_t* const to =
        picture_.argb + static_cast<size_t>(picture_.argb_stride) * static_cast<size_t>(next_row_++);
    for (int x = 0; x < picture_.width; ++x, rows += channels_) {
      const uint32_t alpha = channels_ == 4 ? rows[3] : 255;
      to[x] = alpha << 24U | static_cast<uint32_t>(rows[0] << 16U) | static_cast<uint32_t>(rows[1] << 8U) |
              rows[2];
    }
  }
}

/// Chroma belongs to two rows, which therefore go together; the last of an odd number goes alone.
void WebpPicture::convert(const uint8_t* rows, int count) {
  while (count > 0) {
    const bool last = next_row_ + (has_waiting_ ? 1 : 0) + 1 == picture_.height;
    if (!has_waiting_ && (count > 1 || last)) {
      const int some = count == 1 ? 1 : std::min(count / 2 * 2, strip_rows);
      import(rows, some);
      rows += row_bytes_ * static_cast<size_t>(some);
      count -= some;
      continue;
    }
    std::copy_n(rows, row_bytes_, &waiting_[has_waiting_ ? row_bytes_ : 0]);
    if (has_waiting_) import(waiting_.data(), 2);
    has_waiting_ = !has_waiting_;
    rows += row_bytes_;
    --count;
  }
}

void WebpPicture::import(const uint8_t* rows, int count) {
  strip_.width = picture_.width;
  strip_.height = count;
  const auto take = channels_ == 4 ? WebPPictureImportRGBA : WebPPictureImportRGB;
  if (take(&strip_, rows, static_cast<int>(row_bytes_)) == 0) throw std::bad_alloc();
  const auto y = static_cast<size_t>(next_row_);
  const int half_width = (strip_.width + 1) / 2, half_height = (count + 1) / 2;
  const size_t half = y / 2 * static_cast<size_t>(picture_.uv_stride);
  copy_plane(strip_.y, strip_.y_stride, picture_.y + y * static_cast<size_t>(picture_.y_stride),
             picture_.y_stride, strip_.width, count);
  copy_plane(strip_.u, strip_.uv_stride, picture_.u + half, picture_.uv_stride, half_width, half_height);
  copy_plane(strip_.v, strip_.uv_stride, picture_.v + half, picture_.uv_stride, half_width, half_height);
  if (channels_ == 4) {
    uint8_t* const alpha = picture_.a + y * static_cast<size_t>(picture_.a_stride);
    if ((strip_.colorspace & WEBP_CSP_ALPHA_BIT) != 0)
      copy_plane(strip_.a, strip_.a_stride, alpha, picture_.a_stride, strip_.width, count);
    else  // libwebp found the strip opaque
      std::fill_n(alpha, static_cast<size_t>(picture_.a_stride) * static_cast<size_t>(count), uint8_t{255});
  }
  next_row_ += count;
}

}  // namespace esrgan
