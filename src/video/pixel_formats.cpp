#include "video/pixel_formats.h"

#include <esrgan/error.h>

#include <algorithm>
#include <string>

namespace esrgan::video {
namespace {

/// Whether each channel is a plane of whole integers in this machine's byte order.
bool is_planar(const AVPixFmtDescriptor& format) {
  constexpr auto other = AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM |
                         AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER;
  if ((format.flags & other) != 0 || format.nb_components == 0) return false;
  for (int c = 0; c < format.nb_components; ++c) {
    const AVComponentDescriptor& component = format.comp[c];
    if (component.shift != 0 || component.depth < 8 || component.depth > 16 ||
        component.step != (component.depth > 8 ? 2 : 1) || component.depth != format.comp[0].depth)
      return false;
    for (int other_component = 0; other_component < c; ++other_component)
      if (format.comp[other_component].plane == component.plane) return false;
  }
  return true;
}

}  // namespace

const AVPixFmtDescriptor& description(AVPixelFormat format) {
  const AVPixFmtDescriptor* const found = av_pix_fmt_desc_get(format);
  if (found == nullptr)
    throw Error(ErrorKind::unsupported, "", "pixel format", "one that FFmpeg knows", std::to_string(format));
  return *found;
}

bool is_rgb(const AVPixFmtDescriptor& format) {
  return (format.flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) != 0;
}
bool has_alpha(const AVPixFmtDescriptor& format) {
  return (format.flags & (AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_PAL)) != 0;
}
bool is_gray(const AVPixFmtDescriptor& format) {
  return format.nb_components < 3 && !is_rgb(format);
}

bool is_outdated(const AVPixFmtDescriptor& format) {
  return std::string(format.name).starts_with("yuvj");
}

AVPixelFormat planar_equivalent(AVPixelFormat format) {
  const AVPixFmtDescriptor& wanted = description(format);
  if (is_planar(wanted)) return format;
  AVPixelFormat best = AV_PIX_FMT_NONE;
  int best_depth = 99;
  const int depth = std::max(8, wanted.comp[0].depth);
  for (const AVPixFmtDescriptor* other = av_pix_fmt_desc_next(nullptr); other != nullptr;
       other = av_pix_fmt_desc_next(other)) {
    if (!is_planar(*other) || is_outdated(*other) || is_rgb(*other) != is_rgb(wanted) ||
        has_alpha(*other) != has_alpha(wanted) || is_gray(*other) != is_gray(wanted) ||
        other->log2_chroma_w != wanted.log2_chroma_w || other->log2_chroma_h != wanted.log2_chroma_h ||
        other->comp[0].depth < depth || other->comp[0].depth >= best_depth)
      continue;
    best = av_pix_fmt_desc_get_id(other);
    best_depth = other->comp[0].depth;
  }
  if (best == AV_PIX_FMT_NONE)
    throw Error(ErrorKind::unsupported, "", "frames", "a pixel format of integers", std::string(wanted.name));
  return best;
}

int channels_of(AVPixelFormat format) {
  const AVPixFmtDescriptor& desc = description(format);
  return (is_gray(desc) ? 1 : 3) + (has_alpha(desc) ? 1 : 0);
}

int depth_of(AVPixelFormat format) {
  return description(format).comp[0].depth;
}

SampleType stored_type(AVPixelFormat format) {
  return depth_of(format) > 8 ? SampleType::u16 : SampleType::u8;
}

AVPixelFormat picture_format(int channels, bool deep) {
  constexpr AVPixelFormat formats[4][2] = {{AV_PIX_FMT_GRAY8, AV_PIX_FMT_GRAY16},
                                           {AV_PIX_FMT_YA8, AV_PIX_FMT_YA16},
                                           {AV_PIX_FMT_GBRP, AV_PIX_FMT_GBRP16},
                                           {AV_PIX_FMT_GBRAP, AV_PIX_FMT_GBRAP16}};
  return formats[channels - 1][deep ? 1 : 0];
}

AVPixelFormat film_format(int channels, bool deep) {
  if (channels % 2 == 0) return deep ? AV_PIX_FMT_YUVA420P10 : AV_PIX_FMT_YUVA420P;
  return deep ? AV_PIX_FMT_YUV420P10 : AV_PIX_FMT_YUV420P;
}

AVPixelFormat full_colour_format(int channels, int depth) {
  constexpr AVPixelFormat formats[2][3] = {
      {AV_PIX_FMT_YUV444P, AV_PIX_FMT_YUV444P10, AV_PIX_FMT_YUV444P12},
      {AV_PIX_FMT_YUVA444P, AV_PIX_FMT_YUVA444P10, AV_PIX_FMT_YUVA444P12}};
  return formats[channels % 2 == 0 ? 1 : 0][depth <= 8 ? 0 : (depth <= 10 ? 1 : 2)];
}

std::pair<int, int> size_multiples(AVPixelFormat format, bool interlaced) {
  const AVPixFmtDescriptor& desc = description(format);
  return {1 << desc.log2_chroma_w, (interlaced ? 2 : 1) << desc.log2_chroma_h};
}

bool is_writable(AVPixelFormat format) {
  const AVPixFmtDescriptor& desc = description(format);
  constexpr auto beyond = AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |
                          AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_BE;
  return is_planar(desc) ||
         ((desc.flags & beyond) == 0 && desc.comp[0].depth >= 8 && desc.nb_components >= 3);
}

AVPixelFormat nearest_format(const AVPixelFormat* offered, AVPixelFormat wanted) {
  const AVPixFmtDescriptor& want = description(wanted);
  AVPixelFormat best = AV_PIX_FMT_NONE;
  int best_penalty = 1 << 30;
  for (; offered != nullptr && *offered != AV_PIX_FMT_NONE; ++offered) {
    const AVPixFmtDescriptor& desc = description(*offered);
    if (!is_writable(*offered) || is_outdated(desc)) continue;
    const int lost = std::max(0, want.comp[0].depth - desc.comp[0].depth),
              wasted = std::max(0, desc.comp[0].depth - want.comp[0].depth);
    const int finer = std::max(0, want.log2_chroma_w - desc.log2_chroma_w) +
                      std::max(0, want.log2_chroma_h - desc.log2_chroma_h);
    const int coarser = std::max(0, desc.log2_chroma_w - want.log2_chroma_w) +
                        std::max(0, desc.log2_chroma_h - want.log2_chroma_h);
    int penalty = 1000 * lost + 10 * wasted + 300 * coarser + 20 * finer;
    if (has_alpha(want) && !has_alpha(desc)) penalty += 100000;
    if (!has_alpha(want) && has_alpha(desc)) penalty += 5000;
    if (is_gray(desc) && !is_gray(want)) penalty += 200000;
    if (!is_gray(desc) && is_gray(want)) penalty += 50;
    if (is_rgb(want) != is_rgb(desc)) penalty += 400;
    if (penalty < best_penalty) {
      best_penalty = penalty;
      best = *offered;
    }
  }
  return best;
}

}  // namespace esrgan::video
