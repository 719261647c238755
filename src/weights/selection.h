// Which tensors of a file are wanted.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace esrgan {

struct Selection {
  /// The name in the file, and the one it is to have. In PyTorch's files the keys of nested dicts are joined
  /// by dots.
  std::map<std::string, std::string> tensors;
  std::vector<std::string> remarks;  ///< what was taken and what left out, for people
};

/// Chooses among the names of all tensors of a file.
using Selector = std::function<Selection(const std::vector<std::string>& names)>;

/// All, under the names they have.
Selection select_all(const std::vector<std::string>& names);

/// All, without the parts that every name begins with ("params.", "state_dict.module.").
Selection select_unwrapped(const std::vector<std::string>& names);

/// The network that has a tensor of this name, without what stands before it; all as they are when there is
/// none.
Selector select_around(std::string tensor);

/// What stands before `tensor` in a name that ends with it, up to a dot; nothing when the name does not.
std::optional<std::string_view> prefix_before(std::string_view tensor, std::string_view name);

/// Whole parts, up to a dot, that all names begin with; a view of the first.
std::string_view common_prefix(const std::vector<std::string>& names);

}  // namespace esrgan
