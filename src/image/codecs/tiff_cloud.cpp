#include "image/codecs/tiff_cloud.h"

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <vector>

#include "base/file.h"
#include "base/thread_pool.h"
#include "image/codecs/stored_value.h"
#include "image/codecs/tiff_entries.h"
#include "image/codecs/tiff_metadata.h"
#include "image/codecs/tiff_strips.h"
#include "image/metadata/georeference.h"

namespace esrgan {
namespace {

constexpr int side = 256;  // of a tile

/// Tiles until their places in the file are known.
class Spool {
 public:
  explicit Spool(const std::string& target) {
    if (std::filesystem::path(target).has_extension())
      beside_.emplace(target);
    else
      nameless_ = FileHandle::nameless();
  }

  uint64_t add(std::span<const uint8_t> bytes) {
    file().write_at(size_, bytes);
    size_ += bytes.size();
    return size_ - bytes.size();
  }
  void copy(uint64_t offset, uint64_t count, ByteSink& to) {
    buffer_.resize(static_cast<size_t>(count));
    if (file().read_at(offset, buffer_) < buffer_.size())
      throw Error(ErrorKind::io, to.name(), "tiles that were written cannot be read again");
    to.write(buffer_);
  }

 private:
  const FileHandle& file() const { return beside_ ? beside_->file() : nameless_; }

  std::optional<AtomicFile> beside_;
  FileHandle nameless_;
  uint64_t size_ = 0;
  std::vector<uint8_t> buffer_;
};

/// Where a tile lies in the spool.
struct Tile {
  uint64_t offset, size;
};

/// The picture, or a smaller copy.
struct Level {
  int width, height;
  int received = 0;              // rows
  std::vector<std::byte> rows;   // of the tiles that are being filled
  std::vector<std::byte> above;  // the row that waits for the one below it, to be reduced with it
  std::vector<Tile> tiles = {};
};

class CloudEncoder final : public Encoder {
 public:
  CloudEncoder(ByteSink& sink, const EncodeOptions& options)
      : sink_(sink), options_(options), pool_(std::max(options.threads, 1)) {
    if (options.pictures > 1)
      throw Error(ErrorKind::unsupported, sink.name(), "pictures in a cloud-optimised TIFF", "one",
                  std::to_string(options.pictures));
  }

  void begin(const StoredPicture& picture) override {
    picture_ = picture;
    pixel_ = static_cast<size_t>(picture.channels) * size_of(picture.type);
    format_ = {static_cast<size_t>(side) * static_cast<size_t>(picture.channels),
               static_cast<size_t>(picture.channels), picture.type, tiff_deflate_level(options_)};
    int width = picture.width, height = picture.height;
    levels_.push_back({width, height, 0, {}, {}});
    while (std::max(width, height) > side) {
      width = (width + 1) / 2;
      height = (height + 1) / 2;
      levels_.push_back({width, height, 0, {}, {}});
    }
    spool_.emplace(sink_.name());
  }

  void write(const std::byte* rows, int count) override {
    for (int y = 0; y < count; ++y) take(0, rows + static_cast<size_t>(y) * picture_.row_bytes());
  }

  void end() override {
    uint64_t tiles = 0;
    for (const Level& level : levels_)
      for (const Tile& tile : level.tiles) tiles += tile.size;
    const bool big = asks_for_big_tiff(options_) || head_size(false) + tiles > UINT32_MAX;
    write_head(big);
    for (size_t number = levels_.size(); number-- > 0;)
      for (const Tile& tile : levels_[number].tiles) spool_->copy(tile.offset, tile.size, sink_);
    spool_.reset();
  }

  void finish() override {}

  uint64_t memory(const StoredPicture& picture) const override {
    const auto width = static_cast<uint64_t>(picture.width), height = static_cast<uint64_t>(picture.height);
    const uint64_t pixel = static_cast<uint64_t>(picture.channels) * size_of(picture.type);
    // Rows of all levels together are twice the picture's.
    const uint64_t rows = 2 * side * width * pixel, tile = uint64_t{side} * side * pixel;
    const uint64_t places =
        2 * (width / side + 1) * (height / side + 1) * (sizeof(Tile) + 4 * sizeof(uint64_t));
    return rows + static_cast<uint64_t>(std::max(options_.threads, 1)) * 3 * tile +
           3 * tiff_metadata_bytes(picture) + places;
  }

 private:
  struct Job {
    std::vector<std::byte> tile, differences;
    std::vector<uint8_t> compressed;
  };

  static uint64_t header_size(bool big) { return big ? 16 : 8; }

  void take(size_t number, const std::byte* row) {
    Level& level = levels_[number];
    const size_t bytes = static_cast<size_t>(level.width) * pixel_;
    level.rows.insert(level.rows.end(), row, row + bytes);
    ++level.received;
    const bool last = level.received == level.height;
    if (level.received % side == 0 || last) write_tiles(level);
    if (number + 1 == levels_.size()) return;
    if (level.above.empty() && !last) {
      level.above.assign(row, row + bytes);
      return;
    }
    // An odd row is reduced with itself.
    const std::byte* const above = level.above.empty() ? row : level.above.data();
    const std::vector<std::byte> reduced = reduce(above, row, level.width);
    level.above.clear();
    take(number + 1, reduced.data());
  }

  /// The means of two by two pixels; of measurements alone, and of colours by their opacity.
  std::vector<std::byte> reduce(const std::byte* above, const std::byte* below, int width) const {
    const auto channels = static_cast<size_t>(picture_.channels), sample = size_of(picture_.type);
    const bool alpha = picture_.alpha != Alpha::none;
    const int half = (width + 1) / 2;
    std::vector<std::byte> row(static_cast<size_t>(half) * pixel_);
    for (int x = 0; x < half; ++x) {
      const std::array<const std::byte*, 4> pixels{
          above + static_cast<size_t>(2 * x) * pixel_, below + static_cast<size_t>(2 * x) * pixel_,
          above + static_cast<size_t>(std::min(2 * x + 1, width - 1)) * pixel_,
          below + static_cast<size_t>(std::min(2 * x + 1, width - 1)) * pixel_};
      for (size_t c = 0; c < channels; ++c) {
        double sum = 0, weights = 0;
        for (const std::byte* const pixel : pixels) {
          const double value = stored_value(pixel + c * sample, picture_.type);
          if (picture_.no_data && picture_.no_data->contains(value)) continue;
          const bool weighs = alpha && c + 1 < channels;
          const double weight = weighs ? stored_value(pixel + (channels - 1) * sample, picture_.type) : 1;
          sum += weight * value;
          weights += weight;
        }
        std::byte* const to = row.data() + static_cast<size_t>(x) * pixel_ + c * sample;
        if (weights > 0)
          store_measured(sum / weights, to);
        else
          std::copy_n(pixels[0] + c * sample, sample, to);  // a gap, or a colour that nobody sees
      }
    }
    return row;
  }

  /// As a number that is not taken for a gap.
  void store_measured(double value, std::byte* to) const {
    store_value(value, picture_.type, to);
    if (!picture_.no_data) return;
    const NoData& none = *picture_.no_data;
    for (const double beside : {none.least - 1, none.most + 1})
      if (none.contains(stored_value(to, picture_.type))) store_value(beside, picture_.type, to);
  }

  /// The rows that are there; beyond the picture's ends, tiles repeat its last pixels.
  void write_tiles(Level& level) {
    const size_t bytes = static_cast<size_t>(level.width) * pixel_;
    const auto count = static_cast<int>(level.rows.size() / bytes);
    const auto across = static_cast<size_t>((level.width + side - 1) / side);
    const auto threads = static_cast<size_t>(std::max(options_.threads, 1));
    jobs_.resize(threads);
    for (size_t first = 0; first < across; first += threads) {
      const size_t some = std::min(threads, across - first);
      pool_.parallel_for(some, [&](size_t i, int) {
        Job& job = jobs_[i];
        const int left = static_cast<int>(first + i) * side, inside = std::min(side, level.width - left);
        job.tile.resize(static_cast<size_t>(side) * side * pixel_);
        for (int y = 0; y < side; ++y) {
          std::byte* const to = job.tile.data() + static_cast<size_t>(y) * side * pixel_;
          const std::byte* const from = level.rows.data() +
                                        static_cast<size_t>(std::min(y, count - 1)) * bytes +
                                        static_cast<size_t>(left) * pixel_;
          std::copy_n(from, static_cast<size_t>(inside) * pixel_, to);
          for (int x = inside; x < side; ++x)
            std::copy_n(from + static_cast<size_t>(inside - 1) * pixel_, pixel_,
                        to + static_cast<size_t>(x) * pixel_);
        }
        compress_tiff_strip(format_, job.tile, job.differences, job.compressed);
      });
      for (size_t i = 0; i < some; ++i)
        level.tiles.push_back({spool_->add(jobs_[i].compressed), jobs_[i].compressed.size()});
    }
    level.rows.clear();
  }

  /// Of the picture and of each copy, for tiles that begin at `tiles`.
  std::vector<std::vector<uint8_t>> directories(bool big, uint64_t tiles) const {
    // The smallest copy's tiles come first.
    std::vector<std::vector<uint64_t>> offsets(levels_.size());
    for (size_t number = levels_.size(); number-- > 0;)
      for (const Tile& tile : levels_[number].tiles) {
        offsets[number].push_back(tiles);
        tiles += tile.size;
      }
    const ExifTree described = tiff_description(picture_);
    std::vector<std::vector<uint8_t>> laid_out;
    uint64_t at = header_size(big);
    for (size_t number = 0; number < levels_.size(); ++number) {
      ExifTree tree;
      if (number == 0) {
        tree = described;
        describe_derivation(tree.image, picture_, options_.derivation);
      } else {
        set_entry(tree.image, tiff_longs(254, {1}));
        if (const ExifEntry* const gap = find_entry(described.image, gdal_no_data_tag))
          set_entry(tree.image, *gap);
      }
      for (ExifEntry& entry : structure(levels_[number], offsets[number], big))
        set_entry(tree.image, std::move(entry));
      laid_out.push_back(lay_out_tree(tree, at, big));
      laid_out.back().resize((laid_out.back().size() + 1) / 2 * 2);  // each begins at an even place
      at += laid_out.back().size();
    }
    return laid_out;
  }

  std::vector<ExifEntry> structure(const Level& level, const std::vector<uint64_t>& offsets, bool big) const {
    std::vector<ExifEntry> entries =
        tiff_sample_entries(picture_, level.width, level.height, format_.predictor());
    std::vector<uint64_t> sizes;
    for (const Tile& tile : level.tiles) sizes.push_back(tile.size);
    entries.push_back(tiff_shorts(322, {side}));
    entries.push_back(tiff_shorts(323, {side}));
    entries.push_back(tiff_places(324, offsets, big));
    entries.push_back(tiff_places(325, sizes, big));
    return entries;
  }

  /// Of the header and all directories, whose sizes do not depend on where the tiles are.
  uint64_t head_size(bool big) const {
    uint64_t size = header_size(big);
    for (const auto& directory : directories(big, 0)) size += directory.size();
    return size;
  }

  void write_head(bool big) {
    std::vector<std::vector<uint8_t>> written = directories(big, head_size(big));
    if (big)
      sink_.write(std::array<uint8_t, 16>{'I', 'I', 43, 0, 8, 0, 0, 0, 16});
    else
      sink_.write(std::array<uint8_t, 8>{'I', 'I', 42, 0, 8});
    uint64_t at = header_size(big);
    for (size_t number = 0; number < written.size(); ++number) {
      std::vector<uint8_t>& directory = written[number];
      at += directory.size();
      const uint64_t next = number + 1 < written.size() ? at : 0;
      const size_t link = directory_link(directory, big);
      for (size_t i = 0; i < (big ? 8U : 4U); ++i)
        directory[link + i] = static_cast<uint8_t>(next >> (8 * i));
      sink_.write(directory);
    }
  }

  ByteSink& sink_;
  EncodeOptions options_;
  ThreadPool pool_;
  StoredPicture picture_;
  size_t pixel_ = 0;  // bytes
  TiffStripFormat format_;
  std::vector<Level> levels_;
  std::optional<Spool> spool_;
  std::vector<Job> jobs_;
};

}  // namespace

std::unique_ptr<Encoder> create_cloud_tiff(ByteSink& sink, const EncodeOptions& options) {
  return std::make_unique<CloudEncoder>(sink, options);
}

}  // namespace esrgan
