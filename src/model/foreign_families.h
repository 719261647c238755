// Networks that are well known but cannot be run here.
#pragma once

#include <span>
#include <string_view>

#include "model/contents.h"

namespace esrgan {

struct ForeignFamily {
  std::string_view name;
  std::span<const std::string_view> tensors;  ///< that are in all its files, at least one
};

std::span<const ForeignFamily> foreign_families();

/// The name of the one to which these tensors belong; empty when it is none.
std::string_view foreign_family_of(const Contents& contents);

}  // namespace esrgan
