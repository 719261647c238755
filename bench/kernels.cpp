// The kernels one by one, for every instruction set of this machine, on one thread:
//   kernels_bench [--benchmark_filter=multiply]
// `of_peak` is the share of the arithmetic peak, measured before and after in the same run.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/cpu_features.h"
#include "device/cpu/kernels/convolutions.h"
#include "device/cpu/kernels/direct_conv.h"
#include "device/cpu/kernels/winograd.h"
#include "peak.h"

namespace esrgan::bench {
namespace {

constexpr int tiles = 32, features = 64, growth = 32;

struct Variant {
  WinogradKernel winograd;
  PeakLoop peak;
};

std::vector<Variant> variants() {
  std::vector<Variant> found;
  for (const Isa isa : supported_isas()) {
    if (isa == Isa::generic) found.push_back({winograd_generic(), peak_generic()});
#if defined(__x86_64__)
    if (isa == Isa::avx2) found.push_back({winograd_avx2(), peak_avx2()});
    if (isa == Isa::avx512) found.push_back({winograd_avx512(), peak_avx512()});
    if (has_half(isa)) found.push_back({winograd_avx512_bf16(), peak_avx512_bf16()});
#elif defined(__aarch64__)
    if (isa == Isa::neon) found.push_back({winograd_neon(), peak_neon()});
#endif
  }
  return found;
}

/// Operations per second.
double peak_rate(const PeakLoop& peak) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  long rounds = 0;
  double seconds = 0;
  for (; seconds < 0.05; seconds = std::chrono::duration<double>(Clock::now() - start).count()) {
    benchmark::DoNotOptimize(peak.run(100'000));
    rounds += 100'000;
  }
  return static_cast<double>(rounds) * peak.operations_per_round / seconds;
}

void peak(benchmark::State& state, const Variant& variant) {
  for (auto step : state) benchmark::DoNotOptimize(variant.peak.run(10'000));
  state.counters["operations"] =
      benchmark::Counter(10'000 * variant.peak.operations_per_round,
                         benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

/// Transformed maps and what is made of them, as in a dense block's last convolution.
class Work {
 public:
  explicit Work(const Variant& variant) : kernel_(variant.winograd) {
    const std::vector<int> channels{features, growth, growth, growth, growth};
    int total = 0;
    for (const int count : channels) {
      total += count;
      const ptrdiff_t stride = winograd_points * count + 64 / kernel_.element;
      maps_.emplace_back(bytes(tiles * stride));
      factors_.push_back({maps_.back().data(), count, stride, count});
    }
    product_.factors = factors_.data();
    product_.factor_count = static_cast<int>(factors_.size());
    product_.tiles = tiles;
    product_.vectors = 2;
    width_ = 2 * kernel_.lanes;
    product_.weights_point_stride = static_cast<ptrdiff_t>(total) * width_;
    weights_ = AlignedBuffer(bytes(winograd_points * product_.weights_point_stride));
    product_.weights = weights_.data();
    product_.to_point_stride = tiles * width_ + 16;
    products_ = AlignedBuffer(static_cast<size_t>(winograd_points * product_.to_point_stride));
    product_.to = products_.data();
    operations_ = 2.0 * winograd_points * tiles * total * width_;
  }

  const WinogradProduct& product() const { return product_; }
  double operations() const { return operations_; }
  int width() const { return width_; }
  void* map() { return maps_[0].data(); }
  const WinogradFactor& factor() const { return factors_[0]; }

 private:
  size_t bytes(ptrdiff_t elements) const {
    return static_cast<size_t>(elements * kernel_.element) / sizeof(float) + 1;
  }

  WinogradKernel kernel_;
  std::vector<AlignedBuffer> maps_;
  std::vector<WinogradFactor> factors_;
  AlignedBuffer weights_, products_;
  WinogradProduct product_;
  int width_ = 0;
  double operations_ = 0;
};

void multiply(benchmark::State& state, const Variant& variant) {
  const Work work(variant);
  const double before = peak_rate(variant.peak);
  const auto start = std::chrono::steady_clock::now();
  for (auto step : state) variant.winograd.multiply(work.product());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double after = peak_rate(variant.peak);
  state.counters["operations"] = benchmark::Counter(
      work.operations(), benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
  state.counters["of_peak"] =
      work.operations() * static_cast<double>(state.iterations()) / seconds / ((before + after) / 2);
}

/// A row of tiles as feature maps.
struct Rows {
  std::vector<AlignedBuffer> rows;
  explicit Rows(int count) {
    for (int i = 0; i < count; ++i)
      rows.emplace_back(static_cast<size_t>((tiles * winograd_tile + 2) * features));
  }
  float* pixel(int row) { return rows[static_cast<size_t>(row)].data() + features; }
};

void transform_input(benchmark::State& state, const Variant& variant) {
  Work work(variant);
  Rows rows(winograd_window);
  WinogradInput args;
  for (int y = 0; y < winograd_window; ++y) args.rows[y] = rows.pixel(y);
  args.pixel = args.channels = features;
  args.width = tiles * winograd_tile;
  args.tile_end = tiles;
  args.to = work.map();
  args.point_stride = work.factor().point_stride;
  args.tile_stride = work.factor().tile_stride;
  for (auto step : state) variant.winograd.transform_input(args);
  state.SetBytesProcessed(state.iterations() * int64_t{winograd_points} * tiles * features *
                          variant.winograd.element);
}

void transform_output(benchmark::State& state, const Variant& variant) {
  Work work(variant);
  Rows rows(winograd_tile);
  const std::vector<float> bias(static_cast<size_t>(work.width()));
  WinogradOutput args;
  args.from = work.product().to;
  args.point_stride = work.product().to_point_stride;
  args.vectors = 2;
  args.tiles = tiles;
  for (int y = 0; y < winograd_tile; ++y) args.rows[y] = rows.pixel(y);
  args.row_count = winograd_tile;
  args.pixel = features;
  args.width = tiles * winograd_tile;
  args.channels = work.width();
  args.bias = args.slope = bias.data();
  for (auto step : state) variant.winograd.transform_output(args);
  state.SetBytesProcessed(state.iterations() * int64_t{winograd_points} * tiles * work.width() * 4);
}

void register_all() {
  using Body = void (*)(benchmark::State&, const Variant&);
  for (const Variant& variant : variants())
    for (const auto& [name, body] : {std::pair<const char*, Body>{"peak", peak},
                                     {"multiply", multiply},
                                     {"transform_input", transform_input},
                                     {"transform_output", transform_output}})
      benchmark::RegisterBenchmark((std::string(name) + "/" + variant.winograd.name).c_str(),
                                   [variant, body = body](benchmark::State& state) { body(state, variant); });
}

}  // namespace
}  // namespace esrgan::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  esrgan::bench::register_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
