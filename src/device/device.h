// What runs networks: a device compiles a whole graph, the executor it gives enlarges tiles.
#pragma once

#include <esrgan/error.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "device/frame_format.h"
#include "graph/graph.h"

namespace esrgan {

/// How a caller follows and stops a run.
struct RunControl {
  std::function<void(double macs)> done;  ///< now and then, with the multiply-accumulates since the last time
  std::stop_token stop;                   ///< on request, Cancelled is thrown
};

/// Bytes that a run needs beside the weights.
struct MemoryNeed {
  uint64_t host = 0, device = 0;
};

/// A graph in the form in which a device runs it. Not thread-safe: one run at a time.
class Executor {
 public:
  explicit Executor(const Graph& graph);
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  Executor(Executor&&) = delete;
  Executor& operator=(Executor&&) = delete;
  virtual ~Executor() = default;

  int in_channels() const { return in_channels_; }
  int out_channels() const { return out_channels_; }
  /// Width and height of an input must be multiples of this.
  int input_multiple() const { return input_multiple_; }
  /// Output pixels per input pixel.
  int scale() const { return scale_; }
  /// How far, in input pixels, an output pixel looks.
  int receptive_radius() const { return receptive_radius_; }
  double macs_per_pixel() const { return macs_per_pixel_; }

  /// in: [height][width][in_channels]; out: [height * scale][width * scale][out_channels]; both contiguous,
  /// on the host. Returns when `out` is complete. Throws Error when the size is no multiple, Cancelled when
  /// stopped.
  void run(const float* in, int width, int height, float* out, const RunControl& control);

  /// Says that run() will be given this input, which stays as it is until then, after those that were
  /// announced before: a device takes it, and begins with it, while the host is busy. Only a hint: all is the
  /// same without it. Throws nothing.
  void announce(const float* in, int width, int height);
  /// What was announced will not come, or not as it was. Throws nothing.
  void withdraw();

  /// Whether it converts frames itself, which saves the host that work and most of the bytes on their way.
  virtual bool converts_frames() const { return false; }
  /// Whether run_frame() may be used: with three channels on both sides, and sizes that are the network's.
  bool takes(const FrameFormats& formats) const;
  /// As run(), of frames. False when `out` holds nothing of use, since the result is not finite, or in half
  /// precision black where `in` is not, or the device could not: then run() is for it. Throws Cancelled when
  /// stopped.
  bool run_frame(const FramePlanes& in, const FramePlanes& out,
                 const std::shared_ptr<const FrameFormats>& formats, const RunControl& control);
  /// As announce(), for run_frame().
  void announce_frame(const FramePlanes& in, const std::shared_ptr<const FrameFormats>& formats);

  /// What run() needs for an input of this size; the same numbers are worked out once.
  virtual MemoryNeed memory_for(int width, int height) const = 0;

  /// How far apart parts of a picture must be for a change of one not to touch a bit of the other; none where
  /// that never is so.
  virtual std::optional<int> computational_reach() const = 0;
  /// The multiple of input pixels at which a part must begin to be computed as it is within the whole.
  virtual int computational_multiple() const = 0;

 private:
  virtual void run_checked(const float* in, int width, int height, float* out, const RunControl& control) = 0;
  virtual void announce_checked(const float* /*in*/, int /*width*/, int /*height*/) {}
  virtual void withdraw_checked() {}
  virtual bool run_frame_checked(const FramePlanes& /*in*/, const FramePlanes& /*out*/,
                                 const std::shared_ptr<const FrameFormats>& /*formats*/,
                                 const RunControl& /*control*/) {
    return false;
  }
  virtual void announce_frame_checked(const FramePlanes& /*in*/,
                                      const std::shared_ptr<const FrameFormats>& /*formats*/) {}

  int in_channels_, out_channels_, input_multiple_, scale_, receptive_radius_;
  double macs_per_pixel_;
};

/// The device no longer works; another may do what is left.
class DeviceLost : public Error {
 public:
  explicit DeviceLost(const std::string& problem) : Error(ErrorKind::internal, problem) {}
};

/// What a device gains from 16-bit factors.
enum class HalfPrecision {
  none,    ///< nothing: the same as full
  slower,  ///< it has them, but no more of them at once than of 32 bits
  faster
};

class Device {
 public:
  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  Device(Device&&) = delete;
  Device& operator=(Device&&) = delete;
  virtual ~Device() = default;

  /// As --device calls it: "cpu".
  virtual std::string name() const = 0;
  /// For people: what it is and what it computes with.
  virtual std::string description() const = 0;
  /// The kernels in use: "avx512", "avx512_bf16".
  virtual const char* kernels(bool half) const = 0;
  virtual HalfPrecision half() const = 0;
  /// Bytes of memory of its own; 0 when it uses the host's.
  virtual uint64_t memory() const = 0;
  virtual bool supports(const Operation& operation) const = 0;

  /// half: with 16-bit numbers where half() is not none. Throws Error naming the operation that the device
  /// lacks.
  std::unique_ptr<Executor> compile(Graph graph, bool half);

 private:
  virtual std::unique_ptr<Executor> compile_supported(Graph graph, bool half) = 0;
};

/// Opens a device by name; "auto" takes the best, "gpu" the first GPU, and several names with commas between
/// them work together (device/team.h). A GPU that fails is replaced by the processor. The device works on the
/// threads of `pool`, which must outlive it and its executors. Throws Error naming the devices of this
/// machine.
std::unique_ptr<Device> open_device(std::string_view names, ThreadPool& pool);

/// The names that open_device() takes on this machine, the best first.
std::vector<std::string> device_names();

}  // namespace esrgan
