// Picture files, written row by row.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "image/rows.h"

namespace esrgan {

/// Writes a file with one picture or several; it appears when the last of them is finished.
class PictureWriter : public std::enable_shared_from_this<PictureWriter> {
 public:
  /// The format is told by the extension of `path`, or by the options. "-" is standard output. Throws Error
  /// when it cannot be written; a format that holds no more than one picture takes the first.
  static std::shared_ptr<PictureWriter> create(const std::string& path, const WriteOptions& options,
                                               int pictures = 1);
  virtual ~PictureWriter() = default;
  PictureWriter(const PictureWriter&) = delete;
  PictureWriter& operator=(const PictureWriter&) = delete;
  PictureWriter(PictureWriter&&) = delete;
  PictureWriter& operator=(PictureWriter&&) = delete;

  /// Pictures that will be written.
  virtual int pictures() const = 0;
  /// Takes a picture like `info`; before the one before it is finished, no other is begun. Throws Error when
  /// the format cannot hold such a picture; what it can hold only in another way is told as a remark.
  virtual std::unique_ptr<RowSink> picture(const ImageInfo& info) = 0;
  /// Bytes that writing a picture like that takes.
  virtual uint64_t memory(const ImageInfo& info) const = 0;

 protected:
  PictureWriter() = default;
};

/// Whether an extension ("png", with or without a dot, any case) names a format that can be written here.
bool can_write(const std::string& extension);

}  // namespace esrgan
