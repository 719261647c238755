#include "train/networks/checkpoint.h"

#include <esrgan/error.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "weights/read_weights.h"
#include "weights/safetensors.h"

namespace esrgan::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* extension = ".safetensors";
constexpr const char* step_key = "esrgan.step";
const std::string number_prefix = "esrgan.number.";

}  // namespace

const std::string& Checkpoint::number(const std::string& name) const {
  const auto found = numbers.find(name);
  if (found == numbers.end())
    throw Error(ErrorKind::bad_data, "", "the checkpoint lacks '" + name + "': it is of another kind of run");
  return found->second;
}

void Checkpoint::save(const fs::path& file) const {
  StateDict all;
  all.metadata[step_key] = std::to_string(step);
  for (const auto& [name, text] : numbers) all.metadata[number_prefix + name] = text;
  for (const auto& [group, state] : groups)
    for (const auto& [name, tensor] : state.tensors)
      all.tensors.emplace(std::string(group).append("/").append(name), tensor);
  write_safetensors(all, ElementType::f32, file);
}

Checkpoint Checkpoint::load(const fs::path& file) {
  StateDict all = read_weights(file);
  const auto step = all.metadata.find(step_key);
  if (step == all.metadata.end())
    throw Error(ErrorKind::bad_data, file.string(), "is not a checkpoint of a training run");
  Checkpoint result;
  result.step = std::strtoll(step->second.c_str(), nullptr, 10);
  for (const auto& [key, text] : all.metadata)
    if (key.starts_with(number_prefix)) result.numbers[key.substr(number_prefix.size())] = text;
  for (auto& [name, tensor] : all.tensors) {
    const size_t slash = name.find('/');
    if (slash == std::string::npos)
      throw Error(ErrorKind::bad_data, file.string(), "tensor '" + name + "' belongs to no group");
    StateDict& group = result.groups[name.substr(0, slash)];
    group.file = file.string();
    group.tensors.emplace(name.substr(slash + 1), std::move(tensor));
  }
  return result;
}

fs::path checkpoint_name(const fs::path& folder, int64_t step) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "step_%08lld", static_cast<long long>(step));
  return folder / (std::string(text.data()) + extension);
}

std::map<int64_t, fs::path> list_checkpoints(const fs::path& folder) {
  std::map<int64_t, fs::path> found;
  std::error_code absent;
  for (const fs::path& path : paths_in(folder, absent)) {
    long long step = 0;
    if (path.extension() == extension && std::sscanf(path.filename().c_str(), "step_%lld.", &step) == 1)
      found.emplace(step, path);
  }
  return found;
}

std::optional<Checkpoint> newest_checkpoint(const fs::path& folder) {
  auto left = list_checkpoints(folder);
  while (!left.empty()) {
    try {
      return Checkpoint::load(left.extract(std::prev(left.end())).mapped());
    } catch (const Error& error) {
      log_warning(std::string("passed over: ") + error.what());
    }
  }
  return {};
}

}  // namespace esrgan::train
