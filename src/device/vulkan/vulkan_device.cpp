#include "device/vulkan/vulkan_device.h"

#include <esrgan/error.h>

#include <cmath>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/platform_process.h"
#include "device/reference/reference_device.h"
#include "device/vulkan/context.h"
#include "device/vulkan/vulkan_executor.h"

namespace esrgan {
namespace {

using namespace vulkan;

class VulkanDevice : public Device {
 public:
  VulkanDevice(int number, std::shared_ptr<Context> context)
      : number_(number),
        context_(std::move(context)),
        frame_check_(std::make_shared<FrameCheck>("gpu:" + std::to_string(number), context_)) {}

  std::string name() const override { return "gpu:" + std::to_string(number_); }
  std::string description() const override {
    const Properties& p = context_->properties();
    return p.name + ", Vulkan " + p.vulkan + (p.software ? ", a processor that plays a GPU" : "");
  }
  const char* kernels(bool half) const override { return half ? "vulkan_half" : "vulkan"; }
  HalfPrecision half() const override {
    if (!context_->properties().half) return HalfPrecision::none;
    return context_->properties().software ? HalfPrecision::slower : HalfPrecision::faster;
  }
  uint64_t memory() const override { return most_memory(context_->properties()); }
  bool supports(const Operation&) const override { return true; }

 private:
  std::unique_ptr<Executor> compile_supported(Graph graph, bool half) override {
    if (!checked_) check_arithmetic();
    return std::make_unique<VulkanExecutor>(std::move(graph), half, half ? matrices_ : Matrices::none,
                                            context_, frame_check_);
  }

  /// Drivers are not always right. What a small convolution comes to is known; a device that gives something
  /// else is lost, and its matrix units alone are left alone if it is them.
  void check_arithmetic() {
    const VulkanTrial& trial = context_->trial();
    if (!is_right(false, Matrices::none) ||
        (half() != HalfPrecision::none && !is_right(true, Matrices::none)))
      throw DeviceLost("the GPU computes wrongly with this driver");
    matrices_ = trial.plain_matrices ? Matrices::plain
                : context_->properties().cooperative && has_shader(Shader::matrix_cooperative)
                    ? Matrices::cooperative
                    : Matrices::none;
    if (matrices_ != Matrices::none && (trial.wrong_matrices || !is_right(true, matrices_))) {
      log_warning(name() + ": its matrix units give wrong results with this driver, and are not used");
      matrices_ = Matrices::none;
    }
    checked_ = true;
  }

  bool is_right(bool half, Matrices way) const {
    constexpr int channels = 32, width = 21, height = 9;
    // Sums of few numbers that halves hold exactly, and that differ wherever an index is wrong.
    const auto number = [](int i) { return static_cast<float>(i * 37 % 101 - 50) / 64; };
    Convolution trial;
    trial.name = "trial";
    trial.in_channels = trial.out_channels = channels;
    trial.bias.assign(channels, 0.5F);
    for (int i = 0; i < channels * channels * 9; ++i) trial.weights.push_back(number(i));
    const Graph graph = graph_of(std::move(trial));
    std::vector<float> in, expected, found;
    for (int i = 0; i < width * height * channels; ++i) in.push_back(number(i + i / 7));
    expected.resize(in.size());
    found.resize(in.size());
    make_reference_device()->compile(graph, false)->run(in.data(), width, height, expected.data(), {});
    VulkanExecutor(graph, half, way, context_).run(in.data(), width, height, found.data(), {});
    const float share = context_->trial().wrong ? -1.0F : half ? 2e-3F : 1e-5F;
    for (size_t i = 0; i < in.size(); ++i)
      if (!(std::abs(found[i] - expected[i]) <= share * (8 + std::abs(expected[i])))) return false;
    return true;
  }

  int number_;
  std::shared_ptr<Context> context_;
  std::shared_ptr<FrameCheck> frame_check_;
  bool checked_ = false;
  Matrices matrices_ = Matrices::none;
};

}  // namespace

std::vector<VulkanGpu> vulkan_gpus(bool with_software) {
  std::vector<VulkanGpu> gpus;
  if (!with_software && !may_have_gpu()) return gpus;
  const std::vector<VkPhysicalDevice>& devices = instance().devices;
  for (size_t i = 0; i < devices.size(); ++i) {
    const Properties properties = properties_of(devices[i]);
    if (properties.serves && (with_software || !properties.software))
      gpus.push_back({static_cast<int>(i), properties.software});
  }
  return gpus;
}

std::unique_ptr<Device> make_vulkan_device(int number, VulkanTrial trial) {
  const std::vector<VkPhysicalDevice>& devices = instance().devices;
  const auto count = static_cast<int>(devices.size());
  if (number < 0 || number >= count)
    throw Error(ErrorKind::invalid_argument, "", "the number of a GPU", "less than " + std::to_string(count),
                std::to_string(number));
  auto context = std::make_shared<Context>(devices[static_cast<size_t>(number)]);
  context->set_trial(std::move(trial));
  return std::make_unique<VulkanDevice>(number, std::move(context));
}

}  // namespace esrgan
