#include "engine/network.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace esrgan {
namespace {

void copy_rows(const FeatureView& in, const FeatureView& out, ThreadPool& pool) {
  pool.parallel_for(static_cast<size_t>(out.height), [&](size_t y, int) {
    for (int x = 0; x < out.width; ++x)
      std::memcpy(out.at(x, static_cast<int>(y)), in.at(x, static_cast<int>(y)),
                  static_cast<size_t>(out.channels) * sizeof(float));
  });
}

/// Moves values between the deep view (many channels) and the wide one, in either direction.
void shuffle_pixels(const FeatureView& deep, const FeatureView& wide, int factor, bool to_deep,
                    ThreadPool& pool) {
  pool.parallel_for(static_cast<size_t>(deep.height), [&](size_t row, int) {
    const int y = static_cast<int>(row);
    for (int x = 0; x < deep.width; ++x)
      for (int c = 0; c < wide.channels; ++c)
        for (int dy = 0; dy < factor; ++dy)
          for (int dx = 0; dx < factor; ++dx) {
            float& there = deep.at(x, y)[(c * factor + dy) * factor + dx];
            float& here = wide.at(x * factor + dx, y * factor + dy)[c];
            if (to_deep)
              there = here;
            else
              here = there;
          }
  });
}

/// Where an output coordinate falls between two input coordinates (align_corners = false).
struct Sample {
  int low, high;
  float weight;  // of `high`
};

Sample sample_at(int position, int factor, int extent) {
  const float place =
      std::max(0.0F, (static_cast<float>(position) + 0.5F) / static_cast<float>(factor) - 0.5F);
  const int low = std::min(static_cast<int>(place), extent - 1);
  return {low, std::min(low + 1, extent - 1), place - static_cast<float>(low)};
}

void add_upsampled(const FeatureView& base, const FeatureView& out, int factor, Upsampling mode,
                   ThreadPool& pool) {
  pool.parallel_for(static_cast<size_t>(out.height), [&](size_t row, int) {
    const int y = static_cast<int>(row);
    const Sample v = sample_at(y, factor, base.height);
    for (int x = 0; x < out.width; ++x) {
      float* to = out.at(x, y);
      if (mode == Upsampling::nearest) {
        const float* from = base.at(x / factor, y / factor);
        for (int c = 0; c < out.channels; ++c) to[c] += from[c];
        continue;
      }
      const Sample h = sample_at(x, factor, base.width);
      for (int c = 0; c < out.channels; ++c) {
        const float top = (1 - h.weight) * base.at(h.low, v.low)[c] + h.weight * base.at(h.high, v.low)[c];
        const float bottom =
            (1 - h.weight) * base.at(h.low, v.high)[c] + h.weight * base.at(h.high, v.high)[c];
        to[c] += (1 - v.weight) * top + v.weight * bottom;
      }
    }
  });
}

}  // namespace

Network::Network(Graph graph, const Backend& backend, ThreadPool& pool)
    : graph_(std::move(graph)),
      pool_(pool),
      prepared_(graph_.operations.size()),
      macs_(graph_.operations.size()),
      first_writer_(graph_.buffers.size(), graph_.operations.size()),
      macs_per_pixel_(graph_.macs_per_pixel()) {
  for (size_t i = graph_.operations.size(); i-- > 0;) {
    macs_[i] = macs_per_cell(graph_.operations[i], graph_);
    first_writer_[static_cast<size_t>(output_of(graph_.operations[i]).buffer)] = i;
  }
  pool_.parallel_for(graph_.operations.size(), [&](size_t i, int) {
    auto* convolution = std::get_if<Convolution>(&graph_.operations[i]);
    if (convolution == nullptr) return;
    prepared_[i] = backend.prepare(*convolution);
    convolution->weights = {};  // the prepared form replaces them
  });
}

size_t Network::memory_for(int width, int height) const {
  const int density = graph_.input_density();
  return plan_memory(graph_, width / density, height / density).total * sizeof(float);
}

FeatureView Network::view(const Slice& slice) const {
  const auto buffer = static_cast<size_t>(slice.buffer);
  const BufferSpec& spec = graph_.buffers[buffer];
  const BufferExtent extent = extent_of(spec, cells_x_, cells_y_);
  FeatureView result;
  result.pixel = spec.channels;
  result.row = static_cast<ptrdiff_t>(extent.width) * spec.channels;
  result.width = cells_x_ * spec.density;
  result.height = cells_y_ * spec.density;
  result.channels = slice.channels;
  result.origin = const_cast<float*>(arena_.data()) + plan_.offsets[buffer] +
                  spec.border * (result.row + result.pixel) + slice.first;
  return result;
}

void Network::clear_border(size_t buffer) {
  const BufferSpec& spec = graph_.buffers[buffer];
  if (spec.border == 0) return;
  const FeatureView inner = view({static_cast<int>(buffer), 0, spec.channels});
  const auto side = static_cast<size_t>(spec.border * spec.channels) * sizeof(float);
  for (int y = -spec.border; y < inner.height + spec.border; ++y) {
    float* row = inner.at(-spec.border, y);
    if (y < 0 || y >= inner.height) {
      std::memset(row, 0, static_cast<size_t>(inner.row) * sizeof(float));
    } else {
      std::memset(row, 0, side);
      std::memset(inner.at(inner.width, y), 0, side);
    }
  }
}

void Network::execute(const Operation& operation, const PreparedConvolution* prepared) {
  if (const auto* conv = std::get_if<Convolution>(&operation)) {
    std::vector<ResidualView> residuals;
    for (const Residual& residual : conv->residuals)
      residuals.push_back({view(residual.slice), residual.scale});
    prepared->run(view(conv->in), view(conv->out), residuals, pool_);
  } else if (const auto* copy = std::get_if<Copy>(&operation)) {
    copy_rows(view(copy->in), view(copy->out), pool_);
  } else if (const auto* shuffle = std::get_if<PixelShuffle>(&operation)) {
    const FeatureView in = view(shuffle->in), out = view(shuffle->out);
    shuffle_pixels(shuffle->inverse ? out : in, shuffle->inverse ? in : out, shuffle->factor,
                   shuffle->inverse, pool_);
  } else if (const auto* add = std::get_if<AddUpsampled>(&operation)) {
    add_upsampled(view(add->base), view(add->out), add->factor, add->mode, pool_);
  }
}

void Network::run(const float* in, int width, int height, float* out, const RunControl& control) {
  const int density = graph_.input_density();
  if (width <= 0 || height <= 0 || width % density != 0 || height % density != 0)
    throw Error("", "size of a network input", "a positive multiple of " + std::to_string(density),
                std::to_string(width) + "x" + std::to_string(height));
  if (cells_x_ != width / density || cells_y_ != height / density) {
    cells_x_ = width / density;
    cells_y_ = height / density;
    plan_ = plan_memory(graph_, cells_x_, cells_y_);
    if (arena_.size() < plan_.total) {
      arena_ = {};  // free before allocating: the two need not fit at once
      arena_ = AlignedBuffer(plan_.total);
    }
  }
  const auto contiguous = [](float* data, const FeatureView& like) {
    return FeatureView{data,          static_cast<ptrdiff_t>(like.width) * like.channels,
                       like.channels, like.width,
                       like.height,   like.channels};
  };
  const FeatureView input = view(graph_.input);
  clear_border(static_cast<size_t>(graph_.input.buffer));
  copy_rows(contiguous(const_cast<float*>(in), input), input, pool_);
  const double cells = static_cast<double>(cells_x_) * cells_y_;
  for (size_t i = 0; i < graph_.operations.size(); ++i) {
    if (control.stop != nullptr && control.stop->load()) throw Cancelled();
    const auto written = static_cast<size_t>(output_of(graph_.operations[i]).buffer);
    if (first_writer_[written] == i) clear_border(written);
    execute(graph_.operations[i], prepared_[i].get());
    if (control.done && macs_[i] > 0) control.done(macs_[i] * cells);
  }
  const FeatureView output = view(graph_.output);
  copy_rows(output, contiguous(out, output), pool_);
}

}  // namespace esrgan
