#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "base/aligned_buffer.h"
#include "device/cpu/kernels/convolutions.h"
#include "device/cpu/kernels/direct_conv.h"
#include "device/cpu/kernels/winograd.h"
#include "device/cpu/kernels/winograd_layout.h"

namespace esrgan {
namespace {

constexpr size_t most_residuals = 2;

/// What follows the sums, for either kind of kernel.
class Epilogue {
 public:
  Epilogue(const Convolution& conv, int lanes) : scale_(conv.scale), bias_(padded(conv.bias, lanes)) {
    if (!conv.slope.empty()) slope_ = padded(conv.slope, lanes);
  }

  template <typename Args>
  void describe(Args& args) const {
    args.bias = bias_.data();
    args.slope = slope_.data();
    args.scale = scale_;
  }

 private:
  /// One value for each output channel, padded with zeros to whole blocks.
  static AlignedBuffer padded(const std::vector<float>& values, int lanes) {
    AlignedBuffer buffer(values.size() + 2 * static_cast<size_t>(lanes));
    std::copy(values.begin(), values.end(), buffer.data());
    return buffer;
  }

  float scale_;
  AlignedBuffer bias_, slope_;
};

BandShape shape_of(const ConvolutionBand& band) {
  return {band.column_end - band.column_begin, band.row_end - band.row_begin, band.whole};
}

/// Row y of an input at its column `first`, or zeros beyond its edges; `shift` as in WinogradInput.
const float* padded_row(const FeatureView& in, int y, int shift, const float* zeros) {
  return y < 0 || y >> shift >= in.height ? zeros : in.row_at(y >> shift);
}

/// For any kernel size: every product is computed.
class DirectConvolution : public PreparedConvolution {
 public:
  /// channels: of each input.
  DirectConvolution(const Convolution& conv, std::vector<int> channels, DirectConvKernel kernel)
      : kernel_(kernel),
        epilogue_(conv, kernel.lanes),
        channels_(std::move(channels)),
        radius_(conv.kernel / 2) {
    const int k = conv.kernel, lanes = kernel.lanes;
    for (int t = 0; t < k * k; ++t) taps_.push_back({t % k - radius_, t / k - radius_});
    size_t total = 0;
    for (const ChannelBlock& block : blocks_of(conv.out_channels, lanes)) {
      blocks_.push_back({block.first, block.channels, block.vectors, total});
      total += static_cast<size_t>(block.vectors * lanes * conv.in_channels) * taps_.size();
    }
    weights_ = AlignedBuffer(total);
    float* to = weights_.data();
    for (const DirectConvBlock& block : blocks_) {
      int first = 0;  // channel of the concatenation
      for (const int count : channels_) {
        for (int chunk = 0; chunk < count; chunk += direct_conv_chunk)
          to = pack(conv, block, first + chunk, first + std::min(count, chunk + direct_conv_chunk), to);
        first += count;
      }
    }
  }

  int border() const override { return radius_; }
  int parts(const BandShape& shape, int threads) const override { return std::min(shape.rows, 2 * threads); }
  size_t scratch_bytes(const BandShape& shape, int, const std::vector<int>&) const override {
    return sizeof(float) * direct_conv_rows * static_cast<size_t>(shape.width) * 2 *
           static_cast<size_t>(kernel_.lanes);
  }

  void run(const ConvolutionBand& band, int part, int parts, std::byte* scratch) const override {
    const BandPart here = part_of(part, parts, shape_of(band));
    const int begin = band.row_begin + here.row_begin, end = band.row_begin + here.row_end,
              left = band.column_begin;
    std::vector<std::vector<const float*>> rows(band.inputs.size());
    std::vector<DirectConvSource> sources;
    std::vector<float*> dst;
    std::array<std::vector<const float*>, most_residuals> residuals;
    for (size_t i = 0; i < rows.size(); ++i) {
      const FeatureView& in = band.inputs[i];
      for (int y = begin - radius_; y < end + radius_; ++y)
        rows[i].push_back(padded_row(in, y, 0, band.zeros) + (left - in.first) * in.pixel);
      sources.push_back({rows[i].data() + radius_, in.pixel, in.channels});
    }
    DirectConvArgs args;
    for (int y = begin; y < end; ++y) dst.push_back(band.out.at(left, y));
    for (size_t r = 0; r < band.residuals.size(); ++r) {
      for (int y = begin; y < end; ++y) residuals[r].push_back(band.residuals[r].view.at(left, y));
      args.residuals[r] = {residuals[r].data(), band.residuals[r].view.pixel, band.residuals[r].scale};
    }
    args.residual_count = static_cast<int>(band.residuals.size());
    args.sources = sources.data();
    args.source_count = static_cast<int>(sources.size());
    args.dst_rows = dst.data();
    args.dst_pixel = band.out.pixel;
    args.width = band.column_end - left;
    args.rows = end - begin;
    args.taps = taps_.data();
    args.tap_count = static_cast<int>(taps_.size());
    args.blocks = blocks_.data();
    args.block_count = static_cast<int>(blocks_.size());
    args.weights = weights_.data();
    args.partial = reinterpret_cast<float*>(scratch);
    epilogue_.describe(args);
    kernel_.run(args);
  }

 private:
  /// Weights of the channels [begin, end) of the concatenation; returns where the next go.
  float* pack(const Convolution& conv, const DirectConvBlock& block, int begin, int end, float* to) const {
    const int taps = static_cast<int>(taps_.size());
    for (int tap = 0; tap < taps; ++tap)
      for (int i = begin; i < end; ++i)
        for (int lane = 0; lane < block.vectors * kernel_.lanes; ++lane)
          *to++ = lane < block.channels ? conv.weights[static_cast<size_t>(
                                              ((block.first + lane) * conv.in_channels + i) * taps + tap)]
                                        : 0.0F;
    return to;
  }

  DirectConvKernel kernel_;
  Epilogue epilogue_;
  std::vector<int> channels_;  // of each input
  int radius_;
  std::vector<DirectConvTap> taps_;
  std::vector<DirectConvBlock> blocks_;
  AlignedBuffer weights_;
};

/// To bfloat16, to the nearest, ties to even.
uint16_t to_bfloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

/// G g for three filter taps; see winograd.h.
std::array<double, winograd_window> filter_1d(double g0, double g1, double g2) {
  constexpr double a = winograd_a, b = winograd_b;
  constexpr double na = 2 * a * a * (a * a - b * b), nb = 2 * b * b * (b * b - a * a);
  return {g0 / (a * a * b * b),
          (g0 + a * g1 + a * a * g2) / na,
          (g0 - a * g1 + a * a * g2) / na,
          (g0 + b * g1 + b * b * g2) / nb,
          (g0 - b * g1 + b * b * g2) / nb,
          g2};
}

/// G g G' of a 3x3 filter.
std::array<double, winograd_points> transform_filter(const float* g) {
  std::array<std::array<double, winograd_window>, 3> half{};
  for (size_t x = 0; x < 3; ++x)
    half[x] =
        filter_1d(static_cast<double>(g[x]), static_cast<double>(g[3 + x]), static_cast<double>(g[6 + x]));
  std::array<double, winograd_points> result{};
  for (size_t y = 0; y < winograd_window; ++y) {
    const auto row = filter_1d(half[0][y], half[1][y], half[2][y]);
    std::copy(row.begin(), row.end(), result.begin() + static_cast<ptrdiff_t>(y * winograd_window));
  }
  return result;
}

/// For 3x3 kernels, with few multiplications; also of several inputs, and of enlarged ones.
class WinogradConvolution : public PreparedConvolution {
 public:
  /// channels: of each input.
  WinogradConvolution(const Convolution& conv, std::vector<int> channels, WinogradKernel kernel)
      : kernel_(kernel),
        epilogue_(conv, kernel.lanes),
        shift_(conv.upsample == 2 ? 1 : 0),
        channels_(std::move(channels)),
        blocks_(blocks_of(conv.out_channels, kernel.lanes)) {
    for (const int count : channels_) depth_channels_ += round_up(count, kernel_.depth);
    size_t total = 0;
    for (const ChannelBlock& block : blocks_) total += winograd_points * point_stride(block);
    weights_ = AlignedBuffer((total * static_cast<size_t>(kernel_.element) + 3) / 4);
    if (kernel_.element == 4)
      pack(conv, weights_.data(), [](double value) { return static_cast<float>(value); });
    else
      pack(conv, reinterpret_cast<uint16_t*>(weights_.data()),
           [](double value) { return to_bfloat16(static_cast<float>(value)); });
  }

  TransformForm transform_form() const override { return 1 + (kernel_.element == 2 ? 1 : 0) + 2 * shift_; }

  size_t transformed_bytes(int channels, int width, int rows) const override {
    return static_cast<size_t>(tiles(width, rows) * transformed_tile(kernel_, channels) * kernel_.element);
  }

  int parts(const BandShape& shape, int threads) const override {
    if (shape.whole) return parts_of(tiles(shape.width, shape.rows), threads);
    const int rows = winograd_tiles(shape.rows);
    return rows * parts_of(winograd_tiles(shape.width), (threads + rows - 1) / rows);
  }

  BandPart part_of(int part, int parts, const BandShape& shape) const override {
    const Range range = range_of(part, parts, shape);
    if (range.begin == range.end) return {};
    const int first = range.begin / range.across, last = (range.end - 1) / range.across;
    BandPart result{first * winograd_tile, std::min(shape.rows, (last + 1) * winograd_tile), 0, shape.width};
    if (first == last) {
      result.column_begin = (range.begin - first * range.across) * winograd_tile;
      result.column_end = std::min(shape.width, (range.end - first * range.across) * winograd_tile);
    }
    return result;
  }

  size_t scratch_bytes(const BandShape& shape, int parts, const std::vector<int>& own) const override {
    const int count = (tiles(shape.width, shape.rows) + parts - 1) / parts;
    size_t bytes = product_bytes(count);
    for (const int channels : own) bytes += static_cast<size_t>(count) * bytes_of_tile(channels);
    return bytes;
  }

  void run(const ConvolutionBand& band, int part, int parts, std::byte* scratch) const override {
    const Range range = range_of(part, parts, shape_of(band));
    const int left = band.column_begin / winograd_tile;
    std::byte* own = scratch + product_bytes(range.end - range.begin);
    std::vector<WinogradFactor> factors;
    for (size_t i = 0; i < band.inputs.size(); ++i) {
      const TransformedView& view = band.transformed[i];
      TransformedTiles tiles{view.data, view.tiles, view.tile_begin, bytes_of_tile(channels_[i])};
      if (view.data == nullptr) {
        tiles = {own, range.across, left + range.begin, tiles.bytes};
        own += static_cast<size_t>(range.end - range.begin) * tiles.bytes;
      }
      if (view.fill) transform_input(band, band.inputs[i], range, tiles);
      factors.push_back({tiles.at(range.begin / range.across, left + range.begin % range.across),
                         round_up(channels_[i], kernel_.lanes), transformed_tile(kernel_, channels_[i]),
                         round_up(channels_[i], kernel_.depth)});
    }
    auto* products = reinterpret_cast<float*>(scratch);
    const auto* weights = reinterpret_cast<const std::byte*>(weights_.data());
    for (const ChannelBlock& block : blocks_) {
      WinogradProduct product;
      product.factors = factors.data();
      product.factor_count = static_cast<int>(factors.size());
      product.tiles = range.end - range.begin;
      product.vectors = block.vectors;
      product.weights = weights;
      product.weights_point_stride = static_cast<ptrdiff_t>(point_stride(block));
      product.to = products;
      product.to_point_stride = product_stride(kernel_, product.tiles, block.vectors);
      kernel_.multiply(product);
      transform_output(band, block, range, products, product.to_point_stride);
      weights += winograd_points * point_stride(block) * static_cast<size_t>(kernel_.element);
    }
  }

 private:
  /// Tiles of a band, counted row by row.
  struct Range {
    int begin, end, across;
  };

  /// Rows of a transformed map, of `across` tiles each, of which the first row begins with column `first`.
  struct TransformedTiles {
    std::byte* data;
    int across, first;
    size_t bytes;  // of a tile

    std::byte* at(int row, int column) const {
      return data + static_cast<ptrdiff_t>(row * across + column - first) * static_cast<ptrdiff_t>(bytes);
    }
  };

  size_t bytes_of_tile(int channels) const {
    return static_cast<size_t>(transformed_tile(kernel_, channels) * kernel_.element);
  }

  size_t product_bytes(int tiles) const {
    return sizeof(float) * winograd_points * static_cast<size_t>(product_stride(kernel_, tiles, 2));
  }

  static int tiles(int width, int rows) { return winograd_tiles(width) * winograd_tiles(rows); }

  static int parts_of(int tiles, int threads) {
    constexpr int most_tiles = 48, least_tiles = 8;  // so that weights are worth loading; fits the caches
    return std::max({1, (tiles + most_tiles - 1) / most_tiles, std::min(threads, tiles / least_tiles)});
  }

  static Range range_of(int part, int parts, const BandShape& shape) {
    const int across = winograd_tiles(shape.width);
    if (shape.whole) {
      const int count = tiles(shape.width, shape.rows);
      return {count * part / parts, count * (part + 1) / parts, across};
    }
    const int of_row = parts / winograd_tiles(shape.rows);
    const int row = part / of_row, number = part % of_row;
    return {row * across + across * number / of_row, row * across + across * (number + 1) / of_row, across};
  }

  size_t point_stride(const ChannelBlock& block) const {
    return static_cast<size_t>(depth_channels_) * static_cast<size_t>(block.vectors * kernel_.lanes);
  }

  template <typename Element, typename Round>
  void pack(const Convolution& conv, Element* to, Round round) {
    for (const ChannelBlock& block : blocks_) {
      const int width = block.vectors * kernel_.lanes;
      const size_t stride = point_stride(block);
      int source = 0, place = 0;  // channels of the concatenation, without and with padding
      for (const int count : channels_) {
        for (int i = 0; i < count; ++i)
          for (int lane = 0; lane < block.channels; ++lane) {
            const auto filter = transform_filter(
                conv.weights.data() +
                static_cast<size_t>((block.first + lane) * conv.in_channels + source + i) * 9);
            const int channel = place + i;
            Element* at =
                to + (channel / kernel_.depth * width + lane) * kernel_.depth + channel % kernel_.depth;
            for (size_t p = 0; p < winograd_points; ++p) at[p * stride] = round(filter[p]);
          }
        source += count;
        place += round_up(count, kernel_.depth);
      }
      to += winograd_points * stride;
    }
  }

  /// Calls body(row of tiles, first tile, end tile) for every row of tiles that a range touches.
  template <typename Body>
  static void for_rows(const Range& range, const Body& body) {
    for (int tile = range.begin; tile < range.end;) {
      const int row = tile / range.across, first = tile % range.across;
      const int end = std::min(range.across, first + range.end - tile);
      body(row, first, end);
      tile += end - first;
    }
  }

  /// What the first part of a row makes begins where the form does: others may look farther to the left.
  void transform_input(const ConvolutionBand& band, const FeatureView& in, const Range& range,
                       const TransformedTiles& tiles) const {
    const int left = band.column_begin / winograd_tile;
    for_rows(range, [&](int row, int first, int end) {
      WinogradInput args;
      const int top = band.row_begin + row * winograd_tile - 1;
      for (int y = 0; y < winograd_window; ++y) args.rows[y] = padded_row(in, top + y, shift_, band.zeros);
      args.first = in.first;
      args.pixel = in.pixel;
      args.width = band.out.width;
      args.shift = shift_;
      args.channels = in.channels;
      args.tile_begin = first == 0 ? std::min(left, tiles.first) : left + first;
      args.tile_end = left + end;
      args.to = tiles.at(row, args.tile_begin);
      args.point_stride = round_up(in.channels, kernel_.lanes);
      args.tile_stride = transformed_tile(kernel_, in.channels);
      kernel_.transform_input(args);
    });
  }

  void transform_output(const ConvolutionBand& band, const ChannelBlock& block, const Range& range,
                        const float* products, ptrdiff_t stride) const {
    for_rows(range, [&](int row, int first, int end) {
      WinogradOutput args;
      args.from = products;
      args.point_stride = stride;
      args.vectors = block.vectors;
      args.tiles = end - first;
      const int top = band.row_begin + row * winograd_tile, left = band.column_begin + first * winograd_tile;
      args.row_count = std::min(winograd_tile, band.row_end - top);
      args.residual_count = static_cast<int>(band.residuals.size());
      for (int r = 0; r < args.residual_count; ++r) {
        args.residuals[r].pixel = band.residuals[static_cast<size_t>(r)].view.pixel;
        args.residuals[r].scale = band.residuals[static_cast<size_t>(r)].scale;
      }
      for (int y = 0; y < args.row_count; ++y) {
        args.rows[y] = band.out.at(left, top + y);
        for (int r = 0; r < args.residual_count; ++r)
          args.residuals[r].rows[y] = band.residuals[static_cast<size_t>(r)].view.at(left, top + y);
      }
      args.pixel = band.out.pixel;
      args.width = band.column_end - left;
      args.first = block.first;
      args.channels = block.channels;
      epilogue_.describe(args);
      kernel_.transform_output(args);
      products += (end - first) * block.vectors * kernel_.lanes;
    });
  }

  WinogradKernel kernel_;
  Epilogue epilogue_;
  int shift_;
  std::vector<int> channels_;  // of each input
  int depth_channels_ = 0;     // of all inputs, each padded to the kernel's depth
  std::vector<ChannelBlock> blocks_;
  AlignedBuffer weights_;
};

class KernelsOfIsa : public CpuKernels {
 public:
  KernelsOfIsa(DirectConvKernel direct, WinogradKernel winograd, ElementwiseKernel elementwise)
      : direct_(direct), winograd_(winograd), elementwise_(elementwise) {}
  const char* name() const override { return winograd_.name; }
  const ElementwiseKernel& elementwise() const override { return elementwise_; }

  std::unique_ptr<PreparedConvolution> prepare(const Convolution& conv,
                                               const std::vector<int>& channels) const override {
    constexpr int few_channels = 8;  // a direct convolution is as fast
    if (conv.kernel == 3 && (conv.upsample == 2 || channels.size() > 1 || conv.in_channels >= few_channels))
      return std::make_unique<WinogradConvolution>(conv, channels, winograd_);
    return std::make_unique<DirectConvolution>(conv, channels, direct_);
  }

 private:
  DirectConvKernel direct_;
  WinogradKernel winograd_;
  ElementwiseKernel elementwise_;
};

}  // namespace

bool CpuKernels::supports(const Convolution& convolution) {
  return convolution.residuals.size() <= most_residuals &&
         (convolution.kernel == 3 || convolution.upsample == 1);
}

bool has_half([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  return isa == Isa::avx512 && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

bool half_is_faster() {
#if defined(__x86_64__)
  return !__builtin_cpu_is("intel");
#else
  return false;
#endif
}

std::unique_ptr<CpuKernels> make_cpu_kernels(Isa isa, [[maybe_unused]] bool half) {
  require_supported(isa);
  switch (isa) {
#if defined(__x86_64__)
    case Isa::avx2:
      return std::make_unique<KernelsOfIsa>(direct_conv_avx2(), winograd_avx2(), elementwise_avx2());
    case Isa::avx512:
      return std::make_unique<KernelsOfIsa>(
          direct_conv_avx512(), half && has_half(isa) ? winograd_avx512_bf16() : winograd_avx512(),
          elementwise_avx512());
#elif defined(__aarch64__)
    case Isa::neon:
      return std::make_unique<KernelsOfIsa>(direct_conv_neon(), winograd_neon(), elementwise_neon());
#endif
    default:
      return std::make_unique<KernelsOfIsa>(direct_conv_generic(), winograd_generic(), elementwise_generic());
  }
}

}  // namespace esrgan
