// Files: read-only mappings, and outputs that appear whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace esrgan {

/// A whole file mapped read-only into memory. Throws Error when it cannot be opened.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  MappedFile(MappedFile&&) = delete;
  MappedFile& operator=(MappedFile&&) = delete;

  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

/// A name beside `target` to write to; commit() renames it over the target, and without commit() the
/// destructor removes it. The extension is kept, since image writers choose their format by it.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  AtomicFile(AtomicFile&&) = delete;
  AtomicFile& operator=(AtomicFile&&) = delete;

  const std::filesystem::path& temporary() const { return temporary_; }
  /// Flushes the written data to the device, then renames. Throws Error, the temporary file then goes.
  void commit();

 private:
  std::filesystem::path target_, temporary_;
  bool committed_ = false;
};

/// Writes `bytes` to `target` by way of an AtomicFile.
void write_file(const std::filesystem::path& target, std::span<const uint8_t> bytes);

}  // namespace esrgan
