#include "image/codecs/tiff_samples.h"

#include <tiff.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace esrgan {
namespace {

template <typename T>
T load(const std::byte* from, size_t i) {
  T value;
  std::memcpy(&value, from + i * sizeof value, sizeof value);
  return value;
}

template <typename T>
void store(std::byte* to, size_t i, T value) {
  std::memcpy(to + i * sizeof value, &value, sizeof value);
}

/// Samples of `bits` bits, the most significant first, each brought by `scale` to T.
template <typename T, typename Scale>
void unpack_bits(int bits, const std::byte* packed, size_t count, std::byte* to, Scale scale) {
  const uint32_t mask = (1U << static_cast<unsigned>(bits)) - 1;
  uint32_t held = 0;
  int held_bits = 0;
  for (size_t i = 0; i < count; ++i) {
    while (held_bits < bits) {
      held = (held << 8U) | std::to_integer<uint32_t>(*packed++);
      held_bits += 8;
    }
    held_bits -= bits;
    store(to, i, static_cast<T>(scale((held >> static_cast<unsigned>(held_bits)) & mask)));
  }
}

template <typename T>
void unpack_bits(const PackedSamples& packing, const std::byte* packed, size_t count, std::byte* to) {
  if (!packing.scaled) {
    unpack_bits<T>(packing.bits, packed, count, to, [](uint32_t value) { return value; });
    return;
  }
  constexpr uint32_t full = static_cast<T>(~T{0});
  const uint32_t most = (1U << static_cast<unsigned>(packing.bits)) - 1;
  unpack_bits<T>(packing.bits, packed, count, to,
                 [most](uint32_t value) { return (value * full + most / 2) / most; });
}

template <typename T>
void copy_samples(Channel<const std::byte> from, Channel<std::byte> to, size_t pixels) {
  for (size_t i = 0; i < pixels; ++i) {
    store(to.samples, i * to.stride + to.index, load<T>(from.samples, i * from.stride + from.index));
  }
}

template <typename T>
void invert(std::byte* samples, size_t channels, size_t pixels) {
  for (size_t i = 0; i < pixels * channels; i += channels) {
    store(samples, i, static_cast<T>(~load<T>(samples, i)));
  }
}

/// ITU-T T.42: a* from -85 to 85 and b* from -75 to 125.
uint8_t from_itu(uint8_t value, bool is_b) {
  const double star = is_b ? (value - 96) * 200.0 / 255 : (value - 128) * 170.0 / 255;
  return static_cast<uint8_t>(std::clamp(std::round(star) + 128, 0.0, 255.0));
}

void lab8(int photometric, std::byte* samples, size_t pixels) {
  for (size_t i = 0; i < pixels; ++i) {
    for (const size_t c : {size_t{1}, size_t{2}}) {
      const auto value = load<uint8_t>(samples, 3 * i + c);
      if (photometric == PHOTOMETRIC_CIELAB) store(samples, 3 * i + c, static_cast<uint8_t>(value ^ 0x80U));
      if (photometric == PHOTOMETRIC_ITULAB) store(samples, 3 * i + c, from_itu(value, c == 2));
    }
  }
}

/// CIELab: L* of 100 is 65535, a* and b* are signed and 256 times their value. ICCLab: as ICC's version 2, L*
/// of 100 is 0xFF00, a* and b* of 0 are 0x8000.
void lab16(int photometric, std::byte* samples, size_t pixels) {
  const auto wider = [](uint32_t value) {
    return static_cast<uint16_t>(std::min<uint32_t>((value * 257 + 128) / 256, 0xFFFF));
  };
  for (size_t i = 0; i < 3 * pixels; ++i) {
    const auto value = load<uint16_t>(samples, i);
    if (photometric == PHOTOMETRIC_ICCLAB) {
      store(samples, i, wider(value));
    } else if (i % 3 != 0) {
      store(samples, i, wider(value ^ 0x8000U));
    }
  }
}

}  // namespace

void unpack_samples(const PackedSamples& packing, const std::byte* packed, size_t count, std::byte* to) {
  switch (packing.bits) {
    case 8:
    case 16:
    case 32:
      std::memcpy(to, packed, count * static_cast<size_t>(packing.bits / 8));
      return;
    case 64:
      for (size_t i = 0; i < count; ++i) store(to, i, static_cast<float>(load<double>(packed, i)));
      return;
    default:
      if (packing.bits < 8) {
        unpack_bits<uint8_t>(packing, packed, count, to);
      } else {
        unpack_bits<uint16_t>(packing, packed, count, to);
      }
  }
}

void copy_channel(Channel<const std::byte> from, Channel<std::byte> to, size_t pixels, size_t sample_bytes) {
  if (sample_bytes == 1) copy_samples<uint8_t>(from, to, pixels);
  if (sample_bytes == 2) copy_samples<uint16_t>(from, to, pixels);
  if (sample_bytes == 4) copy_samples<uint32_t>(from, to, pixels);
}

void invert_first(SampleType type, std::byte* samples, size_t channels, size_t pixels) {
  if (type == SampleType::u8) invert<uint8_t>(samples, channels, pixels);
  if (type == SampleType::u16) invert<uint16_t>(samples, channels, pixels);
  if (type == SampleType::u32) invert<uint32_t>(samples, channels, pixels);
}

void lab_to_icc(int photometric, SampleType type, std::byte* samples, size_t pixels) {
  if (type == SampleType::u8) {
    lab8(photometric, samples, pixels);
  } else {
    lab16(photometric, samples, pixels);
  }
}

/// The matrix is that of G. Ward's LogLuv encoding ("LogLuv encoding for full-gamut, high-dynamic range
/// images", 1998), whose white has equal energy.
void xyz_to_rgb(std::byte* samples, size_t channels, size_t pixels) {
  for (size_t i = 0; i < pixels; ++i) {
    std::byte* const pixel = samples + i * channels * sizeof(float);
    const auto x = load<float>(pixel, 0), y = load<float>(pixel, 1), z = load<float>(pixel, 2);
    store(pixel, 0, 2.690F * x - 1.276F * y - 0.414F * z);
    store(pixel, 1, -1.022F * x + 1.978F * y + 0.044F * z);
    store(pixel, 2, 0.061F * x - 0.224F * y + 1.163F * z);
  }
}

}  // namespace esrgan
