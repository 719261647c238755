#include "base/file.h"

#include <esrgan/error.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <system_error>
#include <utility>

namespace esrgan {
namespace {

std::string system_message(int code) {
  return std::generic_category().message(code);
}

/// Closes a file descriptor at the end of the scope.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : name_(path.string()) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw Error(name_, "cannot be opened: " + system_message(errno));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw Error(name_, "cannot be read: " + system_message(errno));
  if (!S_ISREG(status.st_mode)) throw Error(name_, "is not a regular file");
  size_ = static_cast<size_t>(status.st_size);
  if (size_ == 0) throw Error(name_, "is empty");
  void* mapping = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapping == MAP_FAILED) throw Error(name_, "cannot be mapped: " + system_message(errno));
  data_ = static_cast<const uint8_t*>(mapping);
}

MappedFile::~MappedFile() {
  ::munmap(const_cast<uint8_t*>(data_), size_);
}

AtomicFile::AtomicFile(std::filesystem::path target) : target_(std::move(target)) {
  const std::filesystem::path folder = target_.has_parent_path() ? target_.parent_path() : ".";
  if (!std::filesystem::is_directory(folder))
    throw Error(target_.string(), "cannot be written: the folder " + folder.string() + " does not exist");
  // In containers and on other hosts the same process numbers write to the same folder.
  char tag[40];
  std::snprintf(tag, sizeof tag, ".part-%ld-%08x", static_cast<long>(::getpid()), std::random_device{}());
  const std::string name = "." + target_.stem().string() + tag;
  temporary_ = folder / (name + target_.extension().string());
}

AtomicFile::~AtomicFile() {
  std::error_code ignored;
  if (!committed_) std::filesystem::remove(temporary_, ignored);
}

void AtomicFile::commit() {
  const Descriptor file(::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 || ::fsync(file.get()) != 0)
    throw Error(target_.string(), "cannot be written: " + system_message(errno));
  std::error_code failure;
  std::filesystem::rename(temporary_, target_, failure);
  if (failure) throw Error(target_.string(), "cannot be written: " + failure.message());
  committed_ = true;
}

void write_file(const std::filesystem::path& target, std::span<const uint8_t> bytes) {
  AtomicFile output(target);
  {
    const Descriptor file(::open(output.temporary().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (file.get() < 0) throw Error(target.string(), "cannot be written: " + system_message(errno));
    while (!bytes.empty()) {
      const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw Error(target.string(), "cannot be written: " + system_message(errno));
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
  }
  output.commit();
}

}  // namespace esrgan
