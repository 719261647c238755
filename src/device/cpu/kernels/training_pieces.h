// The pieces that training.cpp puts together: how a batch divides into tiles, convolutions of one thread over
// shared transforms, and sums that become the gradients of filters.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "device/cpu/kernels/buffer_pool.h"
#include "device/cpu/kernels/elementwise.h"
#include "device/cpu/kernels/winograd_gradient.h"
#include "device/cpu/kernels/winograd_layout.h"
#include "device/training.h"

namespace esrgan::training_pieces {

struct TrainingKernelSet {
  WinogradKernel forward;
  WinogradGradientKernel gradient;
  ElementwiseKernel elementwise;
};

inline size_t to_size(ptrdiff_t a) {
  return static_cast<size_t>(a);
}

using Buffer = BufferPool::Buffer;

inline std::byte* bytes(Buffer& buffer) {
  return reinterpret_cast<std::byte*>(buffer.data());
}
inline const std::byte* bytes(const Buffer& buffer) {
  return reinterpret_cast<const std::byte*>(buffer.data());
}

/// The filters between one input and all output channels.
struct FilterSource {
  const float* weights;
  ptrdiff_t out_stride, in_stride;
  bool turned;
  int channels;  // of the input
};

/// Filters of one convolution, transformed and packed for WinogradProduct.
struct PackedFilters {
  std::vector<ChannelBlock> blocks;
  std::vector<size_t> offsets, point_strides;  // of each block, in elements
  Buffer storage;
};

/// Rows of tiles, counted over all images of a batch.
struct TileRows {
  int begin, end;
};

/// How a batch divides into rows of tiles.
class Grid {
 public:
  explicit Grid(const BatchSize& size)
      : size_(size), across_(winograd_tiles(size.width)), down_(winograd_tiles(size.height)) {}

  int across() const { return across_; }
  int width() const { return size_.width; }
  TileRows all() const { return {0, size_.images * down_}; }
  ptrdiff_t pixels() const { return static_cast<ptrdiff_t>(size_.images) * size_.height * size_.width; }
  /// Rows of pixels that a row of tiles covers.
  int height_of(int tile_row) const {
    return std::min(winograd_tile, size_.height - tile_row % down_ * winograd_tile);
  }
  /// The row of pixels `y` below the top of a row of tiles; null beyond the image.
  float* row(const BatchView& view, int tile_row, int y) const {
    const int image_row = tile_row % down_ * winograd_tile + y;
    if (image_row < 0 || image_row >= size_.height) return nullptr;
    return view.data +
           (static_cast<ptrdiff_t>(tile_row / down_) * size_.height + image_row) * size_.width * view.pixel;
  }

 private:
  BatchSize size_;
  int across_, down_;
};

/// What becomes of the sums of a convolution.
struct Output {
  BatchView view;
  const float* bias = nullptr;   // padded to whole blocks
  const float* slope = nullptr;  // likewise, or null
  float scale = 1;
  BatchView residual{};
  float residual_scale = 0;
};

/// The kernels and the threads they run on.
class Machine {
 public:
  Machine(TrainingKernelSet kernels, ParallelFor parallel)
      : kernels_(kernels), parallel_(std::move(parallel)), pool_(std::make_unique<BufferPool>()) {}

  const WinogradKernel& forward() const { return kernels_.forward; }
  const WinogradGradientKernel& gradient() const { return kernels_.gradient; }
  const ElementwiseKernel& elementwise() const { return kernels_.elementwise; }
  int lanes() const { return kernels_.forward.lanes; }
  int depth() const { return kernels_.forward.depth; }
  int element() const { return kernels_.forward.element; }
  /// Into how many parts split() cuts.
  int parts(int count) const { return std::max(1, std::min(parallel_.threads(), count)); }

  /// Splits [0, count) into one range for each part.
  void split(int count, const std::function<void(int part, int begin, int end)>& body) const {
    const int ranges = parts(count);
    parallel_.run(ranges, [&](int part) { body(part, count * part / ranges, count * (part + 1) / ranges); });
  }

  /// Memory with arbitrary contents.
  Buffer floats(size_t count) const { return pool_->take(count); }
  Buffer elements(size_t count) const { return floats((count * to_size(element()) + 3) / 4); }
  Buffer zeros(size_t count) const {
    Buffer buffer = floats(count);
    std::fill_n(buffer.data(), count, 0.0F);
    return buffer;
  }
  /// One value for each output channel, padded to whole blocks; zeros without `values`.
  Buffer padded(int channels, const float* values) const {
    Buffer buffer = zeros(to_size(channels + 2 * lanes()));
    if (values != nullptr) std::copy_n(values, channels, buffer.data());
    return buffer;
  }
  Buffer padded(int channels, float value) const {
    Buffer buffer = padded(channels, nullptr);
    std::fill_n(buffer.data(), channels, value);
    return buffer;
  }

  PackedFilters pack(const std::vector<FilterSource>& sources, int outputs) const {
    PackedFilters packed;
    packed.blocks = blocks_of(outputs, lanes());
    int channels = 0;
    size_t total = 0;
    for (const FilterSource& source : sources) channels += round_up(source.channels, depth());
    for (const ChannelBlock& block : packed.blocks) {
      packed.offsets.push_back(total);
      packed.point_strides.push_back(to_size(channels) * to_size(block.vectors * lanes()));
      total += winograd_points * packed.point_strides.back();
    }
    packed.storage = elements(total);
    split(static_cast<int>(packed.blocks.size()), [&](int, int begin, int end) {
      for (int i = begin; i < end; ++i) pack_block(sources, packed, to_size(i));
    });
    return packed;
  }

 private:
  void pack_block(const std::vector<FilterSource>& sources, PackedFilters& packed, size_t index) const {
    const ChannelBlock& block = packed.blocks[index];
    std::byte* to = bytes(packed.storage) + packed.offsets[index] * to_size(element());
    for (const FilterSource& source : sources) {
      WinogradFilters args;
      args.weights = source.weights + block.first * source.out_stride;
      args.out_stride = source.out_stride;
      args.in_stride = source.in_stride;
      args.turned = source.turned;
      args.in_channels = source.channels;
      args.out_channels = block.channels;
      args.vectors = block.vectors;
      args.to = to;
      args.point_stride = static_cast<ptrdiff_t>(packed.point_strides[index]);
      kernels_.gradient.transform_filters(args);
      to += to_size(round_up(source.channels, depth()) * block.vectors * lanes() * element());
    }
  }

  TrainingKernelSet kernels_;
  ParallelFor parallel_;
  std::unique_ptr<BufferPool> pool_;
};

/// Convolutions of one thread: its inputs transformed once, for as many convolutions as read them.
class Convolver {
 public:
  /// channels: of each input; at most `rows` rows of tiles are worked on at a time.
  Convolver(const Machine& machine, const Grid& grid, std::vector<int> channels, int rows)
      : machine_(machine), grid_(grid), channels_(std::move(channels)), chunk_(chunk_rows(grid)) {
    for (const int count : channels_)
      inputs_.push_back(machine.elements(to_size(rows * grid.across()) * to_size(tile_stride(count))));
    products_ =
        machine.floats(winograd_points *
                       to_size(product_stride(machine.forward(), std::min(rows, chunk_) * grid.across(), 2)));
  }

  /// Rows of tiles whose products are worked on at a time: enough for the filters to be worth loading, few
  /// enough for the second-level cache.
  static int chunk_rows(const Grid& grid) {
    constexpr int tiles = 64;
    return std::max(1, tiles / grid.across());
  }

  /// Transforms an input's channels. `zeros`: a row of them.
  void transform(size_t input, const BatchView& view, TileRows rows, const float* zeros) {
    WinogradInput args;
    args.pixel = view.pixel;
    args.width = grid_.width();
    args.channels = view.channels;
    args.tile_end = grid_.across();
    args.point_stride = round_up(view.channels, machine_.lanes());
    args.tile_stride = tile_stride(view.channels);
    std::byte* to = bytes(inputs_[input]);
    for (int row = rows.begin; row < rows.end; ++row) {
      for (int y = 0; y < winograd_window; ++y) {
        const float* found = grid_.row(view, row, y - 1);
        args.rows[y] = found != nullptr ? found : zeros;
      }
      args.to = to;
      machine_.forward().transform_input(args);
      to += grid_.across() * args.tile_stride * machine_.element();
    }
  }

  /// The convolution of the first `inputs` inputs, over the rows that were transformed.
  void convolve(const PackedFilters& filters, size_t inputs, TileRows rows, const Output& output) {
    for (int begin = rows.begin; begin < rows.end; begin += chunk_) {
      const int end = std::min(rows.end, begin + chunk_);
      const int first_tile = (begin - rows.begin) * grid_.across();
      std::vector<WinogradFactor> factors;
      for (size_t i = 0; i < inputs; ++i) {
        const ptrdiff_t stride = tile_stride(channels_[i]);
        factors.push_back({bytes(inputs_[i]) + first_tile * stride * machine_.element(),
                           round_up(channels_[i], machine_.lanes()), stride,
                           round_up(channels_[i], machine_.depth())});
      }
      for (size_t b = 0; b < filters.blocks.size(); ++b) {
        const ChannelBlock& block = filters.blocks[b];
        WinogradProduct product;
        product.factors = factors.data();
        product.factor_count = static_cast<int>(factors.size());
        product.tiles = (end - begin) * grid_.across();
        product.vectors = block.vectors;
        product.weights = bytes(filters.storage) + filters.offsets[b] * to_size(machine_.element());
        product.weights_point_stride = static_cast<ptrdiff_t>(filters.point_strides[b]);
        product.to = products_.data();
        product.to_point_stride = product_stride(machine_.forward(), product.tiles, block.vectors);
        machine_.forward().multiply(product);
        finish(block, {begin, end}, product.to_point_stride, output);
      }
    }
  }

 private:
  ptrdiff_t tile_stride(int channels) const { return transformed_tile(machine_.forward(), channels); }

  void finish(const ChannelBlock& block, TileRows rows, ptrdiff_t stride, const Output& output) {
    WinogradOutput args;
    args.from = products_.data();
    args.point_stride = stride;
    args.vectors = block.vectors;
    args.tiles = grid_.across();
    args.pixel = output.view.pixel;
    args.width = grid_.width();
    args.first = block.first;
    args.channels = block.channels;
    args.bias = output.bias;
    args.slope = output.slope;
    args.scale = output.scale;
    if (output.residual_scale != 0) {
      args.residual_count = 1;
      args.residuals[0].pixel = output.residual.pixel;
      args.residuals[0].scale = output.residual_scale;
    }
    for (int row = rows.begin; row < rows.end; ++row) {
      args.row_count = grid_.height_of(row);
      for (int y = 0; y < args.row_count; ++y) {
        args.rows[y] = grid_.row(output.view, row, y);
        if (args.residual_count > 0) args.residuals[0].rows[y] = grid_.row(output.residual, row, y);
      }
      machine_.forward().transform_output(args);
      args.from += static_cast<ptrdiff_t>(grid_.across()) * block.vectors * machine_.lanes();
    }
  }

  const Machine& machine_;
  const Grid& grid_;
  std::vector<int> channels_;
  int chunk_;
  std::vector<Buffer> inputs_;
  Buffer products_;
};

/// Maps transformed for sums over tiles: one operand of WinogradSums, for some rows of tiles.
class TileOperand {
 public:
  TileOperand(const Machine& machine, const Grid& grid, const std::vector<int>& channels, int rows)
      : machine_(machine), grid_(grid), groups_((grid.across() + machine.depth() - 1) / machine.depth()) {
    int total = 0;
    for (const int count : channels) {
      offsets_.push_back(total);
      total += round_up(count, machine.lanes());
    }
    point_stride_ = static_cast<ptrdiff_t>(total) * machine.depth();
    group_stride_ = winograd_points * point_stride_ + static_cast<ptrdiff_t>(cache_line) / machine.element();
    storage_ = machine.elements(to_size(rows * groups_) * to_size(group_stride_));
  }

  /// Groups of tiles in a row of tiles.
  int groups() const { return groups_; }

  void transform_inputs(size_t index, const BatchView& view, TileRows rows, const float* zeros) {
    transform(index, view, rows, zeros, -1, winograd_window, machine_.gradient().input_tiles);
  }
  void transform_gradients(size_t index, const BatchView& view, TileRows rows, const float* zeros) {
    transform(index, view, rows, zeros, 0, winograd_tile, machine_.gradient().gradient_tiles);
  }
  WinogradOperand operand(size_t index) const {
    return {bytes(storage_) + static_cast<ptrdiff_t>(offsets_[index]) * machine_.depth() * machine_.element(),
            point_stride_, group_stride_};
  }

 private:
  void transform(size_t index, const BatchView& view, TileRows rows, const float* zeros, int top, int window,
                 void (*kernel)(const WinogradTileRow&)) {
    WinogradTileRow args;
    args.pixel = view.pixel;
    args.width = grid_.width();
    args.channels = view.channels;
    args.tiles = grid_.across();
    args.point_stride = point_stride_;
    args.group_stride = group_stride_;
    std::byte* to =
        bytes(storage_) + static_cast<ptrdiff_t>(offsets_[index]) * machine_.depth() * machine_.element();
    for (int row = rows.begin; row < rows.end; ++row) {
      for (int y = 0; y < window; ++y) {
        const float* found = grid_.row(view, row, top + y);
        args.rows[y] = found != nullptr ? found : zeros;
      }
      args.to = to;
      kernel(args);
      to += groups_ * group_stride_ * machine_.element();
    }
  }

  const Machine& machine_;
  const Grid& grid_;
  int groups_;
  std::vector<int> offsets_;  // of the maps' channels
  ptrdiff_t point_stride_ = 0, group_stride_ = 0;
  Buffer storage_;
};

/// Sums that become the gradient of one convolution's filters, and its bias's.
class FilterSums {
 public:
  FilterSums(const Machine& machine, int in, int out)
      : in_(in),
        width_(round_up(out, machine.lanes())),
        out_(out),
        sums_(machine.zeros(to_size(winograd_points * in) * to_size(width_))),
        bias_(machine.zeros(to_size(out))) {}

  float* bias() { return bias_.data(); }

  /// Adds the products of some input channels, `first` the first of them among all.
  void add(const Machine& machine, const WinogradOperand& inputs, int first, int channels,
           const WinogradOperand& gradients, int groups) {
    WinogradSums args;
    args.inputs = inputs;
    args.gradients = gradients;
    args.groups = groups;
    args.input_channels = channels;
    args.output_vectors = width_ / machine.lanes();
    args.sums = sums_.data() + static_cast<ptrdiff_t>(first) * width_;
    args.input_stride = width_;
    args.point_stride = static_cast<ptrdiff_t>(in_) * width_;
    machine.gradient().add_products(args);
  }

  /// Sums up the threads' sums, in their order, and writes the gradients.
  static void finish(const Machine& machine, std::vector<FilterSums>& threads, const FilterView& to) {
    FilterSums& all = threads.at(0);
    const ptrdiff_t plane = static_cast<ptrdiff_t>(all.in_) * all.width_;
    machine.split(all.in_, [&](int, int begin, int end) {
      for (size_t t = 1; t < threads.size(); ++t)
        for (int point = 0; point < winograd_points; ++point) {
          float* sum = all.sums_.data() + point * plane;
          const float* part = threads[t].sums_.data() + point * plane;
          for (ptrdiff_t i = static_cast<ptrdiff_t>(begin) * all.width_;
               i < static_cast<ptrdiff_t>(end) * all.width_; ++i)
            sum[i] += part[i];
        }
      for (int in = begin; in < end; ++in) {
        WinogradFilterGradient args;
        args.sums = all.sums_.data() + static_cast<ptrdiff_t>(in) * all.width_;
        args.point_stride = plane;
        args.out_channels = all.out_;
        args.to = to.weights + static_cast<ptrdiff_t>(in) * 9;
        args.out_stride = static_cast<ptrdiff_t>(all.in_) * 9;
        machine.gradient().filter_gradient(args);
      }
    });
    if (to.bias == nullptr) return;
    std::copy_n(all.bias_.data(), all.out_, to.bias);
    for (size_t t = 1; t < threads.size(); ++t)
      for (int o = 0; o < all.out_; ++o) to.bias[o] += threads[t].bias_.data()[o];
  }

 private:
  int in_, width_, out_;  // width: output channels, padded
  Buffer sums_, bias_;
};

}  // namespace esrgan::training_pieces
