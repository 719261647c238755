// Rows on their way into libwebp's encoder.
#pragma once

#include <webp/encode.h>

#include <cstdint>
#include <vector>

#include "image/codecs/codec.h"

namespace esrgan {

/// A WebPPicture that is filled by rows. Lossy encoding wants luma and chroma; the rows are converted as they
/// come, so that less than half as much memory is needed as for the colours themselves.
class WebpPicture {
 public:
  /// `colours`: keep them, for lossless encoding and animations.
  WebpPicture(const StoredPicture& picture, bool colours);
  ~WebpPicture();
  WebpPicture(const WebpPicture&) = delete;
  WebpPicture& operator=(const WebpPicture&) = delete;
  WebpPicture(WebpPicture&&) = delete;
  WebpPicture& operator=(WebpPicture&&) = delete;

  void add(const uint8_t* rows, int count);
  WebPPicture& get() { return picture_; }

 private:
  void add_colours(const uint8_t* rows, int count);
  void convert(const uint8_t* rows, int count);
  void import(const uint8_t* rows, int count);

  WebPPicture picture_{}, strip_{};
  int channels_;
  size_t row_bytes_;
  int next_row_ = 0;
  std::vector<uint8_t> waiting_;  ///< a row whose chroma is shared with the next; as much memory as two
  bool has_waiting_ = false;
};

}  // namespace esrgan
