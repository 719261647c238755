// Everything a run needs to go on, in one file.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "weights/state_dict.h"

namespace esrgan::train {

/// Named groups of tensors and numbers, kept in one safetensors file that appears whole or not at all. Group
/// and tensor are joined by
/// "/", as in "generator/conv_first.weight".
struct Checkpoint {
  int64_t step = 0;
  std::map<std::string, StateDict> groups;
  std::map<std::string, std::string> numbers;  ///< free texts; doubles by exact_text_of()

  /// One of `numbers`; Error when it is missing.
  const std::string& number(const std::string& name) const;
  void save(const std::filesystem::path& file) const;
  static Checkpoint load(const std::filesystem::path& file);
};

/// The folder's checkpoints, oldest first, by step.
std::map<int64_t, std::filesystem::path> list_checkpoints(const std::filesystem::path& folder);

/// Name of the checkpoint of a step.
std::filesystem::path checkpoint_name(const std::filesystem::path& folder, int64_t step);

/// The newest checkpoint that can be read; one that is damaged is warned of and passed over.
std::optional<Checkpoint> newest_checkpoint(const std::filesystem::path& folder);

}  // namespace esrgan::train
