// The processor: SIMD kernels, operations in bands, all threads.
#pragma once

#include <memory>

#include "base/cpu_features.h"
#include "device/device.h"

namespace esrgan {

/// For the chosen instruction set (base/cpu_features.h), or one of supported_isas(). Throws Error when the
/// processor lacks it.
std::unique_ptr<Device> make_cpu_device(ThreadPool& pool);
std::unique_ptr<Device> make_cpu_device(ThreadPool& pool, Isa isa);

}  // namespace esrgan
