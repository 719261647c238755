// Frames of a film to the pixels that networks work on, and back.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "engine/frame_enlarger.h"
#include "video/ffmpeg.h"
#include "video/planes.h"

namespace esrgan::video {

/// What the samples of a frame mean (ITU-T H.273), every part of it known: what a film leaves open is what
/// players take it for, by its size.
struct Colour {
  AVColorSpace matrix = AVCOL_SPC_BT709;
  AVColorRange range = AVCOL_RANGE_MPEG;
  AVColorPrimaries primaries = AVCOL_PRI_BT709;
  AVColorTransferCharacteristic transfer = AVCOL_TRC_BT709;
  AVChromaLocation chroma = AVCHROMA_LOC_LEFT;

  bool operator==(const Colour&) const = default;
};

Colour colour_of(const AVFrame& frame);

/// The type of picture files' samples that hold such a format's.
SampleType stored_type(AVPixelFormat format);

/// The same colours stored in another format: an RGB one has no matrix, and one that is not RGB needs one.
Colour colour_for(Colour colour, AVPixelFormat stored);

/// How pictures with so many channels, of 8 or (deep) 16 bits, are held.
AVPixelFormat picture_format(int channels, bool deep);
/// The format that films usually have for them.
AVPixelFormat film_format(int channels, bool deep);

/// What a frame's sides must be multiples of, for its chroma samples (and fields) to be whole.
std::pair<int, int> size_multiples(AVPixelFormat format, bool interlaced);

/// The lines of a frame that are taken or written.
enum class Lines { all, top, bottom };

/// A frame with memory of its own, whose contents are arbitrary.
FramePtr empty_frame(int width, int height, AVPixelFormat format);

/// Samples of one channel, and alpha, as FFmpeg's pixel formats have them.
int channels_of(AVPixelFormat format);  ///< 1 to 4, as in ImageInfo
int depth_of(AVPixelFormat format);     ///< bits of a sample

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
  FrameWriter(const From& from, const AVFrame& to, const Colour& colour, Lines lines);
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

/// Of the formats an encoder takes, the one nearest to `wanted`: never fewer channels or bits if that can be.
AVPixelFormat nearest_format(const AVPixelFormat* offered, AVPixelFormat wanted);

/// Whether FrameWriter can write it.
bool is_writable(AVPixelFormat format);

}  // namespace esrgan::video
