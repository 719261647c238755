// Loops over the samples of a row: unpacking, picking, and what TIFF's photometric interpretations ask for.
#pragma once

#include <esrgan/image.h>

#include <cstddef>
#include <cstdint>

namespace esrgan {

/// How samples are packed.
struct PackedSamples {
  int bits = 8;    ///< 1 to 16, 32 or 64; other numbers than whole bytes follow each other without gaps
  int format = 0;  ///< SAMPLEFORMAT_UINT, _INT or _IEEEFP
  bool scaled =
      true;  ///< unsigned ones to the whole range of their type; else they keep their values, as indices must
};

/// To samples of the machine: u8 for up to 8 bits, u16 for up to 16; floats of 64 bits become f32.
void unpack_samples(const PackedSamples& packing, const std::byte* packed, size_t count, std::byte* to);

/// Where one channel lies among interleaved ones.
template <typename Bytes>
struct Channel {
  Bytes* samples;
  size_t stride;  ///< samples of a pixel
  size_t index;
};
/// Copies one channel of `pixels` pixels, of samples of 1, 2 or 4 bytes.
void copy_channel(Channel<const std::byte> from, Channel<std::byte> to, size_t pixels, size_t sample_bytes);

/// White for black in the first of `channels`; type u8, u16 or u32.
void invert_first(SampleType type, std::byte* samples, size_t channels, size_t pixels);

/// L*a*b* as TIFF's photometric interpretation has it to the encoding of ICC profiles of version 4; u8 or
/// u16.
void lab_to_icc(int photometric, SampleType type, std::byte* samples, size_t pixels);

/// CIE XYZ, white being 1, 1, 1, to linear light of BT.709's primaries, in the first three of `channels`
/// floats.
void xyz_to_rgb(std::byte* samples, size_t channels, size_t pixels);

}  // namespace esrgan
