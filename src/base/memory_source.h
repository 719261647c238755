// Bytes in memory as a source, for blocks that lie inside other files.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace esrgan {

class MemorySource final : public ByteSource {
 public:
  /// The bytes stay the caller's, who keeps them as long as this lives.
  explicit MemorySource(std::span<const uint8_t> bytes, std::string name = {})
      : bytes_(bytes), name_(std::move(name)) {}
  explicit MemorySource(std::vector<uint8_t>&& bytes, std::string name = {})
      : owned_(std::move(bytes)), bytes_(owned_), name_(std::move(name)) {}

  const std::string& name() const override { return name_; }
  uint64_t size() const override { return bytes_.size(); }
  size_t read_at(uint64_t offset, std::span<uint8_t> to) const override {
    if (offset >= bytes_.size()) return 0;
    const std::span<const uint8_t> rest = bytes_.subspan(static_cast<size_t>(offset));
    const size_t count = std::min(rest.size(), to.size());
    std::copy_n(rest.begin(), count, to.begin());
    return count;
  }

 private:
  std::vector<uint8_t> owned_;
  std::span<const uint8_t> bytes_;
  std::string name_;
};

}  // namespace esrgan
