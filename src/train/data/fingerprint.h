// A number that tells texts apart.
#pragma once

#include <cstdint>
#include <string_view>

namespace esrgan::train {

/// FNV-1a of 64 bits (Fowler, Noll and Vo) over texts, each with an end of its own.
class Fingerprint {
 public:
  void add(std::string_view text) {
    for (const char c : text) value_ = (value_ ^ static_cast<uint8_t>(c)) * prime;
    value_ *= prime;
  }
  uint64_t value() const { return value_; }

 private:
  static constexpr uint64_t prime = 0x100000001B3U;
  uint64_t value_ = 0xCBF29CE484222325U;
};

}  // namespace esrgan::train
