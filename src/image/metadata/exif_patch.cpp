#include "image/metadata/exif_patch.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace esrgan {
namespace {

constexpr uint64_t entry_bytes = 12;

}  // namespace

bool is_number(const ExifEntry* entry) {
  return entry != nullptr && entry->count == 1 && (entry->type == exif_short || entry->type == exif_long);
}

uint32_t number_of(const ExifEntry& number) {
  uint32_t value = 0;
  std::memcpy(&value, number.value.data(), std::min<size_t>(sizeof value, number.value.size()));
  return value;
}

bool is_rational(const ExifEntry* entry) {
  return entry != nullptr && entry->type == exif_rational && entry->count == 1 && entry->value.size() == 8;
}

std::array<uint32_t, 2> parts_of(const ExifEntry& rational) {
  std::array<uint32_t, 2> parts{};
  std::memcpy(parts.data(), rational.value.data(), sizeof parts);
  return parts;
}

double ratio_of(const ExifEntry* entry) {
  if (!is_rational(entry)) return 0;
  const std::array<uint32_t, 2> parts = parts_of(*entry);
  return parts[1] == 0 ? 0 : static_cast<double>(parts[0]) / parts[1];
}

std::array<uint32_t, 2> fraction(double value) {
  const uint32_t below = value == std::round(value) ? 1 : 10'000;
  return {static_cast<uint32_t>(std::clamp(std::round(value * below), 0.0, 4294967295.0)), below};
}

ExifEntry rational_entry(uint16_t tag, double value) {
  const std::array<uint32_t, 2> parts = fraction(value);
  ExifEntry entry = numbers_entry(tag, exif_long, std::array<uint64_t, 2>{parts[0], parts[1]});
  entry.type = exif_rational;
  entry.count = 1;
  return entry;
}

void BlockPatch::set(const ExifEntry* entry, uint32_t value) {
  constexpr size_t from_value_to_type = 6;  // a type, a count of four bytes
  if (!is_number(entry) || entry->offset < from_value_to_type || entry->offset + 4 > block_.size()) return;
  put(entry->offset - from_value_to_type, exif_long, 2);
  put(entry->offset, value, 4);
}

void BlockPatch::set(const ExifEntry* entry, const std::array<uint32_t, 2>& parts) {
  if (!is_rational(entry) || entry->offset + 8 > block_.size()) return;
  put(entry->offset, parts[0], 4);
  put(entry->offset + 4, parts[1], 4);
}

void BlockPatch::put(uint64_t at, uint32_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    block_[static_cast<size_t>(at) + i] =
        static_cast<uint8_t>(value >> (8 * (big_endian_ ? bytes - 1 - i : i)));
  numbers_.push_back({at, value, bytes});
}

bool BlockPatch::stands() const {
  return std::all_of(numbers_.begin(), numbers_.end(),
                     [&](const Number& n) { return get(n.at, n.bytes) == n.value; });
}

bool BlockPatch::add(uint64_t link, std::span<const ExifEntry> further) {
  const uint64_t from = get(link, 4), count = get(from, 2), all = count + further.size();
  const uint64_t old_end = from + 2 + count * entry_bytes;
  if (from == 0 || old_end + 4 > block_.size() || all > UINT16_MAX) return false;
  const uint64_t to = append(2 + all * entry_bytes + 4);
  put(to, static_cast<uint32_t>(all), 2);
  uint64_t old = from + 2, at = to + 2;
  for (const ExifEntry& entry : further) {
    for (; old < old_end && get(old, 2) < entry.tag; old += entry_bytes, at += entry_bytes)
      copy(old, at, entry_bytes);
    put_entry(at, entry);
    at += entry_bytes;
  }
  copy(old, at, old_end + 4 - old);  // with the link to the next directory
  put(link, static_cast<uint32_t>(to), 4);
  return true;
}

uint64_t BlockPatch::find_pointer(uint16_t tag) const {
  const uint64_t directory = get(first_link, 4), count = get(directory, 2);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t at = directory + 2 + i * entry_bytes;
    if (at + entry_bytes <= block_.size() && get(at, 2) == tag) return at + 8;
  }
  return 0;
}

uint64_t BlockPatch::append(uint64_t bytes) {
  const uint64_t at = (block_.size() + 1) / 2 * 2;
  block_.resize(static_cast<size_t>(at + bytes));
  return at;
}

/// 0 beyond the end.
uint32_t BlockPatch::get(uint64_t at, size_t bytes) const {
  uint32_t value = 0;
  if (at + bytes > block_.size()) return 0;
  for (size_t i = 0; i < bytes; ++i)
    value = value << 8U | block_[static_cast<size_t>(at) + (big_endian_ ? i : bytes - 1 - i)];
  return value;
}

void BlockPatch::copy(uint64_t from, uint64_t to, uint64_t bytes) {
  std::copy_n(block_.begin() + static_cast<ptrdiff_t>(from), bytes,
              block_.begin() + static_cast<ptrdiff_t>(to));
}

void BlockPatch::put_entry(uint64_t at, const ExifEntry& entry) {
  put(at, entry.tag, 2);
  put(at + 2, entry.type, 2);
  put(at + 4, static_cast<uint32_t>(entry.count), 4);
  const bool within = entry.value.size() <= 4;
  const uint64_t to = within ? at + 8 : append(entry.value.size());
  if (!within) put(at + 8, static_cast<uint32_t>(to), 4);
  const size_t unit = entry.type == exif_short ? 2 : entry.type == exif_undefined ? 1 : 4;
  for (size_t i = 0; i < entry.value.size(); ++i) {
    const size_t place = big_endian_ ? i / unit * unit + unit - 1 - i % unit : i;
    block_[static_cast<size_t>(to) + place] = entry.value[i];
  }
}

}  // namespace esrgan
