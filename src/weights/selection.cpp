#include "weights/selection.h"

#include <algorithm>
#include <utility>

namespace esrgan {
namespace {

/// Those that begin with the prefix, without it.
Selection without(const std::vector<std::string>& names, std::string_view prefix) {
  Selection selection;
  for (const std::string& name : names)
    if (name.starts_with(prefix)) selection.tensors.emplace(name, name.substr(prefix.size()));
  return selection;
}

}  // namespace

Selection select_all(const std::vector<std::string>& names) {
  return without(names, "");
}

Selection select_unwrapped(const std::vector<std::string>& names) {
  return without(names, common_prefix(names));
}

Selector select_around(std::string tensor) {
  return [tensor = std::move(tensor)](const std::vector<std::string>& names) {
    std::string_view prefix;
    for (const std::string& name : names) prefix = prefix_before(tensor, name).value_or(prefix);
    return without(names, prefix);
  };
}

std::optional<std::string_view> prefix_before(std::string_view tensor, std::string_view name) {
  if (!name.ends_with(tensor)) return std::nullopt;
  name.remove_suffix(tensor.size());
  if (!name.empty() && name.back() != '.') return std::nullopt;
  return name;
}

std::string_view common_prefix(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  std::string_view common = names.front();
  for (const std::string_view name : names) {
    const auto* const end = std::mismatch(common.begin(), common.end(), name.begin(), name.end()).first;
    common = common.substr(0, static_cast<size_t>(end - common.begin()));
  }
  return common.substr(0, common.rfind('.') + 1);
}

}  // namespace esrgan
