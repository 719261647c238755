// Pictures as streams of rows, so that none needs to be in memory as a whole.
#pragma once

#include <esrgan/image.h>

#include <memory>
#include <string>
#include <vector>

namespace esrgan {

/// Rows of floats in [0, 1], channels interleaved.
class RowSource {
 public:
  RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;
  RowSource(RowSource&&) = delete;
  RowSource& operator=(RowSource&&) = delete;
  virtual ~RowSource() = default;

  virtual const ImageInfo& info() const = 0;
  /// Reads rows [begin, end) to `out`, info().row_samples() floats each.
  virtual void read(int begin, int end, float* out) = 0;
  /// Whether rows may be read in any order; otherwise each call must begin where the last one ended.
  virtual bool random_access() const = 0;
  /// Bytes held in memory.
  virtual size_t memory() const = 0;
};

/// Takes the rows of a picture from top to bottom.
class RowSink {
 public:
  RowSink() = default;
  RowSink(const RowSink&) = delete;
  RowSink& operator=(const RowSink&) = delete;
  RowSink(RowSink&&) = delete;
  RowSink& operator=(RowSink&&) = delete;
  virtual ~RowSink() = default;

  /// `count` rows of floats; values outside [0, 1] are clamped where the sample type is an integer.
  virtual void write(const float* rows, int count) = 0;
  /// All rows of the picture, in a vector that the sink may swap for another to save a copy.
  virtual void write_all(std::vector<float>& picture, int count) { write(picture.data(), count); }
  /// After the last row. Without it, what was written is discarded.
  virtual void finish() = 0;
};

/// Throws Error when the samples of a picture are not as many as its size and type say.
void check_samples(const Image& image);

/// Serves the rows of a picture in memory.
std::unique_ptr<RowSource> make_source(std::shared_ptr<const Image> image);

/// Fills `image`, whose info tells the size and type; `image` must outlive the sink.
std::unique_ptr<RowSink> make_sink(Image& image);

/// Colours that are stored under fully transparent pixels.
enum class HiddenColours {
  kept,
  bled  ///< taken from what is visible around, see bleed_colours()
};

/// The pictures of a file, one after the other.
class PictureReader {
 public:
  /// Reads the header of the first picture. "-" is standard input. `formats`: extensions of those that may be
  /// read; all when it is empty. Throws Error naming the file.
  explicit PictureReader(const std::string& path, const std::vector<std::string>& formats = {});
  ~PictureReader();
  PictureReader(const PictureReader&) = delete;
  PictureReader& operator=(const PictureReader&) = delete;
  PictureReader(PictureReader&&) = delete;
  PictureReader& operator=(PictureReader&&) = delete;

  /// Pages or frames in the file.
  int pictures() const;
  /// Bytes of the first picture as floats.
  uint64_t bytes_as_floats() const;

  /// The next picture for row-wise reading, null after the last. One whose rows do not come in order (an
  /// orientation to apply) or whose values must be known as a whole (floating point, alpha), or any one when
  /// `whole` is set, is read into memory first. Error when it takes more than `memory_limit` bytes. The
  /// source must be read before the next one is asked for. Remarks are logged here, or when the last row is
  /// read.
  std::unique_ptr<RowSource> next(bool whole, HiddenColours hidden, uint64_t memory_limit);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

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

/// The first picture of a file, with hidden colours bled.
std::unique_ptr<RowSource> open_image(const std::string& path, bool whole, uint64_t memory_limit);

/// Whether an extension ("png", with or without a dot, any case) names a format that can be written / read
/// here.
bool can_write(const std::string& extension);
bool can_read(const std::string& extension);

}  // namespace esrgan
