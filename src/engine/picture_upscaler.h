// A model that enlarges pictures: everything of an Upscaler but the order in which files are read and
// written.
#pragma once

#include <esrgan/upscaler.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "device/device.h"
#include "engine/tile_plan.h"
#include "engine/tile_runner.h"
#include "image/consistency.h"
#include "image/gaps.h"
#include "image/grain.h"
#include "image/keep_colours.h"
#include "image/reader.h"
#include "model/model.h"

namespace esrgan {

/// Even parts of a picture side by side, to see what a network makes of its noise.
struct EvenParts {
  std::shared_ptr<const Image> picture;
  std::vector<GrainPlace> blocks;
};

/// A picture to be enlarged.
struct Input {
  std::unique_ptr<RowSource> source;
  SampleType type = SampleType::u8;        ///< of its samples before anything was done to it
  std::shared_ptr<BlockMeans> means = {};  ///< taken while it is read, if its colours are to be kept
  std::shared_ptr<PassedRows> rows = {};   ///< as they are read, for what must be consistent with them
  std::shared_ptr<Gaps> gaps = {};         ///< where it has no measurements, if it says so
  std::shared_ptr<Grain> grain = {};  ///< to be laid over the result; upscale() takes from it what is there
  EvenParts even = {};                ///< where there is grain
};

/// Width and height that the options ask for of a picture, not rounded; `scale`: the network's.
std::pair<double, double> result_size(const UpscaleOptions& options, double width, double height,
                                      double scale);

/// Throws Error when an option has a value that cannot be meant.
void check_options(const UpscaleOptions& options);

class PictureUpscaler {
 public:
  /// Throws Error when the options are wrong or the model cannot be used.
  PictureUpscaler(std::string model_file, UpscaleOptions options);

  int scale() const { return scale_; }
  /// Frames that the network sees, the middle one of which it enlarges; of a picture it sees as many copies.
  int frames() const { return frames_; }
  /// Channels of the result for a picture with `channels`.
  int out_channels(int channels) const { return upscaled_channels(network_in_, network_out_, {channels}); }
  /// What the network should see under transparent pixels.
  HiddenColours hidden_colours() const {
    return network_in_ == 4 ? HiddenColours::kept : HiddenColours::bled;
  }
  /// Throws Error when that is neither a picture nor a window of as many frames as the network sees.
  void check_channels(const PictureChannels& channels) const;
  const std::string& summary() const { return summary_; }
  /// The model and the program, for files that tell how they came to be.
  std::string derivation() const;
  const char* kernels() const { return device_->kernels(half_); }

  /// The next picture of a file, without a source after the last.
  Input next(PictureReader& file) const;
  Input open(std::shared_ptr<const Image> image) const;
  /// Reads a small picture whole, in at most ahead_memory bytes; without a source, and the file as it was,
  /// when it is not small. May be called from another thread while upscale() runs.
  Input next_ahead(PictureReader& file) const;
  static constexpr uint64_t ahead_memory = uint64_t{32} << 20U;

  /// What comes out for an input.
  ImageInfo output_info(const Input& input) const;
  /// The same, of a picture that is not there yet.
  ImageInfo result_info(const ImageInfo& image) const;

  /// Chooses the precision for pictures whose samples are stored as `stored`, and loads the network so.
  void prepare(SampleType stored);

  /// The filters that follow the network, before `sink`, which takes rows like `out`.
  std::unique_ptr<RowSink> with_filters(const Input& input, const ImageInfo& out,
                                        std::unique_ptr<RowSink> sink) const;
  /// Bytes that they hold.
  uint64_t filter_memory(const Input& input, const ImageInfo& out) const;

  /// What comes from the network itself, as floats.
  ImageInfo network_info(const Input& input) const;

  /// Multiply-accumulates for a pixel of the input. After prepare().
  double macs_per_pixel() const { return network_->macs_per_pixel(); }
  /// Whether its device can take frames of films as they are. After prepare().
  bool converts_frames() const { return network_->converts_frames(); }

  /// Bytes that pictures may take beside the network's weights. After prepare().
  uint64_t budget() const;
  int threads() const { return pool_->size(); }
  const std::vector<std::string>& formats() const { return options_.formats; }

  /// Sends the picture through the network to `sink`, which takes rows like network_info() and is not
  /// finished here. `held`: bytes that are in use beside what this needs.
  void upscale(Input& input, RowSink& sink, uint64_t held, const Progress& progress,
               const std::stop_token& stop);

 private:
  friend class FrameUpscaler;

  ImageInfo upscaled(ImageInfo out, SampleType type) const;
  ImageInfo coloured(ImageInfo info) const;
  bool wants_half(SampleType stored) const;
  Model read_own_model() const;
  void load(bool half);
  std::unique_ptr<Executor> compile(bool half);
  Input next(PictureReader& file, uint64_t memory_limit) const;
  void check_bands(const ImageInfo& info) const;
  bool must_be_consistent(const Input& input) const;
  bool measures() const { return options_.fading > 0 || options_.keep_grain; }
  void measure(Input& input) const;
  void measure_noise(Input& input) const;
  void settle_grain(Input& input, uint64_t held, const std::stop_token& stop);
  uint64_t device_memory() const;
  std::function<Executor&()> fall_back();
  TileRunner make_runner();
  TilePlan plan(const ImageInfo& info, const TileRunner& runner, uint64_t held) const;
  RunControl follow(const TilePlan& plan, int passes, const Progress& progress,
                    const std::stop_token& stop) const;

  UpscaleOptions options_;
  std::string model_file_, summary_;
  bool half_is_vouched_for_ = false;
  int frames_ = 1, scale_ = 1, network_in_ = 3, network_out_ = 3;  // channels
  std::optional<Graph> graph_;                                     // until a network is made of it
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Executor> network_, full_network_;  // the latter when half precision failed
  bool half_ = false;
  uint64_t resident_ = 0;  // bytes of the process, when the network was loaded
  uint64_t ceiling_ = 0;
};

}  // namespace esrgan
