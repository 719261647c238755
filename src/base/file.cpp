#include "base/file.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <random>
#include <set>
#include <system_error>
#include <utility>

#include "base/errors.h"
#include "base/limits.h"
#include "base/memory_source.h"

namespace esrgan {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view temporary_prefix = ".esrgan-part-";

/// Removes what killed processes left in a folder: files of ours that nobody has locked.
void sweep(const fs::path& folder) {
  static std::mutex mutex;
  static std::set<std::string> swept;  // once for each folder
  {
    const std::lock_guard lock(mutex);
    if (!swept.insert(folder.string()).second) return;
  }
  std::error_code failure;
  for (const fs::path& path : paths_in(folder, failure))
    if (path.filename().string().starts_with(temporary_prefix)) remove_unless_locked(path);
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

void require_content(const FileHandle& file, const std::string& name) {
  if (!file.is_regular()) throw Error(ErrorKind::io, name, "is not a regular file");
  if (file.size() == 0) throw Error(ErrorKind::bad_data, name, "is empty");
}

/// Where a link leads, since it is to stay one.
fs::path behind_links(const fs::path& path) {
  std::error_code failure;
  if (!fs::is_symlink(path, failure)) return path;
  const fs::path target = fs::weakly_canonical(path, failure);
  return failure ? path : target;
}

}  // namespace

std::vector<fs::path> paths_in(const fs::path& folder, std::error_code& failure) {
  std::vector<fs::path> paths;
  // A range-based loop would throw where a folder cannot be read to its end.
  for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end; entry.increment(failure))
    paths.push_back(entry->path());
  return paths;
}

MappedFile::MappedFile(const std::filesystem::path& path) : name_(path.string()) {
  const FileHandle file = FileHandle::open(path, name_);
  require_content(file, name_);
  mapping_.emplace(file);
}

InputFile::InputFile(const std::string& path) : name_(path), file_(FileHandle::open(path, path)) {
  require_content(file_, name_);
  size_ = file_.size();
}

std::shared_ptr<const ByteSource> read_standard_input_whole() {
  const std::string name = "standard input";
  std::vector<uint8_t> bytes;
  for (size_t had = 0;;) {
    bytes.resize(std::max<size_t>(1 << 16U, had * 2));
    const size_t got = read_standard_input(std::span(bytes).subspan(had));
    had += got;
    bytes.resize(had);
    if (got == 0) break;
    if (had > limits::piped_bytes)
      throw Error(ErrorKind::out_of_resources, name, "is too much for a pipe",
                  "at most " + std::to_string(limits::piped_bytes) + " bytes");
  }
  if (bytes.empty()) throw Error(ErrorKind::bad_data, name, "is empty");
  return std::make_shared<MemorySource>(std::move(bytes), name);
}

AtomicFile::AtomicFile(const std::filesystem::path& target)
    : name_(target.string()), target_(behind_links(target)) {
  const fs::path folder = folder_of(target_);
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    throw Error(ErrorKind::not_found, name_,
                "cannot be written: the folder " + folder.string() + " does not exist");
  if (fs::is_directory(target_, ignored))
    throw Error(ErrorKind::io, name_, "cannot be written: there is a folder of this name");
  sweep(folder);
  create(folder);
}

void AtomicFile::create(const std::filesystem::path& folder) {
  constexpr size_t short_extension = 16;
  std::string extension = target_.extension().string();
  if (extension.size() > short_extension) extension.clear();
  for (std::optional<FileHandle> created; !created;) {
    char tag[16];
    std::snprintf(tag, sizeof tag, "%08x", std::random_device{}());
    temporary_ = folder / (std::string(temporary_prefix) + tag + extension);
    created = FileHandle::create_locked(temporary_, name_);
    if (created) file_ = std::move(*created);
  }
  file_.take_permissions_of(target_);
}

AtomicFile::~AtomicFile() {
  std::error_code ignored;
  if (!committed_) fs::remove(temporary_, ignored);
}

void AtomicFile::commit() {
  file_.flush();
  file_.close();  // the lock goes with it
  std::error_code failure;
  fs::rename(temporary_, target_, failure);
  if (failure) throw file_error(name_, "cannot be written", failure.value());
  // The folder itself is not flushed: if the power fails now, the old state comes back, and nothing half.
  committed_ = true;
}

OutputFile::OutputFile(const std::string& target) : name_(target), file_(target) {}

void OutputFile::flush() {
  file_.file().write_at(written_, buffer_);
  written_ += buffer_.size();
  buffer_.clear();
}

void OutputFile::write(std::span<const uint8_t> bytes) {
  constexpr size_t piece = 1 << 18U;
  if (buffer_.size() + bytes.size() > piece) flush();
  if (bytes.size() >= piece) {
    file_.file().write_at(written_, bytes);
    written_ += bytes.size();
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
}

void OutputFile::write_at(uint64_t offset, std::span<const uint8_t> bytes) {
  if (offset == size()) return write(bytes);
  flush();
  file_.file().write_at(offset, bytes);
  written_ = std::max<uint64_t>(written_, offset + bytes.size());
}

size_t OutputFile::read_at(uint64_t offset, std::span<uint8_t> to) {
  flush();
  return file_.file().read_at(offset, to);
}

void OutputFile::commit() {
  flush();
  file_.commit();
}

void StandardOutput::write_at(uint64_t offset, std::span<const uint8_t> bytes) {
  file_.write_at(offset, bytes);
  size_ = std::max<uint64_t>(size_, offset + bytes.size());
}

void StandardOutput::commit() {
  std::vector<uint8_t> piece(1 << 18U);
  for (uint64_t at = 0; at < size_;) {
    const size_t count = file_.read_at(at, piece);
    if (count == 0) throw Error(ErrorKind::io, name_, "cannot be written: its temporary file was cut off");
    write_standard_output({piece.data(), count});
    at += count;
  }
}

void write_file(const std::filesystem::path& target, std::span<const uint8_t> bytes) {
  OutputFile output(target.string());
  output.write(bytes);
  output.commit();
}

}  // namespace esrgan
