#include "video/device_frames.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

#include "video/pixel_formats.h"
#include "video/planes.h"
#include "video/zimg_formats.h"

namespace esrgan::video {
namespace {

/// Whether every channel is a plane of whole numbers in the machine's order, as FrameFormat has them.
bool lies_in_planes(AVPixelFormat format) {
  const AVPixFmtDescriptor& desc = description(format);
  constexpr uint64_t other = AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |
                             AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_FLOAT;
  if (desc.nb_components != 3 || (desc.flags & other) != 0) return false;
  bool planes[3] = {};
  for (const AVComponentDescriptor& component : {desc.comp[0], desc.comp[1], desc.comp[2]}) {
    const int bytes = component.depth > 8 ? 2 : 1;
    if (component.plane > 2 || component.step != bytes || component.offset != 0 || component.shift != 0 ||
        component.depth > 16 || component.depth != desc.comp[0].depth)
      return false;
    planes[component.plane] = true;
    const bool is_big = (desc.flags & AV_PIX_FMT_FLAG_BE) != 0;
    if (bytes == 2 && is_big != (std::endian::native == std::endian::big)) return false;
  }
  return planes[0] && planes[1] && planes[2];
}

float* row_of(const PlaneRows& rows, int plane) {
  return reinterpret_cast<float*>(rows.samples[static_cast<size_t>(plane - rows.first_plane)]);
}

/// How zimg brings the chroma of a line to another sampling, found by asking it: lines of one plane with an
/// impulse at every 32nd sample, each line with others, which tell the factors of all samples. No filter
/// reaches half as far.
class Impulses {
 public:
  Impulses(bool vertical, int from, int to) : vertical_(vertical), from_(from), to_(to) {}

  Resampling through(PlaneConversion conversion) {
    seen_.resize(static_cast<size_t>(to_ * distance));
    conversion.run([this](const PlaneRows& rows) { load(rows); },
                   [this](const PlaneRows& rows) { store(rows); });
    Resampling found;
    for (int i = 0; i < to_; ++i) {
      int first = from_, end = 0;
      for (int k = std::max(0, near(i) - distance / 2); k < std::min(from_, near(i) + distance / 2); ++k)
        if (std::abs(factor(i, k)) > 1e-6F) {
          first = std::min(first, k);
          end = k + 1;
        }
      found.first.push_back(first);
      found.count = std::max(found.count, end - first);
    }
    for (int i = 0; i < to_; ++i) {
      int& first = found.first[static_cast<size_t>(i)];
      first = std::max(0, std::min(first, from_ - found.count));
      for (int k = first; k < first + found.count; ++k) found.factors.push_back(factor(i, k));
    }
    return found;
  }

  static constexpr int distance = 32;

 private:
  int near(int i) const { return static_cast<int>(static_cast<int64_t>(i) * from_ / to_); }
  float factor(int i, int k) const { return seen_[static_cast<size_t>(i * distance + k % distance)]; }

  void load(const PlaneRows& rows) const {
    for (int plane = rows.first_plane; plane < rows.first_plane + rows.planes; ++plane)
      for (int x = rows.begin; x < rows.end; ++x) {
        const int along = vertical_ ? rows.row : x, beside = vertical_ ? x : rows.row;
        row_of(rows, plane)[x] = plane == 1 && along % distance == beside ? 1.0F : 0.0F;
      }
  }
  void store(const PlaneRows& rows) {
    if (rows.first_plane > 1 || rows.first_plane + rows.planes < 2) return;
    for (int x = rows.begin; x < rows.end; ++x) {
      const int along = vertical_ ? rows.row : x, beside = vertical_ ? x : rows.row;
      if (along < to_ && beside < distance)
        seen_[static_cast<size_t>(along * distance + beside)] = row_of(rows, 1)[x];
    }
  }

  bool vertical_;
  int from_, to_;
  std::vector<float> seen_;  // [number of the result][number of the impulse's line]
};

Resampling as_it_is(int count) {
  Resampling same;
  for (int i = 0; i < count; ++i) same.first.push_back(i);
  same.factors.assign(static_cast<size_t>(count), 1);
  return same;
}

/// Of chroma between its own sampling and that of the first plane, along one axis.
Resampling chroma_resampling(const zimg_image_format& stored, bool vertical, bool to_chroma) {
  const unsigned halvings = vertical ? stored.subsample_h : stored.subsample_w;
  const auto length = static_cast<int>(vertical ? stored.height : stored.width);
  const int chroma = length >> halvings;
  if (halvings == 0) return as_it_is(length);
  zimg_image_format full = stored;
  full.pixel_type = ZIMG_PIXEL_FLOAT;
  full.depth = 32;
  full.subsample_w = full.subsample_h = 0;
  (vertical ? full.width : full.height) = Impulses::distance;
  zimg_image_format few = full;
  (vertical ? few.subsample_h : few.subsample_w) = halvings;
  return to_chroma ? Impulses(vertical, length, chroma).through(PlaneConversion(full, few))
                   : Impulses(vertical, chroma, length).through(PlaneConversion(few, full));
}

using Affine = std::array<std::array<double, 4>, 3>;

/// Samples to R, G, B, by what zimg makes of a pixel of zeros, and of one sample at a time.
Affine read_matrix(zimg_image_format stored) {
  constexpr int tried = 4;
  const double largest = (1 << stored.depth) - 1;
  stored.width = 32;
  stored.height = 2;
  stored.subsample_w = stored.subsample_h = 0;
  std::array<std::array<double, 3>, tried> seen{};
  PlaneConversion(stored,
                  float_format(stored, static_cast<int>(stored.width), static_cast<int>(stored.height)))
      .run(
          [&](const PlaneRows& rows) {
            for (int plane = 0; plane < rows.planes; ++plane)
              for (int x = rows.begin; x < rows.end; ++x) {
                std::byte* const row = rows.samples[static_cast<size_t>(plane)];
                const auto value = static_cast<uint16_t>(rows.first_plane + plane == x - 1 ? largest : 0);
                if (stored.pixel_type == ZIMG_PIXEL_BYTE)
                  row[x] = static_cast<std::byte>(value);
                else
                  reinterpret_cast<uint16_t*>(row)[x] = value;
              }
          },
          [&](const PlaneRows& rows) {
            if (rows.row > 0) return;
            for (int plane = rows.first_plane; plane < rows.first_plane + rows.planes; ++plane)
              for (int x = rows.begin; x < std::min(rows.end, tried); ++x)
                seen[static_cast<size_t>(x)][static_cast<size_t>(plane)] = row_of(rows, plane)[x];
          });
  Affine matrix{};
  for (size_t c = 0; c < 3; ++c) {
    for (size_t s = 0; s < 3; ++s) matrix[c][s] = (seen[s + 1][c] - seen[0][c]) / largest;
    matrix[c][3] = seen[0][c];
  }
  return matrix;
}

/// The way back, by Cramer's rule.
Affine inverse(const Affine& m) {
  const auto minor = [&](size_t row, size_t column) {
    const size_t a = (row + 1) % 3, b = (row + 2) % 3, c = (column + 1) % 3, d = (column + 2) % 3;
    return m[a][c] * m[b][d] - m[a][d] * m[b][c];
  };
  const double determinant = m[0][0] * minor(0, 0) + m[0][1] * minor(0, 1) + m[0][2] * minor(0, 2);
  Affine result{};
  for (size_t row = 0; row < 3; ++row) {
    for (size_t column = 0; column < 3; ++column) result[row][column] = minor(column, row) / determinant;
    for (size_t k = 0; k < 3; ++k) result[row][3] -= result[row][k] * m[k][3];
  }
  return result;
}

FrameFormat device_format(const FrameKind& kind, bool is_output) {
  const zimg_image_format stored =
      stored_format(kind.format, kind.width, kind.height, kind.colour, Lines::all);
  FrameFormat format;
  format.width = kind.width;
  format.height = kind.height;
  format.chroma_width = kind.width >> stored.subsample_w;
  format.chroma_height = kind.height >> stored.subsample_h;
  format.bits = static_cast<int>(stored.depth);
  const Affine reading = read_matrix(stored), matrix = is_output ? inverse(reading) : reading;
  for (size_t row = 0; row < 3; ++row)
    for (size_t column = 0; column < 4; ++column)
      format.matrix[row][column] = static_cast<float>(matrix[row][column]);
  format.across = chroma_resampling(stored, false, is_output);
  format.down = chroma_resampling(stored, true, is_output);
  return format;
}

bool has_whole_chroma(const FrameKind& kind) {
  const AVPixFmtDescriptor& desc = description(kind.format);
  return kind.width % (1 << desc.log2_chroma_w) == 0 && kind.height % (1 << desc.log2_chroma_h) == 0;
}

}  // namespace

FrameKind kind_of(const AVFrame& frame) {
  return {static_cast<AVPixelFormat>(frame.format), frame.width, frame.height, colour_of(frame)};
}

bool are_alike(const FrameKind& a, const FrameKind& b) {
  const AVPixFmtDescriptor& desc = description(a.format);
  const bool subsampled = desc.log2_chroma_w > 0 || desc.log2_chroma_h > 0;
  return a.format == b.format && a.width == b.width && a.height == b.height &&
         a.colour.matrix == b.colour.matrix && a.colour.range == b.colour.range &&
         (!subsampled || a.colour.chroma == b.colour.chroma);
}

std::shared_ptr<const FrameFormats> device_formats(const FrameKind& kind, const FrameShape& shape) {
  const FrameKind made{shape.format, shape.width, shape.height, shape.colour};
  const auto enlarged = [&](int side) { return std::lround(side * shape.network_scale); };
  const bool dithers = shape.dither != Dither::none && depth_of(shape.format) <= 8;
  if (dithers || made.width != enlarged(kind.width) || made.height != enlarged(kind.height)) return nullptr;
  for (const FrameKind& side : {kind, made})
    if (!lies_in_planes(side.format) || !has_whole_chroma(side) || needs_transfer(side.colour))
      return nullptr;
  return std::make_shared<const FrameFormats>(
      FrameFormats{device_format(kind, false), device_format(made, true)});
}

FramePlanes planes_of(const AVFrame& frame) {
  const AVPixFmtDescriptor& desc = description(static_cast<AVPixelFormat>(frame.format));
  FramePlanes planes;
  for (size_t i = 0; i < planes.data.size(); ++i) {
    const int plane = desc.comp[i].plane;
    planes.data[i] = reinterpret_cast<std::byte*>(frame.data[plane]);
    planes.stride[i] = frame.linesize[plane];
  }
  return planes;
}

}  // namespace esrgan::video
