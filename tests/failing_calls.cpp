// Loaded before the C library (LD_PRELOAD): the call number $ESRGAN_FAIL_AT that writes to, flushes, closes
// or renames a regular file fails as on a full disk. The call number $ESRGAN_FAIL_READ_AT that reads a file
// whose name ends in $ESRGAN_FAIL_READ_OF, and all behind it, fail as on a drive that is gone: with an error,
// or with $ESRGAN_FAIL_READ_AS=END as if the file ended. When it comes to that call, the file $ESRGAN_FAILED
// is made.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

std::atomic<long> calls{0}, reads{0};

long number_in(const char* variable) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::atol(text) : 0;
}

void leave_sign() {
  if (const char* sign = std::getenv("ESRGAN_FAILED")) {
    const long file = syscall(SYS_openat, AT_FDCWD, sign, O_WRONLY | O_CREAT, 0644);
    if (file >= 0) syscall(SYS_close, file);
  }
}

bool fails() {
  static const long at = number_in("ESRGAN_FAIL_AT");
  if (at == 0 || ++calls != at) return false;
  leave_sign();
  errno = ENOSPC;
  return true;
}

/// Whether reading this file fails now.
bool reading_fails(int file) {
  static const long at = number_in("ESRGAN_FAIL_READ_AT");
  if (at == 0) return false;
  char link[64], name[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, name, sizeof name);
  const char* end = std::getenv("ESRGAN_FAIL_READ_OF");
  const auto wanted = static_cast<ssize_t>(end != nullptr ? std::strlen(end) : 0);
  if (length < wanted || std::memcmp(name + length - wanted, end, static_cast<size_t>(wanted)) != 0 ||
      ++reads < at)
    return false;
  leave_sign();
  errno = EIO;
  return true;
}

ssize_t failed_reading() {
  const char* how = std::getenv("ESRGAN_FAIL_READ_AS");
  return how != nullptr && std::strcmp(how, "END") == 0 ? 0 : -1;
}

/// Whether it is open for writing, and a file on a disk.
bool counts(int file) {
  struct stat status {};
  const int flags = fcntl(file, F_GETFL);
  return file > 2 && flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && fstat(file, &status) == 0 &&
         S_ISREG(status.st_mode) && status.st_nlink > 0;
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

ssize_t write(int file, const void* bytes, size_t count) {
  return counts(file) && fails() ? -1
                                 : next<ssize_t (*)(int, const void*, size_t)>("write")(file, bytes, count);
}
ssize_t pwrite(int file, const void* bytes, size_t count, off_t at) {
  return counts(file) && fails()
             ? -1
             : next<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite")(file, bytes, count, at);
}
ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t at) {
  return counts(file) && fails()
             ? -1
             : next<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64")(file, bytes, count, at);
}
ssize_t read(int file, void* to, size_t count) {
  return reading_fails(file) ? failed_reading()
                             : next<ssize_t (*)(int, void*, size_t)>("read")(file, to, count);
}
ssize_t pread(int file, void* to, size_t count, off_t at) {
  return reading_fails(file) ? failed_reading()
                             : next<ssize_t (*)(int, void*, size_t, off_t)>("pread")(file, to, count, at);
}
ssize_t pread64(int file, void* to, size_t count, off64_t at) {
  return reading_fails(file) ? failed_reading()
                             : next<ssize_t (*)(int, void*, size_t, off64_t)>("pread64")(file, to, count, at);
}
int fsync(int file) {
  return counts(file) && fails() ? -1 : next<int (*)(int)>("fsync")(file);
}
int close(int file) {
  const bool failing = counts(file) && fails();
  const int result = next<int (*)(int)>("close")(file);
  if (!failing) return result;
  errno = ENOSPC;
  return -1;
}
int rename(const char* from, const char* to) {
  return fails() ? -1 : next<int (*)(const char*, const char*)>("rename")(from, to);
}

}  // extern "C"
#pragma GCC visibility pop
