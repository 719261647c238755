#include "device/reference/reference_device.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/overloaded.h"

namespace esrgan {
namespace {

/// A map as a whole: [y][x][channel].
struct Map {
  int width = 0, height = 0, channels = 0;
  std::vector<float> values;

  float& at(int x, int y, int c) { return values[index(x, y, c)]; }
  float at(int x, int y, int c) const { return values[index(x, y, c)]; }

 private:
  size_t index(int x, int y, int c) const {
    return (static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)) *
               static_cast<size_t>(channels) +
           static_cast<size_t>(c);
  }
};

/// Sets every value of `out` to value(x, y, channel).
template <typename Value>
void fill(Map& out, const Value& value) {
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x)
      for (int c = 0; c < out.channels; ++c) out.at(x, y, c) = static_cast<float>(value(x, y, c));
}

/// Products of one input channel with its kernel.
double products(const Convolution& op, const Map& in, int channel, int i, int x, int y, int c) {
  const int radius = op.kernel / 2, up = op.upsample;
  double sum = 0;
  for (int ky = 0; ky < op.kernel; ++ky)
    for (int kx = 0; kx < op.kernel; ++kx) {
      const int sy = y + ky - radius, sx = x + kx - radius;
      if (sy < 0 || sx < 0 || sy >= in.height * up || sx >= in.width * up) continue;  // zero padding
      const auto weight = static_cast<size_t>(((c * op.in_channels + i) * op.kernel + ky) * op.kernel + kx);
      sum += static_cast<double>(op.weights[weight]) * static_cast<double>(in.at(sx / up, sy / up, channel));
    }
  return sum;
}

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

/// The enlarged base at a pixel; bilinear as PyTorch's align_corners = false.
double upscaled(const Map& base, const AddUpsampled& op, int x, int y, int c) {
  if (op.mode == Upsampling::nearest) return static_cast<double>(base.at(x / op.factor, y / op.factor, c));
  const auto place = [&](int position) { return std::max(0.0, (position + 0.5) / op.factor - 0.5); };
  const int left = std::min(static_cast<int>(place(x)), base.width - 1),
            right = std::min(left + 1, base.width - 1);
  const int top = std::min(static_cast<int>(place(y)), base.height - 1),
            bottom = std::min(top + 1, base.height - 1);
  const double h = place(x) - left, v = place(y) - top;
  const auto value = [&](int column, int row) { return static_cast<double>(base.at(column, row, c)); };
  return (1 - v) * ((1 - h) * value(left, top) + h * value(right, top)) +
         v * ((1 - h) * value(left, bottom) + h * value(right, bottom));
}

class ReferenceExecutor : public Executor {
 public:
  explicit ReferenceExecutor(Graph graph) : Executor(graph), graph_(std::move(graph)) {}

  MemoryNeed memory_for(int width, int height) const override {
    uint64_t values = 0;
    const auto cells =
        static_cast<uint64_t>(width / input_multiple()) * static_cast<uint64_t>(height / input_multiple());
    for (const MapSpec& spec : graph_.maps)
      values += cells * static_cast<uint64_t>(spec.density) * static_cast<uint64_t>(spec.density) *
                static_cast<uint64_t>(spec.channels);
    return {values * sizeof(float), 0};
  }
  /// Pixels are computed alike wherever they are.
  std::optional<int> computational_reach() const override { return graph_.computational_reach(1); }
  int computational_multiple() const override { return input_multiple(); }

 private:
  void run_checked(const float* in, int width, int height, float* out, const RunControl& control) override {
    std::vector<Map> maps(graph_.maps.size());
    for (size_t m = 0; m < maps.size(); ++m) {
      const MapSpec& spec = graph_.maps[m];
      maps[m] = {width / input_multiple() * spec.density,
                 height / input_multiple() * spec.density,
                 spec.channels,
                 {}};
      maps[m].values.resize(static_cast<size_t>(maps[m].width) * static_cast<size_t>(maps[m].height) *
                            static_cast<size_t>(spec.channels));
    }
    const auto map = [&](MapId id) -> Map& { return maps[static_cast<size_t>(id)]; };
    std::copy_n(in, map(graph_.input).values.size(), map(graph_.input).values.begin());
    for (const Operation& operation : graph_.operations) {
      if (control.stop.stop_requested()) throw Cancelled();
      std::visit(Overloaded{[&](const Convolution& op) { convolve(op, map); },
                            [&](const PixelShuffle& op) { shuffle(op, map(op.in), map(op.out)); },
                            [&](const AddUpsampled& op) {
                              const Map &from = map(op.in), &base = map(op.base);
                              fill(map(op.out), [&](int x, int y, int c) {
                                return static_cast<double>(from.at(x, y, c)) + upscaled(base, op, x, y, c);
                              });
                            },
                            [&](const Silu& op) {
                              const Map& from = map(op.in);
                              fill(map(op.out), [&](int x, int y, int c) {
                                const auto value = static_cast<double>(from.at(x, y, c));
                                return value * sigmoid(value);
                              });
                            },
                            [&](const SymmetricGate& op) {
                              const Map &from = map(op.in), &residual = map(op.residual);
                              fill(map(op.out), [&](int x, int y, int c) {
                                const auto value = static_cast<double>(from.at(x, y, c));
                                return (value + static_cast<double>(residual.at(x, y, c))) *
                                       (sigmoid(value) - 0.5);
                              });
                            }},
                 operation);
      const int across = width / input_multiple(), down = height / input_multiple();
      if (control.done) control.done(macs_per_cell(operation, graph_) * across * down);
    }
    const std::vector<float>& result = map(graph_.output).values;
    std::copy(result.begin(), result.end(), out);
  }

  template <typename Maps>
  static void convolve(const Convolution& op, const Maps& map) {
    fill(map(op.out), [&](int x, int y, int c) {
      auto sum = static_cast<double>(op.bias[static_cast<size_t>(c)]);
      int first = 0;  // channel of the concatenation
      for (const MapId id : op.inputs) {
        const Map& in = map(id);
        for (int i = 0; i < in.channels; ++i) sum += products(op, in, i, first + i, x, y, c);
        first += in.channels;
      }
      if (!op.slope.empty() && sum < 0) sum *= static_cast<double>(op.slope[static_cast<size_t>(c)]);
      sum *= static_cast<double>(op.scale);
      for (const Residual& residual : op.residuals)
        sum += static_cast<double>(residual.scale) * static_cast<double>(map(residual.map).at(x, y, c));
      return sum;
    });
  }

  static void shuffle(const PixelShuffle& op, const Map& in, Map& out) {
    const int f = op.factor;
    if (op.inverse)
      fill(out, [&](int x, int y, int c) { return in.at(x * f + c % f, y * f + c / f % f, c / (f * f)); });
    else
      fill(out, [&](int x, int y, int c) { return in.at(x / f, y / f, c * f * f + y % f * f + x % f); });
  }

  Graph graph_;
};

class ReferenceDevice : public Device {
 public:
  std::string name() const override { return "reference"; }
  std::string description() const override {
    return "plain loops in double precision, one thread, for comparison";
  }
  const char* kernels(bool) const override { return "reference"; }
  HalfPrecision half() const override { return HalfPrecision::none; }
  uint64_t memory() const override { return 0; }
  bool supports(const Operation&) const override { return true; }

 private:
  std::unique_ptr<Executor> compile_supported(Graph graph, bool) override {
    return std::make_unique<ReferenceExecutor>(std::move(graph));
  }
};

}  // namespace

std::unique_ptr<Device> make_reference_device() {
  return std::make_unique<ReferenceDevice>();
}

}  // namespace esrgan
