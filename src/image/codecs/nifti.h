// NIfTI-1 and NIfTI-2 in one file (.nii, .nii.gz): volumes, slice by slice.
// Source: https://nifti.nimh.nih.gov (nifti1.h, nifti2.h).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "image/codecs/codec.h"

namespace esrgan {

/// Also what gzip packed: only the unpacked bytes tell.
bool looks_like_nifti(std::span<const uint8_t> head);

/// Pictures are the slices of the volume, of all volumes one after the other; values are those that are
/// stored, before any slope.
std::unique_ptr<Decoder> open_nifti(std::shared_ptr<const ByteSource> source);

/// With the header of the volume that the slices came from: its grid becomes finer within the slices, and
/// stays where it is in space. options.extension "gz" packs.
std::unique_ptr<Encoder> create_nifti(ByteSink& sink, const EncodeOptions& options);

}  // namespace esrgan
