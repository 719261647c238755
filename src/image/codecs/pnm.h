// The portable formats of Netpbm: PBM, PGM and PPM (text and binary), PAM; and PFM, their kin with floats.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "image/codecs/codec.h"

namespace esrgan {

bool looks_like_pnm(std::span<const uint8_t> head);
/// Throws Error when the header is damaged or rows are missing.
std::unique_ptr<Decoder> open_pnm(std::shared_ptr<const ByteSource> source);
/// By options.extension: ppm (RGB), pgm (gray), pnm (one of them), pam (all channels), with 8 and 16 bits;
/// pfm (gray or RGB floats, kept as they are). PBM is not written.
std::unique_ptr<Encoder> create_pnm(ByteSink& sink, const EncodeOptions& options);

}  // namespace esrgan
