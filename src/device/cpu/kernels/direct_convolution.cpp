#include <array>
#include <utility>

#include "device/cpu/kernels/prepared_convolutions.h"

namespace esrgan {
namespace {

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

}  // namespace

std::unique_ptr<PreparedConvolution> prepare_direct(const Convolution& conv, const std::vector<int>& channels,
                                                    DirectConvKernel kernel) {
  return std::make_unique<DirectConvolution>(conv, channels, kernel);
}

}  // namespace esrgan
