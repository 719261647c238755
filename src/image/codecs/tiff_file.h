// libtiff's handle on a source, with errors of its own instead of the process's handlers.
#pragma once

#include <tiffio.h>

#include <cstdarg>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>

#include "base/bytes.h"

namespace esrgan {

class TiffFile {
 public:
  explicit TiffFile(std::shared_ptr<const ByteSource> source);

  TIFF* handle() const { return handle_.get(); }
  const ByteSource& source() const { return *source_; }
  /// Reads the directory at that place.
  void go_to(uint64_t directory);
  /// After a call of libtiff that failed: throws what the source threw, or what libtiff complained about.
  [[noreturn]] void fail();
  /// Throws Error for a file that says what cannot be.
  [[noreturn]] void refuse(const std::string& problem, const std::string& expected = {},
                           const std::string& found = {}) const;

  /// A tag with one value; `otherwise` when the directory lacks it.
  template <typename T>
  T tag(uint32_t number, T otherwise) const {
    T value{};
    return TIFFGetFieldDefaulted(handle(), number, &value) == 1 ? value : otherwise;
  }

 private:
  struct Close {
    void operator()(TIFF* handle) const { TIFFClose(handle); }
  };
  static tmsize_t read(thandle_t self, void* to, tmsize_t size);
  static toff_t seek(thandle_t self, toff_t offset, int whence);
  static int on_error(TIFF* handle, void* self, const char* module, const char* format, va_list arguments);

  std::shared_ptr<const ByteSource> source_;
  uint64_t position_ = 0;
  std::string complaint_;
  std::exception_ptr thrown_;
  std::unique_ptr<TIFF, Close> handle_;  // last: it uses the others while it closes
};

}  // namespace esrgan
