// Frames of a film to the pixels that networks work on, and back.
#pragma once

#include <esrgan/video.h>

#include <optional>

#include "engine/frame_upscaler.h"
#include "video/colour.h"
#include "video/ffmpeg.h"
#include "video/pixel_formats.h"
#include "video/planes.h"
#include "video/zimg_formats.h"

namespace esrgan::video {

/// A frame with memory of its own, whose contents are arbitrary.
FramePtr empty_frame(int width, int height, AVPixelFormat format);

/// Frames of one format to pixels: R'G'B' (or gray) as encoded, 0 black to 1 white, in full precision; values
/// beyond (blacker than black) are kept.
class FrameReader {
 public:
  FrameReader(const AVFrame& like, Lines lines);
  /// Whether this frame has the format that this was made for.
  bool fits(const AVFrame& frame) const;
  void read(const AVFrame& frame, Pixels& pixels);

  int width() const { return width_; }
  int height() const { return height_; }
  int channels() const { return channels_of(format_); }
  size_t samples() const {
    return static_cast<size_t>(width_) * static_cast<size_t>(height_) * static_cast<size_t>(channels());
  }

 private:
  void convert(const AVFrame& frame, Pixels& pixels);

  AVPixelFormat format_, planar_;
  int width_, height_;  // of the lines
  int frame_height_;
  Lines lines_;
  Colour colour_;
  bool plain_ = false;  // samples are pixels, without a conversion
  std::optional<PlaneConversion> colours_, alpha_;
};

class PixelsPool;

/// A frame's pixels, in memory of `pool`, by a reader that is kept for the next frame.
Pixels read_pixels(const AVFrame& frame, Lines lines, std::optional<FrameReader>& reader, PixelsPool& pool);

/// Pixels to frames.
class FrameWriter {
 public:
  struct From {
    int width, height, channels;
    double scale = 1;  ///< of the pixels to the film's frame; for fields, see below
    bool operator==(const From&) const = default;
  };

  /// Writes `lines` of frames like `to` (format, size, interlacing). Fields that were enlarged each by itself
  /// are brought to the places of their lines.
  FrameWriter(const From& from, const AVFrame& to, const Colour& colour, Lines lines,
              Dither dither = Dither::none);
  bool fits(const From& from) const { return from == from_; }
  void write(const Pixels& pixels, AVFrame& frame);

 private:
  void convert(const Pixels& pixels, AVFrame& frame);

  From from_;
  AVPixelFormat format_, planar_;
  FramePtr between_;  // where the format is not planar
  bool plain_ = false;
  Lines lines_;
  std::optional<PlaneConversion> colours_, alpha_;
};

}  // namespace esrgan::video
