#include "image/codecs/modules/jxl_colour.h"

#include <lcms2.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/half.h"

namespace esrgan::jxl_module {
namespace {

struct ProfileFree {
  void operator()(void* profile) const { cmsCloseProfile(profile); }
};
struct CurveFree {
  void operator()(cmsToneCurve* curve) const { cmsFreeToneCurve(curve); }
};
struct TransformFree {
  void operator()(void* transform) const { cmsDeleteTransform(transform); }
};
using Profile = std::unique_ptr<void, ProfileFree>;
using Transform = std::unique_ptr<void, TransformFree>;

Profile linear_profile(bool gray) {
  const std::unique_ptr<cmsToneCurve, CurveFree> line(cmsBuildGamma(nullptr, 1.0));
  if (!line) return nullptr;
  if (gray) return Profile(cmsCreateGrayProfile(cmsD50_xyY(), line.get()));
  const cmsCIExyY white{0.3127, 0.3290, 1};
  const cmsCIExyYTRIPLE primaries{{0.64, 0.33, 1}, {0.30, 0.60, 1}, {0.15, 0.06, 1}};
  cmsToneCurve* curves[]{line.get(), line.get(), line.get()};
  return Profile(cmsCreateRGBProfile(&white, &primaries, curves));
}

template <typename Sample>
void store(const float* from, size_t samples, std::byte* to) {
  constexpr float full = sizeof(Sample) == 1 ? 255.0F : 65535.0F;
  for (size_t i = 0; i < samples; ++i) {
    const float value = from[i] > 0 ? std::min(from[i], 1.0F) : 0.0F;  // 0 in place of NaN, too
    const auto sample = static_cast<Sample>(value * full + 0.5F);
    std::memcpy(to + i * sizeof sample, &sample, sizeof sample);
  }
}

void store_halfs(const float* from, size_t samples, std::byte* to) {
  for (size_t i = 0; i < samples; ++i) {
    const uint16_t half = half_from_float(from[i]);
    std::memcpy(to + i * sizeof half, &half, sizeof half);
  }
}

class ByLittleCms final : public OriginalColours {
 public:
  ByLittleCms(Transform transform, size_t channels) : transform_(std::move(transform)), channels_(channels) {}

  void convert(float* from, size_t pixels, SampleType type, std::byte* to) const override {
    // In place, so that alpha stays what it is.
    cmsDoTransform(transform_.get(), from, from, static_cast<cmsUInt32Number>(pixels));
    const size_t samples = pixels * channels_;
    if (type == SampleType::u8)
      store<uint8_t>(from, samples, to);
    else if (type == SampleType::u16)
      store<uint16_t>(from, samples, to);
    else if (type == SampleType::f16)
      store_halfs(from, samples, to);
    else
      std::memmove(to, from, samples * sizeof(float));
  }

 private:
  Transform transform_;
  size_t channels_;
};

}  // namespace

std::shared_ptr<const OriginalColours> OriginalColours::create(std::span<const uint8_t> icc, int channels) {
  const bool gray = channels <= 2;
  const Profile to(cmsOpenProfileFromMem(icc.data(), static_cast<cmsUInt32Number>(icc.size())));
  if (!to || cmsGetColorSpace(to.get()) != (gray ? cmsSigGrayData : cmsSigRgbData)) return nullptr;
  const Profile from = linear_profile(gray);
  if (!from) return nullptr;
  const cmsUInt32Number format =
      FLOAT_SH(1U) | BYTES_SH(4U) | EXTRA_SH(channels % 2 == 0 ? 1U : 0U) |
      (gray ? COLORSPACE_SH(PT_GRAY) | CHANNELS_SH(1U) : COLORSPACE_SH(PT_RGB) | CHANNELS_SH(3U));
  Transform transform(cmsCreateTransform(from.get(), format, to.get(), format, INTENT_RELATIVE_COLORIMETRIC,
                                         cmsFLAGS_NOCACHE));
  if (!transform) return nullptr;
  return std::make_shared<ByLittleCms>(std::move(transform), static_cast<size_t>(channels));
}

}  // namespace esrgan::jxl_module
