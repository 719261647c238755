#include "device/cpu/cpu_device.h"

#include <utility>

#include "base/platform_process.h"
#include "device/cpu/cpu_executor.h"

namespace esrgan {
namespace {

class CpuDevice : public Device {
 public:
  CpuDevice(ThreadPool& pool, Isa isa) : pool_(pool), isa_(isa) { require_supported(isa); }

  std::string name() const override { return "cpu"; }
  std::string description() const override {
    return processor_name() + ", " + kernels(half() == HalfPrecision::faster) + ", " +
           std::to_string(pool_.size()) + (pool_.size() == 1 ? " thread" : " threads");
  }
  const char* kernels(bool half) const override { return make_cpu_kernels(isa_, half)->name(); }
  HalfPrecision half() const override {
    if (!has_half(isa_)) return HalfPrecision::none;
    return half_is_faster() ? HalfPrecision::faster : HalfPrecision::slower;
  }
  uint64_t memory() const override { return 0; }
  bool supports(const Operation& operation) const override { return CpuExecutor::supports(operation); }

 private:
  std::unique_ptr<Executor> compile_supported(Graph graph, bool half) override {
    return std::make_unique<CpuExecutor>(std::move(graph), *make_cpu_kernels(isa_, half), pool_);
  }

  ThreadPool& pool_;
  Isa isa_;
};

}  // namespace

std::unique_ptr<Device> make_cpu_device(ThreadPool& pool) {
  return make_cpu_device(pool, chosen_isa());
}

std::unique_ptr<Device> make_cpu_device(ThreadPool& pool, Isa isa) {
  return std::make_unique<CpuDevice>(pool, isa);
}

}  // namespace esrgan
