#include "image/metadata/tiff_structure.h"

#include <algorithm>
#include <array>
#include <span>
#include <unordered_set>

#include "base/limits.h"

namespace esrgan {
namespace {

/// Bytes that are turned round as one when the byte order changes: rationals are two numbers.
size_t swapped_unit(uint16_t type) {
  const size_t size = tiff_type_size(type);
  return type == 5 || type == 10 ? 4 : size;
}

uint64_t page_kind(const TiffStructure& structure, const TiffDirectory& directory) {
  if (const TiffField* const field = directory.find(254)) return structure.number(*field).value_or(0);
  const TiffField* const old = directory.find(255);  // SubfileType: 1 full, 2 reduced, 3 page
  return old != nullptr && structure.number(*old) == 2 ? 1 : 0;
}

}  // namespace

size_t tiff_type_size(uint16_t type) {
  switch (type) {
    case 1:    // BYTE
    case 2:    // ASCII
    case 6:    // SBYTE
    case 7:    // UNDEFINED
    case 129:  // UTF-8, EXIF 3.0
      return 1;
    case 3:  // SHORT
    case 8:  // SSHORT
      return 2;
    case 4:   // LONG
    case 9:   // SLONG
    case 11:  // FLOAT
    case 13:  // IFD
      return 4;
    case 5:   // RATIONAL
    case 10:  // SRATIONAL
    case 12:  // DOUBLE
    case 16:  // LONG8
    case 17:  // SLONG8
    case 18:  // IFD8
      return 8;
    default:
      return 0;
  }
}

const TiffField* TiffDirectory::find(uint16_t tag) const {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [tag](const TiffField& f) { return f.tag == tag; });
  return found == fields.end() ? nullptr : &*found;
}

std::optional<TiffStructure> TiffStructure::open(const ByteSource& source) {
  std::array<uint8_t, 8> head{};
  if (source.read_at(0, head) != head.size()) return std::nullopt;
  const bool big_endian = head[0] == 'M';
  if (head[0] != head[1] || (head[0] != 'I' && head[0] != 'M')) return std::nullopt;
  TiffStructure result(source, big_endian, false);
  const uint64_t version = result.parse(&head[2], 2);
  if (version == 42) {
    result.first_ = result.parse(&head[4], 4);
    return result;
  }
  if (version != 43 || result.parse(&head[4], 2) != 8 || result.parse(&head[6], 2) != 0) return std::nullopt;
  result.big_ = true;
  const std::optional<uint64_t> first = result.number_at(8, 8);
  if (!first) return std::nullopt;
  result.first_ = *first;
  return result;
}

uint64_t TiffStructure::parse(const uint8_t* bytes, size_t size) const {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value = (value << 8U) | bytes[big_endian_ ? i : size - 1 - i];
  return value;
}

std::optional<uint64_t> TiffStructure::number_at(uint64_t offset, size_t size) const {
  std::array<uint8_t, 8> bytes{};
  if (source_->read_at(offset, std::span(bytes).first(size)) != size) return std::nullopt;
  return parse(bytes.data(), size);
}

std::optional<TiffField> TiffStructure::parse_field(const uint8_t* entry, uint64_t entry_offset) const {
  TiffField field;
  const size_t word = big_ ? 8 : 4;
  field.tag = static_cast<uint16_t>(parse(entry, 2));
  field.type = static_cast<uint16_t>(parse(entry + 2, 2));
  field.count = parse(entry + 4, word);
  const size_t size = tiff_type_size(field.type);
  if (size == 0 || field.count == 0 || field.count > source_->size() / size) return std::nullopt;
  const uint64_t bytes = field.count * size;
  field.offset = bytes <= word ? entry_offset + 4 + word : parse(entry + 4 + word, word);
  if (field.offset > source_->size() || bytes > source_->size() - field.offset) return std::nullopt;
  return field;
}

std::optional<TiffDirectory> TiffStructure::directory(uint64_t offset) const {
  const size_t head = big_ ? 8 : 2;
  const size_t entry = big_ ? 20 : 12;
  if (offset < 8 || offset >= source_->size()) return std::nullopt;
  const std::optional<uint64_t> count = number_at(offset, head);
  if (!count || *count == 0 || *count > static_cast<uint64_t>(limits::exif_entries)) return std::nullopt;
  std::vector<uint8_t> bytes(static_cast<size_t>(*count) * entry + (big_ ? 8 : 4));
  bytes.resize(source_->read_at(offset + head, bytes));
  TiffDirectory result;
  const size_t whole = std::min(static_cast<size_t>(*count), bytes.size() / entry);
  for (size_t i = 0; i < whole; ++i) {
    const std::optional<TiffField> field = parse_field(&bytes[i * entry], offset + head + i * entry);
    if (field) result.fields.push_back(*field);
  }
  const size_t end = static_cast<size_t>(*count) * entry;
  const size_t word = big_ ? 8 : 4;
  if (bytes.size() == end + word) {
    result.next = parse(&bytes[end], word);
    result.next_link = offset + head + end;
  }
  return result;
}

std::vector<uint8_t> TiffStructure::value(const TiffField& field, uint64_t most) const {
  const size_t size = tiff_type_size(field.type);
  if (size == 0 || field.count > most / size) return {};
  std::vector<uint8_t> bytes(static_cast<size_t>(field.count) * size);
  if (source_->read_at(field.offset, bytes) != bytes.size()) return {};
  const size_t unit = swapped_unit(field.type);
  if (big_endian_ && unit > 1) {
    for (size_t i = 0; i < bytes.size(); i += unit) {
      std::reverse(bytes.begin() + static_cast<ptrdiff_t>(i),
                   bytes.begin() + static_cast<ptrdiff_t>(i + unit));
    }
  }
  return bytes;
}

std::optional<uint64_t> TiffStructure::number(const TiffField& field) const {
  switch (field.type) {
    case 1:
    case 3:
    case 4:
    case 13:
    case 16:
    case 18:
      return number_at(field.offset, tiff_type_size(field.type));
    default:
      return std::nullopt;
  }
}

std::vector<TiffPage> tiff_pages(const TiffStructure& structure, size_t most) {
  std::vector<TiffPage> pages;
  std::unordered_set<uint64_t> seen;
  uint64_t bytes = 0;  // honest directories do not overlap
  uint64_t at = structure.first_directory();
  while (pages.size() < most && bytes <= structure.source_size() && seen.insert(at).second) {
    const std::optional<TiffDirectory> directory = structure.directory(at);
    if (!directory) break;
    pages.push_back({at, page_kind(structure, *directory)});
    bytes += directory->next_link > at ? directory->next_link - at : 0;
    at = directory->next;
  }
  return pages;
}

}  // namespace esrgan
