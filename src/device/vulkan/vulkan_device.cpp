#include "device/vulkan/vulkan_device.h"

#include <esrgan/error.h>

#include <utility>

#include "base/platform_process.h"
#include "device/vulkan/context.h"
#include "device/vulkan/vulkan_executor.h"

namespace esrgan {
namespace {

using namespace vulkan;

class VulkanDevice : public Device {
 public:
  VulkanDevice(int number, std::shared_ptr<Context> context)
      : number_(number), context_(std::move(context)) {}

  std::string name() const override { return "gpu:" + std::to_string(number_); }
  std::string description() const override {
    const Properties& p = context_->properties();
    return p.name + ", Vulkan " + p.driver + (p.software ? ", a processor that plays a GPU" : "");
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
    return std::make_unique<VulkanExecutor>(std::move(graph), half, context_);
  }

  int number_;
  std::shared_ptr<Context> context_;
};

}  // namespace

std::vector<VulkanGpu> vulkan_gpus(bool with_software) {
  std::vector<VulkanGpu> gpus;
  if (!with_software && !may_have_gpu()) return gpus;
  const std::shared_ptr<const Instance> instance = Instance::get();
  if (!instance) return gpus;
  for (size_t i = 0; i < instance->devices().size(); ++i) {
    const Properties properties = properties_of(instance->devices()[i]);
    if (properties.serves && (with_software || !properties.software))
      gpus.push_back({static_cast<int>(i), properties.software});
  }
  return gpus;
}

std::unique_ptr<Device> make_vulkan_device(int number, VulkanFault fault) {
  std::shared_ptr<const Instance> instance = Instance::get();
  const auto count = instance ? static_cast<int>(instance->devices().size()) : 0;
  if (number < 0 || number >= count)
    throw Error(ErrorKind::invalid_argument, "", "the number of a GPU", "less than " + std::to_string(count),
                std::to_string(number));
  const VkPhysicalDevice device = instance->devices()[static_cast<size_t>(number)];
  auto context = std::make_shared<Context>(std::move(instance), device);
  context->set_fault(std::move(fault));
  return std::make_unique<VulkanDevice>(number, std::move(context));
}

}  // namespace esrgan
