#include "kernels/training.h"

#include <esrgan/error.h>

#include <array>
#include <utility>

#include "base/buffer_pool.h"
#include "kernels/cpu/winograd_gradient.h"
#include "kernels/cpu/winograd_layout.h"

namespace esrgan {
namespace {

struct Kernels {
  WinogradKernel forward;
  WinogradGradientKernel gradient;
};

Kernels kernels_for(Isa isa, [[maybe_unused]] bool half) {
  require_supported(isa);
  switch (isa) {
#if defined(__x86_64__)
    case Isa::avx2:
      return {winograd_avx2(), winograd_gradient_avx2()};
    case Isa::avx512:
      if (half && __builtin_cpu_supports("avx512bf16"))
        return {winograd_avx512_bf16(), winograd_gradient_avx512_bf16()};
      return {winograd_avx512(), winograd_gradient_avx512()};
#elif defined(__aarch64__)
    case Isa::neon:
      return {winograd_neon(), winograd_gradient_neon()};
#endif
    default:
      return {winograd_generic(), winograd_gradient_generic()};
  }
}

size_t to_size(ptrdiff_t a) {
  return static_cast<size_t>(a);
}

using Buffer = BufferPool::Buffer;

std::byte* bytes(Buffer& buffer) {
  return reinterpret_cast<std::byte*>(buffer.data());
}
const std::byte* bytes(const Buffer& buffer) {
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
  Machine(Kernels kernels, ParallelFor parallel)
      : kernels_(kernels), parallel_(std::move(parallel)), pool_(std::make_unique<BufferPool>()) {}

  const WinogradKernel& forward() const { return kernels_.forward; }
  const WinogradGradientKernel& gradient() const { return kernels_.gradient; }
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

  Kernels kernels_;
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
    args.tile_end = grid_.across();
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
  static void finish(const Machine& machine, const std::vector<FilterSums*>& threads, const FilterView& to) {
    FilterSums& all = *threads.at(0);
    const ptrdiff_t plane = static_cast<ptrdiff_t>(all.in_) * all.width_;
    machine.split(all.in_, [&](int, int begin, int end) {
      for (size_t t = 1; t < threads.size(); ++t)
        for (int point = 0; point < winograd_points; ++point) {
          float* sum = all.sums_.data() + point * plane;
          const float* part = threads[t]->sums_.data() + point * plane;
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
      for (int o = 0; o < all.out_; ++o) to.bias[o] += threads[t]->bias_.data()[o];
  }

 private:
  int in_, width_, out_;  // width: output channels, padded
  Buffer sums_, bias_;
};

/// to = scale * from, through the activation; adds up the channels.
void pass_gradient(const Machine& machine, const BatchView& from, const BatchView* activated, float slope,
                   float scale, const BatchView& to, ptrdiff_t pixels, float* sums) {
  GradientPixels args;
  args.from = from.data;
  args.from_pixel = from.pixel;
  if (activated != nullptr) {
    args.activated = activated->data;
    args.activated_pixel = activated->pixel;
  }
  args.scale = scale;
  args.slope = slope;
  args.to = to.data;
  args.to_pixel = to.pixel;
  args.pixels = pixels;
  args.channels = from.channels;
  args.sums = sums;
  machine.gradient().gradient_pixels(args);
}

Buffer row_of_zeros(const Machine& machine, const BatchSize& size, ptrdiff_t widest_pixel) {
  return machine.zeros(to_size((size.width + 1) * widest_pixel));
}

BatchView images_of(const BatchView& view, const BatchSize& size, int first) {
  return {view.data + static_cast<ptrdiff_t>(first) * size.height * size.width * view.pixel, view.pixel,
          view.channels};
}

BatchView channels_of(const BatchView& view, int first, int count) {
  return {view.data + first, view.pixel, count};
}

std::vector<FilterSums*> pointers(std::vector<FilterSums>& sums) {
  std::vector<FilterSums*> result;
  result.reserve(sums.size());
  for (FilterSums& part : sums) result.push_back(&part);
  return result;
}

int sum_of(const std::vector<int>& values, size_t count) {
  int sum = 0;
  for (size_t i = 0; i < count; ++i) sum += values[i];
  return sum;
}

}  // namespace

class TrainingKernels::Driver {
 public:
  explicit Driver(Machine machine) : machine_(std::move(machine)) {}
  const Machine& machine() const { return machine_; }

  void convolve(const BatchSize& size, const BatchView& x, const FilterView& filters, bool turned,
                float slope, const BatchView& y) const {
    const ptrdiff_t in_filter = turned ? static_cast<ptrdiff_t>(y.channels) * 9 : 9,
                    out_filter = turned ? 9 : static_cast<ptrdiff_t>(x.channels) * 9;
    const PackedFilters packed =
        machine_.pack({{filters.weights, out_filter, in_filter, turned, x.channels}}, y.channels);
    const Buffer bias = machine_.padded(y.channels, filters.bias),
                 slopes = machine_.padded(y.channels, slope);
    const Buffer zeros = row_of_zeros(machine_, size, x.pixel);
    Output output;
    output.view = y;
    output.bias = bias.data();
    output.slope = slope == 1 ? nullptr : slopes.data();
    const Grid grid(size);
    const int chunk = Convolver::chunk_rows(grid);
    machine_.split(grid.all().end, [&](int, int begin, int end) {
      Convolver convolver(machine_, grid, {x.channels}, std::min(chunk, end - begin));
      for (int row = begin; row < end; row += chunk) {
        const TileRows rows{row, std::min(end, row + chunk)};
        convolver.transform(0, x, rows, zeros.data());
        convolver.convolve(packed, 1, rows, output);
      }
    });
  }

  void filter_gradient(const BatchSize& size, const BatchView& x, const BatchView& dy,
                       std::vector<FilterSums>& sums, const FilterView& gradients) const {
    const Grid grid(size);
    const int chunk = Convolver::chunk_rows(grid);
    const Buffer zeros = row_of_zeros(machine_, size, std::max(x.pixel, dy.pixel));
    machine_.split(grid.all().end, [&](int part, int begin, int end) {
      const int most = std::min(chunk, end - begin);
      TileOperand inputs(machine_, grid, {x.channels}, most), outputs(machine_, grid, {dy.channels}, most);
      for (int row = begin; row < end; row += chunk) {
        const TileRows rows{row, std::min(end, row + chunk)};
        inputs.transform_inputs(0, x, rows, zeros.data());
        outputs.transform_gradients(0, dy, rows, zeros.data());
        sums[to_size(part)].add(machine_, inputs.operand(0), 0, x.channels, outputs.operand(0),
                                (rows.end - rows.begin) * inputs.groups());
      }
    });
    FilterSums::finish(machine_, pointers(sums), gradients);
  }

 private:
  Machine machine_;
};

TrainingKernels::TrainingKernels(Isa isa, bool half, ParallelFor parallel)
    : driver_(std::make_unique<Driver>(Machine(kernels_for(isa, half), std::move(parallel)))) {}

TrainingKernels::~TrainingKernels() = default;

const char* TrainingKernels::name() const {
  return driver_->machine().forward().name;
}

void TrainingKernels::convolve(const BatchSize& size, const BatchView& x, const FilterView& filters,
                               float slope, const BatchView& y) const {
  driver_->convolve(size, x, filters, false, slope, y);
}

void TrainingKernels::convolve_gradient(const BatchSize& size, const BatchView& x, const FilterView& filters,
                                        float slope, const BatchView& y, const BatchView& dy,
                                        const BatchView& dx, const FilterView& gradients) const {
  const Machine& machine = driver_->machine();
  const bool learns = gradients.weights != nullptr;
  std::vector<FilterSums> sums;
  const int rows = size.images * size.height;
  sums.reserve(to_size(machine.parts(rows)));
  for (int part = 0; part < machine.parts(rows); ++part)
    sums.emplace_back(machine, learns ? x.channels : 0, dy.channels);
  Buffer passed = machine.floats(to_size(Grid(size).pixels() * dy.channels));
  const BatchView gradient{passed.data(), dy.channels, dy.channels};
  machine.split(rows, [&](int part, int begin, int end) {
    const auto from_row = [&](const BatchView& view) {
      return BatchView{view.data + static_cast<ptrdiff_t>(begin) * size.width * view.pixel, view.pixel,
                       view.channels};
    };
    const BatchView activated = from_row(y);
    pass_gradient(machine, from_row(dy), slope == 1 ? nullptr : &activated, slope, 1, from_row(gradient),
                  static_cast<ptrdiff_t>(end - begin) * size.width, sums[to_size(part)].bias());
  });
  if (dx.data != nullptr) driver_->convolve(size, gradient, {filters.weights, nullptr}, true, 1, dx);
  if (learns) driver_->filter_gradient(size, x, gradient, sums, gradients);
}

namespace {

/// Images that one thread works on at a time in a dense block: what its filters are worth loading for.
int images_at_a_time(const BatchSize& size) {
  constexpr int tiles = 64;
  return std::max(1, tiles / (winograd_tiles(size.width) * winograd_tiles(size.height)));
}

using DenseBlock = TrainingKernels::DenseBlock;

/// Convolution `index` reads so many channels.
int inputs_of(const DenseBlock& block, size_t index) {
  return sum_of(block.channels, index + 1);
}

int outputs_of(const DenseBlock& block, size_t index) {
  return index + 1 < block.filters.size() ? block.channels[index + 1] : block.out_channels;
}

/// Calls body(part, size, first) for groups of images, a few at a time, on all threads.
void each_group(const Machine& machine, const BatchSize& size,
                const std::function<void(int part, const BatchSize& group, int first)>& body) {
  const int most = images_at_a_time(size);
  machine.split(size.images, [&](int part, int begin, int end) {
    for (int first = begin; first < end; first += most)
      body(part, {std::min(most, end - first), size.height, size.width}, first);
  });
}

}  // namespace

void TrainingKernels::dense_block(const BatchSize& size, const DenseBlock& block, const BatchView& x,
                                  const BatchView& inner, const BatchView& out) const {
  const Machine& machine = driver_->machine();
  const size_t count = block.filters.size();
  std::vector<PackedFilters> filters;
  std::vector<Buffer> biases, slopes;
  for (size_t j = 0; j < count; ++j) {
    std::vector<FilterSource> sources;
    for (size_t k = 0; k <= j; ++k)
      sources.push_back({block.filters[j].weights + static_cast<ptrdiff_t>(sum_of(block.channels, k)) * 9,
                         static_cast<ptrdiff_t>(inputs_of(block, j)) * 9, 9, false, block.channels[k]});
    filters.push_back(machine.pack(sources, outputs_of(block, j)));
    biases.push_back(machine.padded(outputs_of(block, j), block.filters[j].bias));
    slopes.push_back(machine.padded(outputs_of(block, j), block.slope));
  }
  const Buffer zeros = row_of_zeros(machine, size, std::max(x.pixel, inner.pixel));
  each_group(machine, size, [&](int, const BatchSize& group, int first) {
    const Grid grid(group);
    const TileRows rows = grid.all();
    Convolver convolver(machine, grid, block.channels, rows.end);
    const BatchView source = images_of(x, size, first), grown = images_of(inner, size, first);
    for (size_t j = 0; j < count; ++j) {
      const int before = j == 0 ? 0 : sum_of(block.channels, j) - block.channels[0];
      convolver.transform(j, j == 0 ? source : channels_of(grown, before, block.channels[j]), rows,
                          zeros.data());
      Output output;
      output.bias = biases[j].data();
      if (j + 1 < count) {
        output.view =
            channels_of(grown, sum_of(block.channels, j + 1) - block.channels[0], block.channels[j + 1]);
        output.slope = slopes[j].data();
      } else {
        output.view = images_of(out, size, first);
        output.scale = block.scale;
        output.residual = source;
        output.residual_scale = block.skip;
      }
      convolver.convolve(filters[j], j + 1, rows, output);
    }
  });
}

void TrainingKernels::dense_block_gradient(const BatchSize& size, const DenseBlock& block, const BatchView& x,
                                           const BatchView& inner, const BatchView& dout, const BatchView& dx,
                                           const std::vector<FilterView>& gradients) const {
  const Machine& machine = driver_->machine();
  const size_t count = block.filters.size();
  // The pass backward is a dense block itself: the gradient of map k comes from those of all convolutions
  // that read it, the last one first.
  std::vector<PackedFilters> filters;  // [k]
  for (size_t k = 0; k < count; ++k) {
    std::vector<FilterSource> sources;
    for (size_t j = count; j-- > k;)
      sources.push_back({block.filters[j].weights + static_cast<ptrdiff_t>(sum_of(block.channels, k)) * 9, 9,
                         static_cast<ptrdiff_t>(inputs_of(block, j)) * 9, true, outputs_of(block, j)});
    filters.push_back(machine.pack(sources, block.channels[k]));
  }
  std::vector<int> backward_channels;  // of the gradients, the last convolution's first
  for (size_t j = count; j-- > 0;) backward_channels.push_back(outputs_of(block, j));
  const int gradient_channels = sum_of(backward_channels, count);
  const bool contiguous = std::all_of(block.channels.begin(), block.channels.end() - 1,
                                      [&](int channels) { return channels % machine.lanes() == 0; });
  std::vector<std::vector<FilterSums>> sums(count);  // [convolution][part]
  for (size_t j = 0; j < count; ++j)
    for (int part = 0; part < machine.parts(size.images); ++part)
      sums[j].emplace_back(machine, inputs_of(block, j), outputs_of(block, j));
  const Buffer zeros =
      row_of_zeros(machine, size, std::max({x.pixel, inner.pixel, ptrdiff_t{gradient_channels}}));
  const Buffer no_bias =
      machine.padded(*std::max_element(block.channels.begin(), block.channels.end()), nullptr);

  each_group(machine, size, [&](int part, const BatchSize& group, int first) {
    const Grid grid(group);
    const TileRows rows = grid.all();
    const BatchView source = images_of(x, size, first), grown = images_of(inner, size, first),
                    from = images_of(dout, size, first);
    Buffer storage = machine.floats(to_size(grid.pixels() * gradient_channels));
    const BatchView all{storage.data(), gradient_channels, gradient_channels};
    const auto gradient_of = [&](size_t j) {  // of convolution j's output
      const size_t index = count - 1 - j;
      return channels_of(all, sum_of(backward_channels, index), backward_channels[index]);
    };
    pass_gradient(machine, from, nullptr, 1, block.scale, gradient_of(count - 1), grid.pixels(),
                  sums[count - 1][to_size(part)].bias());
    Convolver convolver(machine, grid, backward_channels, rows.end);
    for (size_t k = count; k-- > 0;) {
      convolver.transform(count - 1 - k, gradient_of(k), rows, zeros.data());
      Output output;
      output.bias = no_bias.data();
      if (k > 0) {
        output.view = gradient_of(k - 1);
      } else {
        output.view = images_of(dx, size, first);
        output.residual = from;
        output.residual_scale = block.skip;
      }
      convolver.convolve(filters[k], count - k, rows, output);
      if (k == 0) break;
      const BatchView activated =
          channels_of(grown, sum_of(block.channels, k) - block.channels[0], block.channels[k]);
      pass_gradient(machine, gradient_of(k - 1), &activated, block.slope, 1, gradient_of(k - 1),
                    grid.pixels(), sums[k - 1][to_size(part)].bias());
    }
    TileOperand inputs(machine, grid, block.channels, rows.end),
        outputs(machine, grid, backward_channels, rows.end);
    for (size_t k = 0; k < count; ++k) {
      const int before = k == 0 ? 0 : sum_of(block.channels, k) - block.channels[0];
      inputs.transform_inputs(k, k == 0 ? source : channels_of(grown, before, block.channels[k]), rows,
                              zeros.data());
      outputs.transform_gradients(count - 1 - k, gradient_of(k), rows, zeros.data());
    }
    for (size_t j = 0; j < count; ++j) {
      const WinogradOperand gradient = outputs.operand(count - 1 - j);
      FilterSums& sum = sums[j][to_size(part)];
      const int groups = rows.end * inputs.groups();
      if (contiguous) {
        sum.add(machine, inputs.operand(0), 0, inputs_of(block, j), gradient, groups);
        continue;
      }
      for (size_t k = 0; k <= j; ++k)
        sum.add(machine, inputs.operand(k), sum_of(block.channels, k), block.channels[k], gradient, groups);
    }
  });
  for (size_t j = 0; j < count; ++j) FilterSums::finish(machine, pointers(sums[j]), gradients[j]);
}

void TrainingKernels::prelu_gradient(const BatchSize& size, const BatchView& x, const float* slopes,
                                     const BatchView& dy, const BatchView& dx, float* slope_gradients) const {
  const Machine& machine = driver_->machine();
  const int rows = size.images * size.height, parts = machine.parts(rows);
  const ptrdiff_t row = static_cast<ptrdiff_t>(size.width) * x.channels;
  // A cache line apart, so that threads do not write to the same one.
  const int stride = round_up(x.channels, static_cast<int>(cache_line / sizeof(float)));
  Buffer sums = machine.zeros(to_size(parts * stride));
  machine.split(rows, [&](int part, int begin, int end) {
    PreluPixels args;
    args.input = x.data + begin * row;
    args.gradient = dy.data + begin * row;
    args.slopes = slopes;
    args.to = dx.data + begin * row;
    args.pixels = static_cast<ptrdiff_t>(end - begin) * size.width;
    args.channels = x.channels;
    args.sums = sums.data() + static_cast<ptrdiff_t>(part) * stride;
    machine.gradient().prelu_pixels(args);
  });
  std::copy_n(sums.data(), x.channels, slope_gradients);
  for (int part = 1; part < parts; ++part)
    for (int c = 0; c < x.channels; ++c) slope_gradients[c] += sums.data()[part * stride + c];
}

}  // namespace esrgan
