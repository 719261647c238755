// What FFmpeg's pixel formats hold, and which of them stand in for others.
#pragma once

extern "C" {
#include <libavutil/pixdesc.h>
}

#include <esrgan/image.h>

#include <utility>

namespace esrgan::video {

/// Throws Error for a format that FFmpeg does not know.
const AVPixFmtDescriptor& description(AVPixelFormat format);

bool is_rgb(const AVPixFmtDescriptor& format);
bool has_alpha(const AVPixFmtDescriptor& format);
bool is_gray(const AVPixFmtDescriptor& format);
/// Whether it repeats another one for full range ("yuvj420p").
bool is_outdated(const AVPixFmtDescriptor& format);

/// Samples of one channel, and alpha.
int channels_of(AVPixelFormat format);  ///< 1 to 4, as in ImageInfo
int depth_of(AVPixelFormat format);     ///< bits of a sample

/// The type of picture files' samples that hold such a format's.
SampleType stored_type(AVPixelFormat format);

/// The format with the same channels and at least the same bits whose channels are planes of whole integers.
AVPixelFormat planar_equivalent(AVPixelFormat format);

/// How pictures with so many channels, of 8 or (deep) 16 bits, are held.
AVPixelFormat picture_format(int channels, bool deep);
/// The format that films usually have for them.
AVPixelFormat film_format(int channels, bool deep);

/// The format of films that keeps the colours of R'G'B' at every pixel.
AVPixelFormat full_colour_format(int channels, int depth);

/// What a frame's sides must be multiples of, for its chroma samples (and fields) to be whole.
std::pair<int, int> size_multiples(AVPixelFormat format, bool interlaced);

/// Of the formats an encoder takes, the one nearest to `wanted`: never fewer channels or bits if that can be.
AVPixelFormat nearest_format(const AVPixelFormat* offered, AVPixelFormat wanted);

/// Whether FrameWriter can write it.
bool is_writable(AVPixelFormat format);

}  // namespace esrgan::video
