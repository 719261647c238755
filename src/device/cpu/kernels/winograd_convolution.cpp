#include <array>
#include <bit>
#include <utility>

#include "device/cpu/kernels/prepared_convolutions.h"

namespace esrgan {
namespace {

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

}  // namespace

std::unique_ptr<PreparedConvolution> prepare_winograd(const Convolution& conv,
                                                      const std::vector<int>& channels,
                                                      WinogradKernel kernel) {
  return std::make_unique<WinogradConvolution>(conv, channels, kernel);
}

}  // namespace esrgan
