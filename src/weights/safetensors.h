// The safetensors format: an 8-byte little-endian header length, a JSON header, then the tensors' bytes.
// Source: https://github.com/huggingface/safetensors, section "Format".
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "weights/selection.h"
#include "weights/state_dict.h"

namespace esrgan {

/// Reads those tensors that `select` chooses. Refuses, with an Error that names `file`, headers that are not
/// valid, unknown element types, tensors that overlap, leave holes or reach past the end.
StateDict read_safetensors(std::span<const uint8_t> bytes, const std::string& file, const Selector& select);

/// The text pairs of the header; the tensors are not looked at.
std::map<std::string, std::string> read_safetensors_metadata(std::span<const uint8_t> bytes,
                                                             const std::string& file);

/// Writes every tensor as `type`, which must be f32 or f16, and the metadata. Appears whole or not at all.
void write_safetensors(const StateDict& dict, ElementType type, const std::filesystem::path& target);

}  // namespace esrgan
