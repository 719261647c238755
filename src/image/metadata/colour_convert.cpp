#include "image/metadata/colour_convert.h"

#include <esrgan/error.h>
#include <lcms2.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

namespace esrgan {
namespace {

using Profile = std::unique_ptr<void, decltype(&cmsCloseProfile)>;

Profile owned(cmsHPROFILE profile) {
  return {profile, cmsCloseProfile};
}

template <typename T>
void naive_cmyk(const std::byte* from, size_t pixels, bool inverted, std::byte* rgb) {
  constexpr auto full = static_cast<uint64_t>(static_cast<T>(~T{0}));
  std::array<T, 4> ink{};
  std::array<T, 3> light{};
  for (size_t i = 0; i < pixels; ++i) {
    std::memcpy(ink.data(), from + i * sizeof ink, sizeof ink);
    const auto paper = [&](size_t c) { return inverted ? uint64_t{ink[c]} : full - ink[c]; };
    for (size_t c = 0; c < 3; ++c) light[c] = static_cast<T>((paper(c) * paper(3) + full / 2) / full);
    std::memcpy(rgb + i * sizeof light, light.data(), sizeof light);
  }
}

std::vector<uint8_t> saved(const Profile& profile) {
  cmsUInt32Number size = 0;
  if (!profile || !cmsSaveProfileToMem(profile.get(), nullptr, &size)) return {};
  std::vector<uint8_t> bytes(size);
  if (!cmsSaveProfileToMem(profile.get(), bytes.data(), &size)) return {};
  return bytes;
}

struct Curve {
  int type = 1;  // Little CMS's parametric curves: 1 a power, 4 as sRGB's
  std::vector<double> parameters;
};

constexpr std::array<double, 8> srgb_xy{0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06};
const Curve srgb_curve{4, {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045}};

std::vector<uint8_t> make_profile(const std::array<double, 8>& xy, const Curve& curve,
                                  const char* description) {
  cmsToneCurve* tone = cmsBuildParametricToneCurve(nullptr, curve.type, curve.parameters.data());
  if (tone == nullptr) return {};
  const std::unique_ptr<cmsToneCurve, decltype(&cmsFreeToneCurve)> owner(tone, cmsFreeToneCurve);
  const cmsCIExyY white{xy[0], xy[1], 1};
  const cmsCIExyYTRIPLE primaries{{xy[2], xy[3], 1}, {xy[4], xy[5], 1}, {xy[6], xy[7], 1}};
  std::array<cmsToneCurve*, 3> curves{tone, tone, tone};
  const Profile profile = owned(cmsCreateRGBProfile(&white, &primaries, curves.data()));
  if (!profile) return {};
  cmsMLU* text = cmsMLUalloc(nullptr, 1);
  if (text != nullptr) {
    cmsMLUsetASCII(text, "en", "US", description);
    cmsWriteTag(profile.get(), cmsSigProfileDescriptionTag, text);
    cmsMLUfree(text);
  }
  return saved(profile);
}

bool near(double a, double b, double tolerance) {
  return std::abs(a - b) <= tolerance;
}

bool has_srgb_primaries(const std::array<double, 8>& xy) {
  for (size_t i = 0; i < xy.size(); ++i)
    if (!near(xy[i], srgb_xy[i], 0.002)) return false;
  return true;
}

}  // namespace

struct ColourConverter::Transform {
  ForeignColour kind;
  SampleType type;
  cmsHTRANSFORM transform = nullptr;
  Transform(ForeignColour kind_of, SampleType type_of) : kind(kind_of), type(type_of) {}
  ~Transform() {
    if (transform != nullptr) cmsDeleteTransform(transform);
  }
  Transform(const Transform&) = delete;
  Transform& operator=(const Transform&) = delete;
  Transform(Transform&&) = delete;
  Transform& operator=(Transform&&) = delete;
};

ColourConverter::ColourConverter(ForeignColour kind, SampleType type, std::span<const uint8_t> icc)
    : transform_(std::make_unique<Transform>(kind, type)) {
  const bool deep = type == SampleType::u16, lab = kind == ForeignColour::lab;
  if (!lab && icc_colour_space(icc) != "CMYK") return;
  const Profile from =
      owned(lab ? cmsCreateLab4Profile(nullptr)
                : cmsOpenProfileFromMem(icc.data(), static_cast<cmsUInt32Number>(icc.size())));
  const Profile to = owned(cmsCreate_sRGBProfile());
  if (!from || !to) return;
  const auto format = [&](cmsUInt32Number space, cmsUInt32Number channels, bool inverted) {
    return COLORSPACE_SH(space) | CHANNELS_SH(channels) | BYTES_SH(deep ? 2U : 1U) |
           FLAVOR_SH(inverted ? 1U : 0U);
  };
  transform_->transform = cmsCreateTransform(
      from.get(), lab ? format(PT_Lab, 3, false) : format(PT_CMYK, 4, kind == ForeignColour::cmyk_inverted),
      to.get(), format(PT_RGB, 3, false), INTENT_RELATIVE_COLORIMETRIC,
      // Tables in place of the formulas would make white not quite white.
      cmsFLAGS_BLACKPOINTCOMPENSATION | (lab ? cmsFLAGS_NOOPTIMIZE : 0U));
  if (lab && transform_->transform == nullptr)
    throw Error(ErrorKind::unsupported, "L*a*b* colours cannot be converted");
}

ColourConverter::~ColourConverter() = default;
ColourConverter::ColourConverter(ColourConverter&& other) noexcept = default;
ColourConverter& ColourConverter::operator=(ColourConverter&& other) noexcept = default;

void ColourConverter::convert(const std::byte* from, size_t pixels, std::byte* rgb) const {
  const bool inverted = transform_->kind == ForeignColour::cmyk_inverted;
  if (transform_->transform != nullptr)
    cmsDoTransform(transform_->transform, from, rgb, static_cast<cmsUInt32Number>(pixels));
  else if (transform_->type == SampleType::u16)
    naive_cmyk<uint16_t>(from, pixels, inverted, rgb);
  else
    naive_cmyk<uint8_t>(from, pixels, inverted, rgb);
}

/// Four characters at byte 16 name the colour space of the data side (ICC.1:2010, 7.2).
std::string icc_colour_space(std::span<const uint8_t> icc) {
  constexpr size_t header = 128;
  if (icc.size() < header || std::memcmp(icc.data() + 36, "acsp", 4) != 0) return "";
  return {reinterpret_cast<const char*>(icc.data()) + 16, 4};
}

std::vector<uint8_t> icc_of(const CodePoints& points, bool& is_srgb) {
  // ITU-T H.273, tables 2 and 3. What no ICC profile of this kind says (PQ, HLG) is left alone.
  struct Known {
    int code;
    std::array<double, 8> xy;
    const char* name;
  };
  static const std::array<Known, 4> primaries{
      {{1, srgb_xy, "BT.709"},
       {9, {0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046}, "BT.2020"},
       {11, {0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060}, "DCI-P3"},
       {12, {0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060}, "Display P3"}}};
  const bool video =
      points.transfer == 1 || points.transfer == 6 || points.transfer == 14 || points.transfer == 15;
  std::optional<Curve> curve;
  // Pictures that claim BT.709's camera curve are shown with sRGB's by every viewer.
  if (points.transfer == 13 || video) curve = srgb_curve;
  if (points.transfer == 4) curve = Curve{1, {2.2}};
  if (points.transfer == 5) curve = Curve{1, {2.8}};
  if (points.transfer == 8) curve = Curve{1, {1.0}};
  is_srgb = points.primaries == 1 && (points.transfer == 13 || video);
  if (is_srgb || !curve) return {};
  for (const Known& known : primaries)
    if (known.code == points.primaries) return make_profile(known.xy, *curve, known.name);
  return {};
}

std::vector<uint8_t> icc_of(const Chromaticities& chromaticities, bool& is_srgb) {
  const bool any_primaries = chromaticities.xy[0] > 0;
  const std::array<double, 8> xy = any_primaries ? chromaticities.xy : srgb_xy;
  const bool srgb_gamma = chromaticities.gamma <= 0 || near(chromaticities.gamma, 1 / 2.2, 0.01);
  is_srgb = has_srgb_primaries(xy) && srgb_gamma;
  if (is_srgb) return {};
  const Curve curve = chromaticities.gamma > 0 ? Curve{1, {1 / chromaticities.gamma}} : srgb_curve;
  return make_profile(xy, curve, "Colours of the original picture");
}

}  // namespace esrgan
