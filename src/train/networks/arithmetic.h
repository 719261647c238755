// Mixed precision: LibTorch's autocast, whose functions have changed their names.
#pragma once

#include <ATen/autocast_mode.h>
#include <torch/types.h>
#include <torch/version.h>

namespace esrgan::train {

enum class Arithmetic { full, bfloat16, half };

/// While it lives, convolutions and products of this thread compute in the recipe's arithmetic.
class AutocastGuard {
 public:
  AutocastGuard(Arithmetic arithmetic, torch::Device device)
      : device_(device.type()), on_(arithmetic != Arithmetic::full) {
    if (on_) set(true, arithmetic == Arithmetic::half ? torch::kHalf : torch::kBFloat16);
  }
  ~AutocastGuard() {
    if (!on_) return;
    set(false, torch::kBFloat16);
    at::autocast::clear_cache();
  }
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;
  AutocastGuard(AutocastGuard&&) = delete;
  AutocastGuard& operator=(AutocastGuard&&) = delete;

 private:
  void set(bool on, torch::ScalarType type) const {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
    at::autocast::set_autocast_enabled(device_, on);
    at::autocast::set_autocast_dtype(device_, type);
#else
    if (device_ == torch::kCPU) {
      at::autocast::set_cpu_enabled(on);
      at::autocast::set_autocast_cpu_dtype(type);
    } else {
      at::autocast::set_enabled(on);
      at::autocast::set_autocast_gpu_dtype(type);
    }
#endif
  }

  torch::DeviceType device_;
  bool on_;
};

}  // namespace esrgan::train
