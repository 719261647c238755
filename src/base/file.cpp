#include "base/file.h"

#include <esrgan/error.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
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

[[noreturn]] void fail_to_write(const std::string& name, int code) {
  throw file_error(name, "cannot be written", code);
}

/// As much as is there, from `offset` on.
size_t read_pieces(int file, const std::string& name, uint64_t offset, std::span<uint8_t> to) {
  size_t done = 0;
  while (done < to.size()) {
    const ssize_t got = ::pread(file, to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw file_error(name, "cannot be read", errno);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

void write_pieces(int file, const std::string& name, uint64_t offset, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail_to_write(name, errno);
    offset += static_cast<uint64_t>(done);
    bytes = bytes.subspan(static_cast<size_t>(done));
  }
}

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
  for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    if (!entry->path().filename().string().starts_with(temporary_prefix)) continue;
    const Descriptor file(::open(entry->path().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (file.get() >= 0 && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) ::unlink(entry->path().c_str());
  }
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// Where a link leads, since it is to stay one.
fs::path behind_links(const fs::path& path) {
  std::error_code failure;
  if (!fs::is_symlink(path, failure)) return path;
  const fs::path target = fs::weakly_canonical(path, failure);
  return failure ? path : target;
}

}  // namespace

Descriptor::~Descriptor() {
  if (value_ >= 0) ::close(value_);
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(value_, other.value_);
  return *this;
}

MappedFile::MappedFile(const std::filesystem::path& path) : name_(path.string()) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw file_error(name_, "cannot be opened", errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw file_error(name_, "cannot be read", errno);
  if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::io, name_, "is not a regular file");
  size_ = static_cast<size_t>(status.st_size);
  if (size_ == 0) throw Error(ErrorKind::bad_data, name_, "is empty");
  void* mapping = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapping == MAP_FAILED) throw file_error(name_, "cannot be mapped", errno);
  data_ = static_cast<const uint8_t*>(mapping);
}

MappedFile::~MappedFile() {
  ::munmap(const_cast<uint8_t*>(data_), size_);
}

InputFile::InputFile(const std::string& path)
    : name_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (file_.get() < 0) throw file_error(name_, "cannot be opened", errno);
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) throw file_error(name_, "cannot be read", errno);
  if (S_ISDIR(status.st_mode)) throw Error(ErrorKind::io, name_, "is a folder");
  if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::io, name_, "is not a regular file");
  size_ = static_cast<uint64_t>(status.st_size);
  if (size_ == 0) throw Error(ErrorKind::bad_data, name_, "is empty");
}

size_t InputFile::read_at(uint64_t offset, std::span<uint8_t> to) const {
  return read_pieces(file_.get(), name_, offset, to);
}

std::shared_ptr<const ByteSource> read_stream(int descriptor, const std::string& name) {
  std::vector<uint8_t> bytes;
  for (;;) {
    const size_t had = bytes.size();
    bytes.resize(std::max<size_t>(1 << 16U, had * 2));
    const ssize_t got = ::read(descriptor, bytes.data() + had, bytes.size() - had);
    const int code = errno;
    bytes.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && code == EINTR) continue;
    if (got < 0) throw file_error(name, "cannot be read", code);
    if (got == 0) break;
    if (bytes.size() > limits::piped_bytes)
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
  for (;;) {
    char tag[16];
    std::snprintf(tag, sizeof tag, "%08x", std::random_device{}());
    temporary_ = folder / (std::string(temporary_prefix) + tag + extension);
    file_ = Descriptor(::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (file_.get() < 0 && errno == EEXIST) continue;
    if (file_.get() < 0) fail_to_write(name_, errno);
    // Another process may have taken the file for a forgotten one before it was locked. Where there are no
    // locks, nothing is swept either.
    struct stat status {};
    if (::flock(file_.get(), LOCK_EX) != 0 || ::fstat(file_.get(), &status) != 0 || status.st_nlink > 0)
      break;
  }
  struct stat replaced {};
  if (::stat(target_.c_str(), &replaced) == 0) ::fchmod(file_.get(), replaced.st_mode & 07777U);
}

AtomicFile::~AtomicFile() {
  if (!committed_) ::unlink(temporary_.c_str());
}

void AtomicFile::commit() {
  if (::fsync(file_.get()) != 0) fail_to_write(name_, errno);
  // What a network file system could not store is told by close() at the latest; the lock goes with it.
  if (::close(file_.release()) != 0) fail_to_write(name_, errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail_to_write(name_, errno);
  // The folder itself is not flushed: if the power fails now, the old state comes back, and nothing half.
  committed_ = true;
}

OutputFile::OutputFile(const std::string& target) : name_(target), file_(target) {}

void OutputFile::flush() {
  write_pieces(file_.descriptor(), name_, written_, buffer_);
  written_ += buffer_.size();
  buffer_.clear();
}

void OutputFile::write(std::span<const uint8_t> bytes) {
  constexpr size_t piece = 1 << 18U;
  if (buffer_.size() + bytes.size() > piece) flush();
  if (bytes.size() >= piece) {
    write_pieces(file_.descriptor(), name_, written_, bytes);
    written_ += bytes.size();
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
}

void OutputFile::write_at(uint64_t offset, std::span<const uint8_t> bytes) {
  if (offset == size()) return write(bytes);
  flush();
  write_pieces(file_.descriptor(), name_, offset, bytes);
  written_ = std::max<uint64_t>(written_, offset + bytes.size());
}

size_t OutputFile::read_at(uint64_t offset, std::span<uint8_t> to) {
  flush();
  return read_pieces(file_.descriptor(), name_, offset, to);
}

void OutputFile::commit() {
  flush();
  file_.commit();
}

OutputStream::OutputStream(int descriptor, std::string name)
    : name_(std::move(name)), descriptor_(descriptor) {
  std::error_code ignored;
  fs::path folder = fs::temp_directory_path(ignored);
  std::string pattern = (folder.empty() ? fs::path("/tmp") : folder) / "esrgan-XXXXXX";
  file_ = Descriptor(::mkostemp(pattern.data(), O_CLOEXEC));
  if (file_.get() < 0) throw file_error(pattern, "cannot be written", errno);
  ::unlink(pattern.c_str());
}

void OutputStream::write_at(uint64_t offset, std::span<const uint8_t> bytes) {
  write_pieces(file_.get(), name_, offset, bytes);
  size_ = std::max<uint64_t>(size_, offset + bytes.size());
}

size_t OutputStream::read_at(uint64_t offset, std::span<uint8_t> to) {
  return read_pieces(file_.get(), name_, offset, to);
}

void OutputStream::commit() {
  std::vector<uint8_t> piece(1 << 18U);
  for (uint64_t at = 0; at < size_;) {
    const size_t count = read_pieces(file_.get(), name_, at, piece);
    if (count == 0) throw Error(ErrorKind::io, name_, "cannot be written: its temporary file was cut off");
    at += count;
    for (std::span<const uint8_t> left(piece.data(), count); !left.empty();) {
      const ssize_t done = ::write(descriptor_, left.data(), left.size());
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) fail_to_write(name_, errno);
      left = left.subspan(static_cast<size_t>(done));
    }
  }
}

void write_file(const std::filesystem::path& target, std::span<const uint8_t> bytes) {
  OutputFile output(target.string());
  output.write(bytes);
  output.commit();
}

}  // namespace esrgan
