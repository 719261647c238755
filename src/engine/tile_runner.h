// Runs a network on tiles of pictures with any number of channels.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "device/device.h"
#include "engine/channels.h"

namespace esrgan {

/// Channels go through the network as channel_passes() says.
class TileRunner {
 public:
  /// full_network: called when a result cannot be right (not finite, or black where the input is not); gives
  /// the network to try again with. Empty: none.
  /// strength: share of the network's result; the rest is the plain enlargement.
  TileRunner(Executor& network, ThreadPool& pool, bool self_ensemble,
             std::function<Executor&()> full_network = {}, float strength = 1)
      : network_(network),
        pool_(pool),
        self_ensemble_(self_ensemble),
        strength_(strength),
        full_network_(std::move(full_network)) {}

  TileRunner(const TileRunner&) = delete;
  TileRunner& operator=(const TileRunner&) = delete;
  TileRunner(TileRunner&&) = delete;
  TileRunner& operator=(TileRunner&&) = delete;
  ~TileRunner() { network_.withdraw(); }

  /// Throws Error when the network's result is not finite, that of `full_network` too.
  /// tile: [height][width][channels], channels as in ImageInfo; returns [height * scale][width *
  /// scale][out_channels(channels)], valid until the next call; its memory may be swapped for other. Sides
  /// must be multiples of network.input_multiple().
  std::vector<float>& run(const std::vector<float>& tile, int width, int height,
                          const PictureChannels& channels, const RunControl& control);

  /// Says that run() will be given this tile, which stays as it is until then: see Executor::announce().
  void announce(const std::vector<float>& tile, int width, int height, const PictureChannels& channels);

  /// Memory for the next result, in place of the last one's that was taken.
  void lend(std::vector<float> memory) {
    if (returned_ != nullptr) *returned_ = std::move(memory);
  }

  /// Threads for what is done to the tiles, between runs.
  ThreadPool& pool() { return pool_; }

  /// How often a result was computed again in full precision.
  int fallbacks() const { return fallbacks_; }

  /// Channels of the result for a picture with `channels`.
  int out_channels(const PictureChannels& channels) const {
    return upscaled_channels(network_.in_channels(), network_.out_channels(), channels);
  }

  /// Passes of the network for a tile: how its work scales.
  int passes(const PictureChannels& channels) const;

  /// Bytes that run() needs.
  MemoryNeed memory_for(int width, int height, const PictureChannels& channels) const;

 private:
  std::vector<ChannelPass> channel_passes(const PictureChannels& channels) const {
    return esrgan::channel_passes(network_.in_channels(), network_.out_channels(), channels);
  }
  /// Whether the result is what the network gives, as it is.
  bool is_network_output(const std::vector<ChannelPass>& passes, const PictureChannels& channels) const;
  void run_pass(const ChannelPass& pass, const std::vector<float>& tile, int width, int height,
                const PictureChannels& channels, const RunControl& control);
  void run_network(const float* in, int width, int height, const RunControl& control);
  void run_network(Executor& network, const float* in, int width, int height, const RunControl& control);
  void run_ensemble(Executor& network, const float* in, int width, int height, const RunControl& control);

  Executor& network_;
  ThreadPool& pool_;
  bool self_ensemble_;
  float strength_;
  int fallbacks_ = 0;
  std::function<Executor&()> full_network_;
  std::vector<float> input_, output_;                // of the network
  std::vector<float> turned_input_, turned_output_;  // of the self-ensemble
  std::vector<float> result_;
  std::vector<float>* returned_ = nullptr;  // the last result
};

}  // namespace esrgan
