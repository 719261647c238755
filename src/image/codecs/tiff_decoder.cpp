#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "image/codecs/tiff.h"
#include "image/codecs/tiff_file.h"
#include "image/codecs/tiff_layout.h"
#include "image/codecs/tiff_metadata.h"
#include "image/codecs/tiff_pixels.h"
#include "image/codecs/tiff_rows.h"
#include "image/metadata/georeference.h"
#include "image/metadata/tiff_structure.h"

namespace esrgan {
namespace {

struct Pages {
  std::vector<uint64_t> directories;
  bool reduced = false;  ///< they are smaller copies of pictures that lie elsewhere
};

/// The directories that hold whole pictures; all of them when none says that it does.
Pages find_pages(const TiffFile& file) {
  constexpr uint64_t reduced_or_mask = 1 | 4;
  constexpr uint16_t further_directories = 330;
  const std::optional<TiffStructure> structure = TiffStructure::open(file.source());
  if (!structure) return {};
  std::vector<uint64_t> all, whole;
  for (const TiffPage& page : tiff_pages(*structure, limits::pictures_in_file)) {
    all.push_back(page.offset);
    if ((page.kind & reduced_or_mask) == 0) whole.push_back(page.offset);
  }
  if (!whole.empty() || all.empty()) return {whole, false};
  const std::optional<TiffDirectory> first = structure->directory(all[0]);
  if (first && first->find(further_directories) != nullptr) {
    file.refuse("this seems to be a camera's raw file, of which only a small copy could be read");
  }
  return {all, true};
}

class TiffDecoder final : public Decoder {
 public:
  explicit TiffDecoder(std::shared_ptr<const ByteSource> source)
      : file_(std::move(source)), pages_(find_pages(file_)) {
    if (pages_.directories.empty()) file_.refuse("there is no picture in this TIFF");
    open_page();
  }

  const StoredPicture& picture() const override { return picture_; }
  uint64_t memory() const override { return rows_->memory() + pixels_->memory(); }

  void read(int count, std::byte* rows) override {
    for (int i = 0; i < count; ++i, ++y_, rows += picture_.row_bytes()) read_row(rows);
  }

  int pictures() const override { return static_cast<int>(pages_.directories.size()); }
  void next() override {
    ++page_;
    open_page();
  }

 private:
  void open_page() {
    rows_.reset();
    picture_ = {};
    y_ = 0;
    std::optional<double> no_data;
    const std::shared_ptr<ImageMetadata> metadata =
        read_tiff_metadata(file_.source(), pages_.directories.at(page_), no_data);
    file_.go_to(pages_.directories[page_]);
    layout_ = read_tiff_layout(file_);
    if (pages_.reduced)
      picture_.remarks.emplace_back("the file calls this a reduced copy of another picture");
    pixels_.emplace(file_, layout_, *metadata, picture_);
    rows_ = tiff_rows(file_, layout_, pixels_->channels());
    if (pixels_->converts_colours()) metadata->icc.clear();
    picture_.width = static_cast<int>(layout_.width);
    picture_.height = static_cast<int>(layout_.height);
    const int orientation = file_.tag<uint16_t>(TIFFTAG_ORIENTATION, 1);
    picture_.orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
    picture_.metadata = metadata;
    if (pixels_->keeps_numbers())
      set_no_data(no_data);
    else
      drop_gdal_no_data(metadata->exif);
  }

  /// Floats that are no number are no measurement in any case.
  void set_no_data(std::optional<double> number) {
    const bool floats = picture_.type == SampleType::f32 || picture_.type == SampleType::f16;
    if (number && !std::isnan(*number)) {
      const double value = floats ? static_cast<float>(*number) : *number;
      picture_.no_data = {value, value, value};
    } else if (floats && (number || picture_.metadata->georeferenced)) {
      picture_.no_data.emplace().value = std::numeric_limits<double>::quiet_NaN();
    }
  }

  void read_row(std::byte* to) {
    if (pixels_->plain()) {
      rows_->copy_row(y_, to);
      return;
    }
    packed_.clear();
    const size_t planes = layout_.planar && !layout_.as_rgba ? pixels_->channels().size() : 1;
    for (size_t plane = 0; plane < planes; ++plane) packed_.push_back(rows_->row(y_, plane));
    pixels_->convert(packed_, to);
  }

  TiffFile file_;
  Pages pages_;
  size_t page_ = 0;
  StoredPicture picture_;
  TiffLayout layout_;
  std::optional<TiffPixels> pixels_;
  std::unique_ptr<TiffRows> rows_;
  int64_t y_ = 0;
  std::vector<const std::byte*> packed_;
};

}  // namespace

bool looks_like_tiff(std::span<const uint8_t> head) {
  constexpr std::array<std::array<uint8_t, 4>, 4> beginnings = {
      {{'I', 'I', 42, 0}, {'M', 'M', 0, 42}, {'I', 'I', 43, 0}, {'M', 'M', 0, 43}}};
  for (const auto& beginning : beginnings) {
    if (head.size() >= beginning.size() &&
        std::memcmp(head.data(), beginning.data(), beginning.size()) == 0) {
      return true;
    }
  }
  return false;
}

std::unique_ptr<Decoder> open_tiff(std::shared_ptr<const ByteSource> source) {
  return std::make_unique<TiffDecoder>(std::move(source));
}

}  // namespace esrgan
