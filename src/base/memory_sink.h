// Bytes in memory as a sink.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace esrgan {

class MemorySink final : public ByteSink {
 public:
  explicit MemorySink(std::string name = {}) : name_(std::move(name)) {}

  const std::string& name() const override { return name_; }
  uint64_t size() const override { return bytes_.size(); }
  void write(std::span<const uint8_t> bytes) override { write_at(bytes_.size(), bytes); }
  void write_at(uint64_t offset, std::span<const uint8_t> bytes) override {
    bytes_.resize(std::max<size_t>(bytes_.size(), static_cast<size_t>(offset) + bytes.size()));
    std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<ptrdiff_t>(offset));
  }
  size_t read_at(uint64_t offset, std::span<uint8_t> to) override {
    if (offset >= bytes_.size()) return 0;
    const size_t count = std::min<size_t>(to.size(), bytes_.size() - static_cast<size_t>(offset));
    std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(offset), count, to.begin());
    return count;
  }
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  std::string name_;
  std::vector<uint8_t> bytes_;
};

}  // namespace esrgan
