#include "video/frame_pixels.h"

#include <esrgan/error.h>

extern "C" {
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>
}

#include <algorithm>
#include <cstring>
#include <vector>

#include "image/samples.h"
#include "video/pipeline.h"

namespace esrgan::video {
namespace {

/// The same samples in the arrangement of another frame of the same size.
void rearrange(const AVFrame& from, AVFrame& to) {
  const auto from_format = static_cast<AVPixelFormat>(from.format),
             to_format = static_cast<AVPixelFormat>(to.format);
  SwsContext* const context =
      sws_getContext(from.width, from.height, from_format, to.width, to.height, to_format,
                     SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, nullptr, nullptr, nullptr);
  if (context == nullptr)
    throw Error(ErrorKind::unsupported, "", "frames", "a pixel format that can be converted",
                description(from_format).name);
  sws_scale(context, from.data, from.linesize, 0, from.height, to.data, to.linesize);
  sws_freeContext(context);
}

/// Where samples of a plane lie in a frame.
struct Place {
  uint8_t* data;
  ptrdiff_t stride, sample;  // bytes
  int width, height;

  Place(const AVFrame& frame, int component, Lines lines) {
    const AVPixFmtDescriptor& desc = description(static_cast<AVPixelFormat>(frame.format));
    const AVComponentDescriptor& place = desc.comp[component];
    stride = frame.linesize[place.plane];
    data = frame.data[place.plane] + (lines == Lines::bottom ? stride : 0);
    if (lines != Lines::all) stride *= 2;
    sample = place.depth > 8 ? 2 : 1;
    const bool chroma = component > 0 && component < 3 && !is_rgb(desc);
    width = AV_CEIL_RSHIFT(frame.width, chroma ? desc.log2_chroma_w : 0);
    height = AV_CEIL_RSHIFT(line_count(frame.height, lines), chroma ? desc.log2_chroma_h : 0);
  }

  /// Beyond the right and lower edge, where zimg wants whole chroma samples, the edge is repeated.
  void load(const PlaneRows& rows, std::byte* samples) const {
    const uint8_t* const from = data + std::min(rows.row, height - 1) * stride;
    const ptrdiff_t end = std::min(rows.end, width);
    std::memcpy(samples + rows.begin * sample, from + rows.begin * sample,
                static_cast<size_t>((end - rows.begin) * sample));
    for (ptrdiff_t x = end; x < rows.end; ++x)
      std::memcpy(samples + x * sample, from + (end - 1) * sample, static_cast<size_t>(sample));
  }
  void store(const PlaneRows& rows, const std::byte* samples) const {
    std::memcpy(data + rows.row * stride + rows.begin * sample, samples + rows.begin * sample,
                static_cast<size_t>((rows.end - rows.begin) * sample));
  }
  /// The whole plane as one channel of pixels and back, by the rules of unpack_samples() and pack_samples().
  void unpack(int depth, int channels, float* out) const {
    each([&](uint8_t* row, ptrdiff_t y) {
      for (ptrdiff_t x = 0; x < width; ++x) {
        uint16_t value = row[x * sample];
        if (sample == 2) std::memcpy(&value, row + 2 * x, 2);
        out[(y * width + x) * channels] = static_cast<float>(value) / static_cast<float>((1 << depth) - 1);
      }
    });
  }
  void pack(int depth, int channels, const float* in) const {
    const auto largest = static_cast<float>((1 << depth) - 1);
    each([&](uint8_t* row, ptrdiff_t y) {
      for (ptrdiff_t x = 0; x < width; ++x) {
        const uint16_t value = whole_sample(in[(y * width + x) * channels], largest);
        if (sample == 2)
          std::memcpy(row + 2 * x, &value, 2);
        else
          row[x] = static_cast<uint8_t>(value);
      }
    });
  }
  /// The greatest value everywhere.
  void fill(int depth) const {
    const std::vector<float> ones(static_cast<size_t>(width) * static_cast<size_t>(height), 1.0F);
    pack(depth, 1, ones.data());
  }
  template <typename RowFunction>
  void each(const RowFunction& function) const {
    for (ptrdiff_t y = 0; y < height; ++y) function(data + y * stride, y);
  }
};

/// Interleaved pixels whose channels from `first` on are the planes of a conversion; where there are more
/// planes than `count`, the last of these stands for the others.
struct Channels {
  float* pixels;
  int width, height, channels, first, count;

  void store(const PlaneRows& rows) const {
    for (int plane = 0; plane < rows.planes; ++plane) {
      const float* from = samples(rows, plane);
      float* to = at(rows.row, rows.begin) + channel(rows, plane);
      for (int x = rows.begin; x < rows.end; ++x, to += channels) *to = from[x];
    }
  }
  void load(const PlaneRows& rows) const {
    if (rows.planes == 3 && count == 3) return load_three(rows);
    for (int plane = 0; plane < rows.planes; ++plane) {
      const float* from = at(rows.row, rows.begin) + channel(rows, plane);
      float* to = samples(rows, plane);
      for (int x = rows.begin; x < rows.end; ++x, from += channels) to[x] = *from;
    }
  }

 private:
  /// Parts of rows below each other are too far apart for the processor to foresee the next, which is
  /// therefore asked for meanwhile.
  void load_three(const PlaneRows& rows) const {
    const float *from = at(rows.row, rows.begin), *below = at(std::min(rows.row + 1, height - 1), rows.begin);
    float *a = samples(rows, 0), *b = samples(rows, 1), *c = samples(rows, 2);
    for (int x = rows.begin; x < rows.end; ++x, from += channels, below += channels) {
      if (x % 4 == 0) __builtin_prefetch(below);
      a[x] = from[0];
      b[x] = from[1];
      c[x] = from[2];
    }
  }

  int channel(const PlaneRows& rows, int plane) const {
    return first + std::min(rows.first_plane + plane, count - 1);
  }
  float* at(int row, int x) const { return pixels + (static_cast<ptrdiff_t>(row) * width + x) * channels; }
  static float* samples(const PlaneRows& rows, int plane) {
    return reinterpret_cast<float*>(rows.samples[static_cast<size_t>(plane)]);
  }
};

int alpha_component(AVPixelFormat format) {
  return description(format).nb_components - 1;
}

}  // namespace

FramePtr empty_frame(int width, int height, AVPixelFormat format) {
  FramePtr frame = make_frame();
  frame->width = width;
  frame->height = height;
  frame->format = format;
  check(av_frame_get_buffer(frame.get(), 0), "", "a frame cannot be allocated");
  return frame;
}

FrameReader::FrameReader(const AVFrame& like, Lines lines)
    : format_(static_cast<AVPixelFormat>(like.format)),
      planar_(planar_equivalent(format_)),
      width_(like.width),
      height_(line_count(like.height, lines)),
      frame_height_(like.height),
      lines_(lines),
      colour_(colour_of(like)) {
  zimg_image_format from = stored_format(planar_, width_, frame_height_, colour_, lines_);
  zimg_image_format to = float_format(from, static_cast<int>(from.width), static_cast<int>(from.height));
  set_transfer(from, to, colour_);
  plain_ = is_plain(from);
  if (plain_) return;
  colours_.emplace(from, to);
  if (has_alpha(description(planar_))) alpha_.emplace(alpha_format(from), alpha_format(to));
}

bool FrameReader::fits(const AVFrame& frame) const {
  return frame.format == format_ && frame.width == width_ && frame.height == frame_height_ &&
         colour_of(frame) == colour_;
}

void FrameReader::read(const AVFrame& frame, Pixels& pixels) {
  if (planar_ == format_) return convert(frame, pixels);
  const FramePtr planar = empty_frame(frame.width, frame.height, planar_);
  rearrange(frame, *planar);
  convert(*planar, pixels);
}

void FrameReader::convert(const AVFrame& frame, Pixels& pixels) {
  const int count = channels();
  const auto component_of = [&](int channel) {
    return channel == count - 1 && count % 2 == 0 ? alpha_component(planar_) : channel;
  };
  pixels.resize(samples());
  if (plain_) {
    for (int channel = 0; channel < count; ++channel)
      Place(frame, component_of(channel), lines_).unpack(depth_of(planar_), count, pixels.data() + channel);
    return;
  }
  const auto convert = [&](PlaneConversion& conversion, int component, int channel) {
    const Channels to{pixels.data(), width_, height_, count, channel, count};
    conversion.run(
        [&](const PlaneRows& rows) {
          for (int plane = 0; plane < rows.planes; ++plane)
            Place(frame, component + rows.first_plane + plane, lines_)
                .load(rows, rows.samples[static_cast<size_t>(plane)]);
        },
        [&](PlaneRows rows) {
          rows.end = std::min(rows.end, width_);
          if (rows.row < height_) to.store(rows);
        });
  };
  convert(*colours_, 0, 0);
  if (alpha_) convert(*alpha_, component_of(count - 1), count - 1);
}

Pixels read_pixels(const AVFrame& frame, Lines lines, std::optional<FrameReader>& reader, PixelsPool& pool) {
  if (!reader || !reader->fits(frame)) reader.emplace(frame, lines);
  Pixels pixels = pool.take(reader->samples());
  reader->read(frame, pixels);
  return pixels;
}

FrameWriter::FrameWriter(const From& from, const AVFrame& to, const Colour& colour, Lines lines,
                         Dither dither)
    : from_(from),
      format_(static_cast<AVPixelFormat>(to.format)),
      planar_(planar_equivalent(format_)),
      lines_(lines) {
  zimg_image_format target = stored_format(planar_, to.width, to.height, colour, lines);
  if (from.channels >= 3 && target.color_family == ZIMG_COLOR_GREY) {  // the luma alone, see convert()
    target.color_family = ZIMG_COLOR_YUV;
    target.matrix_coefficients = static_cast<zimg_matrix_coefficients_e>(
        colour.matrix == AVCOL_SPC_RGB ? AVCOL_SPC_BT709 : colour.matrix);
  }
  zimg_image_format source = float_format(target, from.width, from.height);
  if (from.channels < 3 && target.color_family != ZIMG_COLOR_GREY)
    source.color_family = ZIMG_COLOR_RGB;  // gray is shown as colours, see load() below
  if (lines != Lines::all) {
    // The lines of an enlarged field lie around the field's own; those of the frame to be are elsewhere.
    const int frame_lines = line_count(to.height, lines) * 2;
    const double factor = frame_lines / (from.height / from.scale * 2);
    const double shift = from.scale / 4 * (1 - 1 / factor);
    source.active_region.left = 0;
    source.active_region.top = lines == Lines::top ? shift : -shift;
    source.active_region.width = from.width;
    source.active_region.height = from.height;
  }
  set_transfer(source, target, colour);
  const bool same_channels = (from.channels < 3) == (target.color_family == ZIMG_COLOR_GREY);
  const bool whole = dither == Dither::none || target.depth > 8;
  plain_ = is_plain(target) && whole && same_channels && lines == Lines::all && from.width == to.width &&
           from.height == to.height;
  if (plain_) return;
  colours_.emplace(source, target, whole ? Dither::none : dither);
  if (has_alpha(description(format_))) alpha_.emplace(alpha_format(source), alpha_format(target));
}

void FrameWriter::write(const Pixels& pixels, AVFrame& frame) {
  if (planar_ == format_) return convert(pixels, frame);
  if (!between_) between_ = empty_frame(frame.width, frame.height, planar_);
  if (lines_ != Lines::all) rearrange(frame, *between_);  // the other field stays
  convert(pixels, *between_);
  rearrange(*between_, frame);
}

void FrameWriter::convert(const Pixels& pixels, AVFrame& frame) {
  const int count = from_.channels, colours = count < 3 ? 1 : 3;
  if (plain_) {
    const int stored = description(planar_).nb_components;
    for (int component = 0; component < stored; ++component) {
      const Place place(frame, component, lines_);
      const bool alpha = stored % 2 == 0 && component == stored - 1;
      if (alpha && count == colours)
        place.fill(depth_of(planar_));
      else
        place.pack(depth_of(planar_), count, pixels.data() + (alpha ? count - 1 : component));
    }
    return;
  }
  // Pixels are only read.
  auto* const values = const_cast<float*>(pixels.data());
  const auto store = [&](int component) {
    return [this, &frame, component](const PlaneRows& rows) {
      for (int plane = 0; plane < rows.planes; ++plane)
        if (rows.first_plane + plane < description(planar_).nb_components)
          Place(frame, component + rows.first_plane + plane, lines_)
              .store(rows, rows.samples[static_cast<size_t>(plane)]);
    };
  };
  const auto load = [&](int first, int planes) {
    return [from = Channels{values, from_.width, from_.height, count, first, planes}](const PlaneRows& rows) {
      from.load(rows);
    };
  };
  colours_->run(load(0, colours), store(0));
  if (!alpha_) return;
  if (count == colours) {  // opaque
    alpha_->run(
        [](const PlaneRows& rows) {
          std::fill_n(reinterpret_cast<float*>(rows.samples[0]) + rows.begin, rows.end - rows.begin, 1.0F);
        },
        store(alpha_component(planar_)));
    return;
  }
  alpha_->run(load(count - 1, 1), store(alpha_component(planar_)));
}

}  // namespace esrgan::video
