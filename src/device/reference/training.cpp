#include "device/reference/training.h"

#include <algorithm>
#include <cmath>

namespace esrgan::reference {
namespace {

float& at(const BatchSize& size, const BatchView& view, int image, int row, int column, int channel) {
  const ptrdiff_t pixel = (static_cast<ptrdiff_t>(image) * size.height + row) * size.width + column;
  return view.data[pixel * view.pixel + channel];
}

float& filter(const FilterView& filters, int inputs, int out, int in, int row, int column) {
  return filters.weights[((static_cast<ptrdiff_t>(out) * inputs + in) * 3 + row) * 3 + column];
}

/// Calls body(image, row, column) for every pixel.
template <typename Body>
void each_pixel(const BatchSize& size, const Body& body) {
  for (int image = 0; image < size.images; ++image)
    for (int row = 0; row < size.height; ++row)
      for (int column = 0; column < size.width; ++column) body(image, row, column);
}

/// Calls body(dy, dx) for every tap whose pixel is inside.
template <typename Body>
void each_tap(const BatchSize& size, int row, int column, const Body& body) {
  for (int dy = -1; dy <= 1; ++dy)
    for (int dx = -1; dx <= 1; ++dx)
      if (row + dy >= 0 && row + dy < size.height && column + dx >= 0 && column + dx < size.width)
        body(dy, dx);
}

}  // namespace

void convolve(const BatchSize& size, const BatchView& x, const FilterView& filters, float slope,
              const BatchView& y) {
  each_pixel(size, [&](int image, int row, int column) {
    for (int out = 0; out < y.channels; ++out) {
      double sum = filters.bias != nullptr ? static_cast<double>(filters.bias[out]) : 0;
      each_tap(size, row, column, [&](int dy, int dx) {
        for (int in = 0; in < x.channels; ++in)
          sum += static_cast<double>(at(size, x, image, row + dy, column + dx, in)) *
                 static_cast<double>(filter(filters, x.channels, out, in, dy + 1, dx + 1));
      });
      at(size, y, image, row, column, out) =
          static_cast<float>(sum > 0 ? sum : static_cast<double>(slope) * sum);
    }
  });
}

void convolve_gradient(const BatchSize& size, const BatchView& x, const FilterView& filters, float slope,
                       const BatchView& y, const BatchView& dy, const BatchView& dx,
                       const FilterView& gradients) {
  std::vector<double> weights(static_cast<size_t>(y.channels * x.channels * 9)),
      bias(static_cast<size_t>(y.channels));
  std::vector<double> inputs(static_cast<size_t>(size.images * size.height * size.width * x.channels));
  each_pixel(size, [&](int image, int row, int column) {
    for (int out = 0; out < y.channels; ++out) {
      const double gradient = static_cast<double>(at(size, dy, image, row, column, out)) *
                              (at(size, y, image, row, column, out) > 0 ? 1 : static_cast<double>(slope));
      bias[static_cast<size_t>(out)] += gradient;
      each_tap(size, row, column, [&](int dr, int dc) {
        const int pixel = (image * size.height + row + dr) * size.width + column + dc;
        for (int in = 0; in < x.channels; ++in) {
          weights[static_cast<size_t>(((out * x.channels + in) * 3 + dr + 1) * 3 + dc + 1)] +=
              gradient * static_cast<double>(at(size, x, image, row + dr, column + dc, in));
          inputs[static_cast<size_t>(pixel * x.channels + in)] +=
              gradient * static_cast<double>(filter(filters, x.channels, out, in, dr + 1, dc + 1));
        }
      });
    }
  });
  size_t next = 0;
  each_pixel(size, [&](int image, int row, int column) {
    for (int in = 0; in < x.channels; ++in)
      at(size, dx, image, row, column, in) = static_cast<float>(inputs[next++]);
  });
  std::transform(weights.begin(), weights.end(), gradients.weights,
                 [](double v) { return static_cast<float>(v); });
  std::transform(bias.begin(), bias.end(), gradients.bias, [](double v) { return static_cast<float>(v); });
}

void prelu_gradient(const BatchSize& size, const BatchView& x, const float* slopes, const BatchView& dy,
                    const BatchView& dx, float* slope_gradients) {
  for (int c = 0; c < x.channels; ++c) {
    double sum = 0;
    each_pixel(size, [&](int image, int row, int column) {
      const double gradient = at(size, dy, image, row, column, c), value = at(size, x, image, row, column, c);
      at(size, dx, image, row, column, c) =
          static_cast<float>(value > 0 ? gradient : static_cast<double>(slopes[c]) * gradient);
      sum += value < 0 ? gradient * value : 0;
    });
    slope_gradients[c] = static_cast<float>(sum);
  }
}

namespace {

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

}  // namespace

void silu(ptrdiff_t count, const float* x, float* y) {
  for (ptrdiff_t i = 0; i < count; ++i) {
    const double value = x[i];
    y[i] = static_cast<float>(value * sigmoid(value));
  }
}

void silu_gradient(ptrdiff_t count, const float* x, const float* dy, float* dx) {
  for (ptrdiff_t i = 0; i < count; ++i) {
    const double value = x[i], s = sigmoid(value);
    dx[i] = static_cast<float>(static_cast<double>(dy[i]) * s * (1 + value * (1 - s)));
  }
}

void gate(ptrdiff_t count, const float* o, const float* x, float* y) {
  for (ptrdiff_t i = 0; i < count; ++i) {
    const double value = o[i], sum = value + static_cast<double>(x[i]);
    y[i] = static_cast<float>(sum * (sigmoid(value) - 0.5));
  }
}

void gate_gradient(ptrdiff_t count, const float* o, const float* x, const float* dy, float* d_o, float* dx) {
  for (ptrdiff_t i = 0; i < count; ++i) {
    const double value = o[i], sum = value + static_cast<double>(x[i]), s = sigmoid(value), gradient = dy[i];
    d_o[i] = static_cast<float>(gradient * (s - 0.5 + sum * s * (1 - s)));
    dx[i] = static_cast<float>(gradient * (s - 0.5));
  }
}

}  // namespace esrgan::reference
