#include "device/training.h"

#include <esrgan/error.h>

#include <utility>

#include "device/cpu/kernels/convolutions.h"
#include "device/cpu/kernels/training_pieces.h"

namespace esrgan {

using namespace training_pieces;

namespace {

TrainingKernelSet kernels_for(Isa isa, [[maybe_unused]] bool half) {
  require_supported(isa);
  switch (isa) {
#if defined(__x86_64__)
    case Isa::avx2:
      return {winograd_avx2(), winograd_gradient_avx2(), elementwise_avx2()};
    case Isa::avx512:
      if (half && has_half(isa))
        return {winograd_avx512_bf16(), winograd_gradient_avx512_bf16(), elementwise_avx512()};
      return {winograd_avx512(), winograd_gradient_avx512(), elementwise_avx512()};
#elif defined(__aarch64__)
    case Isa::neon:
      return {winograd_neon(), winograd_gradient_neon(), elementwise_neon()};
#endif
    default:
      return {winograd_generic(), winograd_gradient_generic(), elementwise_generic()};
  }
}

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
    FilterSums::finish(machine_, sums, gradients);
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
  for (size_t j = 0; j < count; ++j) FilterSums::finish(machine, sums[j], gradients[j]);
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

namespace {

/// Calls body(begin, count) for parts of `count` numbers, at once.
template <typename Body>
void each_range(const Machine& machine, ptrdiff_t count, const Body& body) {
  constexpr ptrdiff_t block = 1024;  // parts end between cache lines
  machine.split(static_cast<int>((count + block - 1) / block), [&](int /*part*/, int begin, int end) {
    body(begin * block, std::min(count, end * block) - begin * block);
  });
}

}  // namespace

void TrainingKernels::silu(ptrdiff_t count, const float* x, float* y) const {
  const Machine& machine = driver_->machine();
  each_range(machine, count,
             [&](ptrdiff_t at, ptrdiff_t n) { machine.elementwise().silu(x + at, y + at, n); });
}

void TrainingKernels::silu_gradient(ptrdiff_t count, const float* x, const float* dy, float* dx) const {
  const Machine& machine = driver_->machine();
  each_range(machine, count, [&](ptrdiff_t at, ptrdiff_t n) {
    machine.elementwise().silu_gradient(x + at, dy + at, dx + at, n);
  });
}

void TrainingKernels::gate(ptrdiff_t count, const float* o, const float* x, float* y) const {
  const Machine& machine = driver_->machine();
  each_range(machine, count,
             [&](ptrdiff_t at, ptrdiff_t n) { machine.elementwise().gate(o + at, x + at, y + at, n); });
}

void TrainingKernels::gate_gradient(ptrdiff_t count, const float* o, const float* x, const float* dy,
                                    float* d_o, float* dx) const {
  const Machine& machine = driver_->machine();
  each_range(machine, count, [&](ptrdiff_t at, ptrdiff_t n) {
    machine.elementwise().gate_gradient(o + at, x + at, dy + at, d_o + at, dx + at, n);
  });
}

}  // namespace esrgan
