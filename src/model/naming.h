// The names that tensors go by.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "model/contents.h"
#include "weights/state_dict.h"

namespace esrgan {

/// Gives the canonical name of a tensor; nothing for a name it does not know.
using Renamer = std::function<std::optional<std::string>(std::string_view)>;

/// One way in which the tensors of a family are called.
struct Naming {
  const char* name;  ///< for people: "RRDB_trunk (original ESRGAN, BSRGAN, RealSR)"
  const char* sign;  ///< a tensor that is there; empty for files without names
  /// Whether a file that has the sign is of this family indeed; null: the sign is enough.
  bool (*is_used)(const Contents& contents);
  Renamer (*renamer)(const StateDict& weights);  ///< null: these are the canonical names
};

/// In `from` '#' stands for a number of one to six digits and a '*' at the end for anything; in `to` $1, $2,
/// ... for what they stood for.
struct RenameRule {
  std::string_view from, to;
};

/// By the first rule that fits.
std::optional<std::string> rename(std::initializer_list<RenameRule> rules, std::string_view name);

/// The number at the beginning of `text` (one to six digits), which is cut off.
std::optional<int> take_number(std::string_view& text);

/// The largest N of tensors called prefixN...; -1 when there is none.
int highest_index(const StateDict& weights, std::string_view prefix);

/// Renames all tensors. Throws Error naming the first tensor that has no place in the naming, or that two
/// would take.
void rename_all(StateDict& weights, const Renamer& renamer);

}  // namespace esrgan
