#include "base/platform_file.h"

#include <esrgan/error.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <locale>
#include <system_error>
#include <utility>

#include "base/errors.h"

namespace esrgan {
namespace {

namespace fs = std::filesystem;

/// Calls again what a signal has interrupted.
template <typename Call>
auto uninterrupted(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

struct stat status_of(int descriptor, const std::string& name) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) throw file_error(name, "cannot be read", errno);
  return status;
}

}  // namespace

FileHandle::FileHandle(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}

FileHandle::~FileHandle() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileHandle::FileHandle(FileHandle&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), name_(std::move(other.name_)) {}

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(name_, other.name_);
  return *this;
}

FileHandle FileHandle::open(const fs::path& path, std::string name) {
  FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC), std::move(name));
  if (file.descriptor_ < 0) throw file_error(file.name_, "cannot be opened", errno);
  if (S_ISDIR(status_of(file.descriptor_, file.name_).st_mode))
    throw Error(ErrorKind::io, file.name_, "is a folder");
  return file;
}

std::optional<FileHandle> FileHandle::create_locked(const fs::path& path, std::string name) {
  FileHandle file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666), std::move(name));
  if (file.descriptor_ < 0 && errno == EEXIST) return std::nullopt;
  if (file.descriptor_ < 0) throw file_error(file.name_, "cannot be written", errno);
  // Another process may have removed it before it was locked. Where there are no locks, nobody removes.
  if (::flock(file.descriptor_, LOCK_EX) == 0 && status_of(file.descriptor_, file.name_).st_nlink == 0)
    return std::nullopt;
  return file;
}

std::optional<FileHandle> FileHandle::lock(const fs::path& path, std::string name) {
  FileHandle file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666), std::move(name));
  if (file.descriptor_ < 0) throw file_error(file.name_, "cannot be written", errno);
  if (::flock(file.descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return std::nullopt;
  return file;
}

FileHandle FileHandle::nameless() {
  std::error_code ignored;
  const fs::path folder = fs::temp_directory_path(ignored);
  std::string pattern = (folder.empty() ? fs::path("/tmp") : folder) / "esrgan-XXXXXX";
  FileHandle file(::mkostemp(pattern.data(), O_CLOEXEC), pattern);
  if (file.descriptor_ < 0) throw file_error(pattern, "cannot be written", errno);
  ::unlink(pattern.c_str());
  return file;
}

bool FileHandle::is_regular() const {
  return S_ISREG(status_of(descriptor_, name_).st_mode);
}

uint64_t FileHandle::size() const {
  return static_cast<uint64_t>(status_of(descriptor_, name_).st_size);
}

size_t FileHandle::read_at(uint64_t offset, std::span<uint8_t> to) const {
  size_t done = 0;
  while (done < to.size()) {
    const ssize_t got = uninterrupted([&] {
      return ::pread(descriptor_, to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
    });
    if (got < 0) throw file_error(name_, "cannot be read", errno);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

void FileHandle::write_at(uint64_t offset, std::span<const uint8_t> bytes) const {
  while (!bytes.empty()) {
    const ssize_t done = uninterrupted(
        [&] { return ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (done < 0) throw file_error(name_, "cannot be written", errno);
    offset += static_cast<uint64_t>(done);
    bytes = bytes.subspan(static_cast<size_t>(done));
  }
}

void FileHandle::take_permissions_of(const fs::path& path) const {
  struct stat other {};
  if (::stat(path.c_str(), &other) == 0) ::fchmod(descriptor_, other.st_mode & 07777U);
}

void FileHandle::flush() const {
  if (::fsync(descriptor_) != 0) throw file_error(name_, "cannot be written", errno);
}

void FileHandle::close() {
  if (::close(std::exchange(descriptor_, -1)) != 0) throw file_error(name_, "cannot be written", errno);
}

FileMapping::FileMapping(const FileHandle& file) {
  const auto size = static_cast<size_t>(file.size());
  void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.descriptor_, 0);
  if (mapped == MAP_FAILED) throw file_error(file.name_, "cannot be mapped", errno);
  bytes_ = {static_cast<const uint8_t*>(mapped), size};
}

FileMapping::~FileMapping() {
  ::munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
}

std::ifstream open_system_text(const fs::path& path) {
  std::ifstream file(path);
  file.imbue(std::locale::classic());
  return file;
}

void remove_unless_locked(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return;
  if (::flock(file, LOCK_EX | LOCK_NB) == 0) ::unlink(path.c_str());
  ::close(file);
}

size_t read_standard_input(std::span<uint8_t> to) {
  const ssize_t got = uninterrupted([&] { return ::read(STDIN_FILENO, to.data(), to.size()); });
  if (got < 0) throw file_error("standard input", "cannot be read", errno);
  return static_cast<size_t>(got);
}

void write_standard_output(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = uninterrupted([&] { return ::write(STDOUT_FILENO, bytes.data(), bytes.size()); });
    if (done < 0) throw file_error("standard output", "cannot be written", errno);
    bytes = bytes.subspan(static_cast<size_t>(done));
  }
}

}  // namespace esrgan
