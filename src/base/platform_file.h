// Files as the system has them. What the rest of the house makes of them is in file.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>

namespace esrgan {

/// An open file, closed at the end of its life. All functions throw Error naming the file as `name`, which
/// may be another than the path.
class FileHandle {
 public:
  FileHandle() = default;
  ~FileHandle();
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  FileHandle(FileHandle&& other) noexcept;
  FileHandle& operator=(FileHandle&& other) noexcept;

  /// To read. What is neither a file nor a pipe nor a device, a folder, is refused.
  static FileHandle open(const std::filesystem::path& path, std::string name);
  /// A new file to read and write, locked while it is open. Nothing where there is one of this path, or where
  /// another process has removed it as a forgotten one in the meantime: try another path.
  static std::optional<FileHandle> create_locked(const std::filesystem::path& path, std::string name);
  /// The file of this path, empty if it is new, locked while it is open. Nothing where another process, or
  /// another part of this one, has locked it.
  static std::optional<FileHandle> lock(const std::filesystem::path& path, std::string name);
  /// A file without a name to read and write, in the folder for temporary files.
  static FileHandle nameless();

  bool is_regular() const;
  uint64_t size() const;
  /// As much as is there, from `offset` on.
  size_t read_at(uint64_t offset, std::span<uint8_t> to) const;
  void write_at(uint64_t offset, std::span<const uint8_t> bytes) const;
  /// Those of `path`, where there is such a file.
  void take_permissions_of(const std::filesystem::path& path) const;
  /// To the device: what was written is there after a power cut.
  void flush() const;
  /// Tells of what could not be stored so far, as on network file systems.
  void close();

 private:
  FileHandle(int descriptor, std::string name);

  int descriptor_ = -1;
  std::string name_;

  friend class FileMapping;
};

/// A whole file mapped read-only into memory.
class FileMapping {
 public:
  explicit FileMapping(const FileHandle& file);
  ~FileMapping();
  FileMapping(const FileMapping&) = delete;
  FileMapping& operator=(const FileMapping&) = delete;
  FileMapping(FileMapping&&) = delete;
  FileMapping& operator=(FileMapping&&) = delete;

  std::span<const uint8_t> bytes() const { return bytes_; }

 private:
  std::span<const uint8_t> bytes_;
};

/// A text of the system's, to be read word by word: the same in every locale.
std::ifstream open_system_text(const std::filesystem::path& path);

/// Removes a file that no process has locked.
void remove_unless_locked(const std::filesystem::path& path);

/// What standard input has to give, at most to.size() bytes; 0 at its end.
size_t read_standard_input(std::span<uint8_t> to);
void write_standard_output(std::span<const uint8_t> bytes);

}  // namespace esrgan
