// Files: read-only mappings, and outputs that appear whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "base/bytes.h"
#include "base/platform_file.h"

namespace esrgan {

/// A whole file mapped read-only into memory. Throws Error when it cannot be opened.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);

  std::span<const uint8_t> bytes() const { return mapping_->bytes(); }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::optional<FileMapping> mapping_;
};

/// A file on the disk that is read a piece at a time. Throws Error when it cannot be opened; what is not a
/// regular file (a pipe) is refused, see read_standard_input_whole().
class InputFile : public ByteSource {
 public:
  explicit InputFile(const std::string& path);

  const std::string& name() const override { return name_; }
  uint64_t size() const override { return size_; }
  size_t read_at(uint64_t offset, std::span<uint8_t> to) const override { return file_.read_at(offset, to); }

 private:
  std::string name_;
  FileHandle file_;
  uint64_t size_ = 0;
};

/// What lies in a folder, as far as it can be listed; then `failure` is set. In no order.
std::vector<std::filesystem::path> paths_in(const std::filesystem::path& folder, std::error_code& failure);

/// All that comes from standard input, at most limits::piped_bytes.
std::shared_ptr<const ByteSource> read_standard_input_whole();

/// A file beside `target` to write to; commit() renames it over the target, and without commit() the
/// destructor removes it. Its name is short, whatever the target's; the extension is kept where it is short
/// too, since some writers choose their format by it. While it exists it is locked: what a process that was
/// killed left in a folder is not, and is removed by the next AtomicFile there. A target that is a link stays
/// one; a file that is replaced hands on its permissions.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  AtomicFile(AtomicFile&&) = delete;
  AtomicFile& operator=(AtomicFile&&) = delete;

  const std::filesystem::path& temporary() const { return temporary_; }
  /// The open file, to read and write.
  const FileHandle& file() const { return file_; }
  /// Flushes the written data to the device, then renames. Throws Error, the temporary file then goes.
  void commit();

 private:
  void create(const std::filesystem::path& folder);

  std::string name_;  // of the target, as it was given
  std::filesystem::path target_, temporary_;
  FileHandle file_;
  bool committed_ = false;
};

/// A file that appears whole or not at all, written piece by piece.
class OutputFile : public ByteSink {
 public:
  explicit OutputFile(const std::string& target);

  const std::string& name() const override { return name_; }
  uint64_t size() const override { return written_ + buffer_.size(); }
  void write(std::span<const uint8_t> bytes) override;
  void write_at(uint64_t offset, std::span<const uint8_t> bytes) override;
  size_t read_at(uint64_t offset, std::span<uint8_t> to) override;
  void commit();

 private:
  void flush();

  std::string name_;
  AtomicFile file_;
  std::vector<uint8_t> buffer_;  // not yet written
  uint64_t written_ = 0;
};

/// What is written goes to standard output at the end, when all is there.
class StandardOutput : public ByteSink {
 public:
  StandardOutput() : file_(FileHandle::nameless()) {}

  const std::string& name() const override { return name_; }
  uint64_t size() const override { return size_; }
  void write(std::span<const uint8_t> bytes) override { write_at(size_, bytes); }
  void write_at(uint64_t offset, std::span<const uint8_t> bytes) override;
  size_t read_at(uint64_t offset, std::span<uint8_t> to) override { return file_.read_at(offset, to); }
  /// Sends it off.
  void commit();

 private:
  std::string name_ = "standard output";
  FileHandle file_;
  uint64_t size_ = 0;
};

/// Writes `bytes` to `target` by way of an AtomicFile.
void write_file(const std::filesystem::path& target, std::span<const uint8_t> bytes);

}  // namespace esrgan
