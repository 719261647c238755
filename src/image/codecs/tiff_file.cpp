#include "image/codecs/tiff_file.h"

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <new>
#include <span>
#include <utility>

namespace esrgan {
namespace {

TiffFile& self_of(thandle_t self) {
  return *static_cast<TiffFile*>(self);
}

tmsize_t write_nothing(thandle_t, void*, tmsize_t) {
  return -1;
}
int close_nothing(thandle_t) {
  return 0;
}
toff_t size_of_source(thandle_t self) {
  return self_of(self).source().size();
}
int map_nothing(thandle_t, void**, toff_t*) {
  return 0;
}
void unmap_nothing(thandle_t, void*, toff_t) {}
int ignore(TIFF*, void*, const char*, const char*, va_list) {
  return 1;
}

/// Most that libtiff may ask for at once: tables of strips, compressed strips, and what its codecs unpack as
/// a whole.
tmsize_t largest_allocation(uint64_t file_size) {
  constexpr uint64_t most = uint64_t{1} << 46U;
  return static_cast<tmsize_t>((uint64_t{64} << 20U) + 1024 * std::min(file_size, most));
}

}  // namespace

TiffFile::TiffFile(std::shared_ptr<const ByteSource> source) : source_(std::move(source)) {
  const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(),
                                                                                 &TIFFOpenOptionsFree);
  if (!options) throw std::bad_alloc();
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), largest_allocation(source_->size()));
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), &on_error, this);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), &ignore, nullptr);
  // h: no directory yet; m: no mapping.
  handle_.reset(TIFFClientOpenExt(source_->name().c_str(), "rhm", this, &read, &write_nothing, &seek,
                                  &close_nothing, &size_of_source, &map_nothing, &unmap_nothing,
                                  options.get()));
  if (!handle_) fail();
}

void TiffFile::go_to(uint64_t directory) {
  complaint_.clear();
  if (TIFFSetSubDirectory(handle(), directory) != 1) fail();
  complaint_.clear();  // of tags that nobody needs
}

void TiffFile::fail() {
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
  refuse("this TIFF is damaged, or not as libtiff knows it", "", complaint_);
}

void TiffFile::refuse(const std::string& problem, const std::string& expected,
                      const std::string& found) const {
  throw Error(ErrorKind::bad_data, source_->name(), problem, expected, found);
}

tmsize_t TiffFile::read(thandle_t self, void* to, tmsize_t size) {
  TiffFile& file = self_of(self);
  if (size <= 0) return 0;
  // An exception would have to pass through libtiff's C code. A failure is told as an early end: libtiff 4.5
  // adds -1 to the count of bytes and clears memory from there.
  try {
    const size_t count = file.source_->read_at(
        file.position_, std::span(static_cast<uint8_t*>(to), static_cast<size_t>(size)));
    file.position_ += count;
    return static_cast<tmsize_t>(count);
  } catch (...) {
    if (!file.thrown_) file.thrown_ = std::current_exception();
    return 0;
  }
}

toff_t TiffFile::seek(thandle_t self, toff_t offset, int whence) {
  TiffFile& file = self_of(self);
  const uint64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file.position_ : file.source_->size();
  if (offset > std::numeric_limits<uint64_t>::max() - base) return static_cast<toff_t>(-1);
  file.position_ = base + offset;
  return file.position_;
}

int TiffFile::on_error(TIFF*, void* self, const char*, const char* format, va_list arguments) {
  TiffFile& file = *static_cast<TiffFile*>(self);
  std::array<char, 400> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  try {
    file.complaint_ = text.data();  // of several, the last is the one that libtiff could not bear
    const std::string prefix = file.source_->name() + ": ";
    if (!file.source_->name().empty() && file.complaint_.starts_with(prefix))
      file.complaint_.erase(0, prefix.size());
  } catch (const std::bad_alloc&) {
    file.complaint_.clear();
  }
  return 1;
}

}  // namespace esrgan
