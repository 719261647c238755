#include "device/cpu/kernels/convolutions.h"

#include <esrgan/error.h>

#include "device/cpu/kernels/prepared_convolutions.h"

namespace esrgan {
namespace {

class KernelsOfIsa : public CpuKernels {
 public:
  KernelsOfIsa(DirectConvKernel direct, WinogradKernel winograd, ElementwiseKernel elementwise)
      : direct_(direct), winograd_(winograd), elementwise_(elementwise) {}
  const char* name() const override { return winograd_.name; }
  const ElementwiseKernel& elementwise() const override { return elementwise_; }

  std::unique_ptr<PreparedConvolution> prepare(const Convolution& conv,
                                               const std::vector<int>& channels) const override {
    constexpr int few_channels = 8;  // a direct convolution is as fast
    if (conv.kernel == 3 && (conv.upsample == 2 || channels.size() > 1 || conv.in_channels >= few_channels))
      return prepare_winograd(conv, channels, winograd_);
    return prepare_direct(conv, channels, direct_);
  }

 private:
  DirectConvKernel direct_;
  WinogradKernel winograd_;
  ElementwiseKernel elementwise_;
};

}  // namespace

bool CpuKernels::supports(const Convolution& convolution) {
  return convolution.residuals.size() <= most_residuals &&
         (convolution.kernel == 3 || convolution.upsample == 1);
}

bool has_half([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  return isa == Isa::avx512 && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

bool half_is_faster() {
#if defined(__x86_64__)
  return !__builtin_cpu_is("intel");
#else
  return false;
#endif
}

std::unique_ptr<CpuKernels> make_cpu_kernels(Isa isa, [[maybe_unused]] bool half) {
  require_supported(isa);
  switch (isa) {
#if defined(__x86_64__)
    case Isa::avx2:
      return std::make_unique<KernelsOfIsa>(direct_conv_avx2(), winograd_avx2(), elementwise_avx2());
    case Isa::avx512:
      return std::make_unique<KernelsOfIsa>(
          direct_conv_avx512(), half && has_half(isa) ? winograd_avx512_bf16() : winograd_avx512(),
          elementwise_avx512());
#elif defined(__aarch64__)
    case Isa::neon:
      return std::make_unique<KernelsOfIsa>(direct_conv_neon(), winograd_neon(), elementwise_neon());
#endif
    default:
      return std::make_unique<KernelsOfIsa>(direct_conv_generic(), winograd_generic(), elementwise_generic());
  }
}

}  // namespace esrgan
