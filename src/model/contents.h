// What a weight file holds, by name, before anything of it is read.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "weights/state_dict.h"

namespace esrgan {

/// The names of one network's tensors, or its layers where they have no names. Views: what was given must
/// outlive this.
class Contents {
 public:
  explicit Contents(std::set<std::string_view> names) : names_(std::move(names)) {}
  explicit Contents(const StateDict& weights);

  bool has(std::string_view tensor) const { return names_.contains(tensor); }
  const std::set<std::string_view>& names() const { return names_; }
  /// Of a file without names; else empty.
  const std::vector<OrderedLayer>& layers() const;

 private:
  std::set<std::string_view> names_;
  const std::vector<OrderedLayer>* layers_ = nullptr;
};

}  // namespace esrgan
