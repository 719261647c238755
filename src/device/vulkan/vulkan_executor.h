// A graph with its weights on a GPU.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "device/device.h"
#include "device/vulkan/context.h"
#include "device/vulkan/frame_check.h"
#include "device/vulkan/plan.h"

namespace esrgan::vulkan {

/// How half precision multiplies.
enum class Matrices {
  none,         ///< convolution.comp
  plain,        ///< matrix.comp in plain arithmetic, for tests
  cooperative,  ///< by the GPU's matrix units
};

/// How convolutions are cut for a device.
Cut cut_for(const Properties& properties, bool half, Matrices matrices);

/// Bytes of maps that a device can hold at once.
uint64_t most_memory(const Properties& properties);

class VulkanExecutor : public Executor {
 public:
  /// frame_check: what says whether frames may be converted; without one they are.
  VulkanExecutor(Graph graph, bool half, Matrices matrices, std::shared_ptr<Context> context,
                 std::shared_ptr<FrameCheck> frame_check = {});
  ~VulkanExecutor() override;

  MemoryNeed memory_for(int width, int height) const override;
  /// Pixels are computed alike wherever they are.
  std::optional<int> computational_reach() const override { return graph_.computational_reach(1); }
  int computational_multiple() const override { return input_multiple(); }
  bool converts_frames() const override { return frame_check_ == nullptr || frame_check_->is_passed(half_); }

 private:
  /// As in pointwise.comp.
  enum class PointwiseKind { upload, download, shuffle, unshuffle, add_nearest, add_bilinear, silu, gate };
  /// As in frames.comp.
  enum class FrameWay { read, write };
  /// That a dispatch of pointwise.comp reads and writes.
  struct Maps {
    MapId in = -1, other = -1, out = 0;
  };
  struct Size;
  struct Frames;
  struct Recording;
  /// What a run takes: floats, or a frame of these formats.
  struct Input {
    const float* floats = nullptr;
    FramePlanes frame;
    int width = 0, height = 0;
    std::shared_ptr<const FrameFormats> formats;

    Input(const float* in, int in_width, int in_height) : floats(in), width(in_width), height(in_height) {}
    Input(const FramePlanes& in, const std::shared_ptr<const FrameFormats>& of)
        : frame(in), width(of->in.width), height(of->in.height), formats(of) {}
    bool operator==(const Input&) const = default;
  };
  /// An input that is on the device, and maybe begun with.
  struct Taken {
    Input input;
    size_t slot;
    size_t submitted = 0;  // commands
  };
  /// Inputs that can be on the device at a time.
  static constexpr size_t slots = 2;

  void run_checked(const float* in, int width, int height, float* out, const RunControl& control) override;
  void announce_checked(const float* in, int width, int height) override {
    announce_input({in, width, height});
  }
  void withdraw_checked() override;
  bool run_frame_checked(const FramePlanes& in, const FramePlanes& out,
                         const std::shared_ptr<const FrameFormats>& formats,
                         const RunControl& control) override;
  void announce_frame_checked(const FramePlanes& in,
                              const std::shared_ptr<const FrameFormats>& formats) override {
    announce_input({in, formats});
  }
  void announce_input(const Input& input);
  void make_ready_for(const Input& input);
  bool has_size_of(const Input& input) const;
  bool is_ready_for(const Input& input) const;
  Taken take(const Input& input);
  std::optional<size_t> free_slot() const;
  void load(const Input& input, size_t slot);
  void wait_for(const Taken& taken);
  void forget_last();
  void forget_recordings();
  const Recording& run_input(const Input& input, const RunControl& control);
  const Recording& run_slot(const Taken& taken, const RunControl& control);
  Buffer on_device(const void* data, uint64_t bytes);
  std::unique_ptr<Size> lay_out(int width, int height);
  std::unique_ptr<Recording> record();
  void record_step(Recording& recording, const Step& step);
  void record_convolution(Recording& recording, const ConvolutionStep& step, const Windows& windows);
  void record_pointwise(Recording& recording, PointwiseKind kind, const Windows& windows,
                        const Buffer& second, const Maps& maps, int factor = 1);
  void record_frame(Recording& recording, FrameWay way, const Windows& windows);
  const MapPlace& place_of(MapId map) const;
  Shader convolution_shader() const;
  VkDescriptorSet bind(Recording& recording, const Windows& windows, const Buffer& second,
                       const Buffer& constants, const Buffer* beside = nullptr) const;
  uint64_t number_bytes() const { return half_ ? 2 : 4; }

  std::shared_ptr<Context> context_;
  std::shared_ptr<FrameCheck> frame_check_;
  Graph graph_;
  bool half_;
  Matrices matrices_;
  Cut cut_;
  Plan plan_;
  Buffer weights_, constants_;
  std::unique_ptr<Size> size_;      // the last
  std::unique_ptr<Frames> frames_;  // none for floats
  // Inputs of that size, each with commands of its own on the same maps: the device does one after the other.
  std::array<std::unique_ptr<Recording>, slots> recordings_;
  std::deque<Taken> announced_;
};

}  // namespace esrgan::vulkan
