// Pages are written as they come: strips, then the directory with its values, to which the page before is
// linked.

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "image/codecs/tiff.h"
#include "image/codecs/tiff_cloud.h"
#include "image/codecs/tiff_entries.h"
#include "image/codecs/tiff_metadata.h"
#include "image/codecs/tiff_strips.h"
#include "image/metadata/exif_tree.h"

namespace esrgan {
namespace {

constexpr uint64_t strip_target = uint64_t{256} << 10U;  // bytes
constexpr uint64_t largest_classic =
    (uint64_t{4} << 30U) / 1000 * 975;  // of samples; the rest is for directories

uint64_t picture_bytes(const StoredPicture& picture) {
  return static_cast<uint64_t>(picture.row_bytes()) * static_cast<uint64_t>(picture.height);
}

uint64_t strip_rows(const StoredPicture& picture) {
  return std::clamp<uint64_t>(strip_target / std::max<uint64_t>(picture.row_bytes(), 1), 1,
                              static_cast<uint64_t>(std::max(picture.height, 1)));
}

class TiffEncoder final : public Encoder {
 public:
  TiffEncoder(ByteSink& sink, const EncodeOptions& options)
      : sink_(sink), options_(options), threads_(static_cast<size_t>(std::max(options.threads, 1))) {}

  void begin(const StoredPicture& picture) override {
    if (page_ == 0) write_header(picture);
    picture_ = picture;
    format_ = {static_cast<size_t>(picture.width) * static_cast<size_t>(picture.channels),
               static_cast<size_t>(picture.channels), picture.type, tiff_deflate_level(options_)};
    strip_bytes_ = static_cast<size_t>(strip_rows(picture)) * picture.row_bytes();
    offsets_.clear();
    sizes_.clear();
    filled_ = 0;
  }

  void write(const std::byte* rows, int count) override {
    const std::span<const std::byte> bytes(rows, static_cast<size_t>(count) * picture_.row_bytes());
    if (compresses()) {
      collect(bytes);
    } else {
      write_plain(bytes);
    }
  }

  void end() override {
    flush();
    write_directory();
    ++page_;
  }

  void finish() override {}

  uint64_t memory(const StoredPicture& picture) const override {
    const uint64_t strip = strip_rows(picture) * picture.row_bytes();
    const uint64_t strips = strip == 0 ? 0 : (picture_bytes(picture) + strip - 1) / strip;
    const uint64_t lists = 4 * strips * sizeof(uint64_t) + 3 * tiff_metadata_bytes(picture);
    if (!compresses()) return lists;
    const uint64_t jobs = std::min<uint64_t>(threads_, strips);
    return lists + jobs * (2 * strip + compressed_tiff_strip_bound(strip));
  }

 private:
  /// Memory of one of the strips that are compressed at the same time.
  struct Job {
    std::vector<std::byte> differences;
    std::vector<uint8_t> compressed;
  };

  bool compresses() const { return options_.compression != 0; }

  void write_header(const StoredPicture& picture) {
    const uint64_t expected = (picture_bytes(picture) + tiff_metadata_bytes(picture)) *
                              static_cast<uint64_t>(std::max(options_.pictures, 1));
    big_ = asks_for_big_tiff(options_) || expected > largest_classic;
    if (big_) {
      sink_.write(std::array<uint8_t, 16>{'I', 'I', 43, 0, 8});
    } else {
      sink_.write(std::array<uint8_t, 8>{'I', 'I', 42});
    }
    link_ = big_ ? 8 : 4;
  }

  /// Notes that a strip begins or ends here.
  void begin_strip() { offsets_.push_back(sink_.size()); }
  void end_strip() {
    sizes_.push_back(sink_.size() - offsets_.back());
    check_size(sink_.size());
  }

  void check_size(uint64_t bytes) const {
    if (big_ || bytes <= UINT32_MAX) return;
    throw Error(ErrorKind::unsupported, sink_.name(),
                "the pictures together are larger than was said, too large for a classic TIFF", "up to 4 GiB",
                std::to_string(bytes) + " bytes");
  }

  /// Without compression, strips follow each other as the rows do.
  void write_plain(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      if (filled_ == 0) begin_strip();
      const size_t count = std::min(bytes.size(), strip_bytes_ - filled_);
      sink_.write({reinterpret_cast<const uint8_t*>(bytes.data()), count});
      bytes = bytes.subspan(count);
      filled_ = (filled_ + count) % strip_bytes_;
      if (filled_ == 0) end_strip();
    }
  }

  void collect(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const size_t room = strip_bytes_ * threads_;
      const size_t count = std::min(bytes.size(), room - collected_.size());
      collected_.insert(collected_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(count));
      bytes = bytes.subspan(count);
      if (collected_.size() == room) compress_collected();
    }
  }

  void compress_collected() {
    const size_t strips = (collected_.size() + strip_bytes_ - 1) / strip_bytes_;
    if (jobs_.size() < strips) jobs_.resize(strips);
    const auto compress = [this](size_t i, int) {
      const std::span<const std::byte> rest =
          std::span<const std::byte>(collected_).subspan(i * strip_bytes_);
      compress_tiff_strip(format_, rest.first(std::min(rest.size(), strip_bytes_)), jobs_[i].differences,
                          jobs_[i].compressed);
    };
    if (!pool_ && strips > 1) pool_.emplace(static_cast<int>(threads_));
    if (pool_) {
      pool_->parallel_for(strips, compress);
    } else {
      for (size_t i = 0; i < strips; ++i) compress(i, 0);
    }
    for (size_t i = 0; i < strips; ++i) {
      begin_strip();
      sink_.write(jobs_[i].compressed);
      end_strip();
    }
    collected_.clear();
  }

  void flush() {
    if (!collected_.empty()) compress_collected();
    if (filled_ != 0) end_strip();
    filled_ = 0;
  }

  void write_directory() {
    if (sink_.size() % 2 != 0) sink_.write(std::array<uint8_t, 1>{});
    const uint64_t at = sink_.size();
    ExifTree tree = tiff_description(picture_);
    describe_derivation(tree.image, picture_, options_.derivation);
    for (ExifEntry& entry : structure()) set_entry(tree.image, std::move(entry));
    const std::vector<uint8_t> directories = lay_out_tree(tree, at, big_);
    check_size(at + directories.size());
    sink_.write(directories);
    std::array<uint8_t, 8> link{};
    for (size_t i = 0; i < link.size(); ++i) link[i] = static_cast<uint8_t>(at >> (8 * i));
    sink_.write_at(link_, std::span(link).first(big_ ? 8 : 4));
    link_ = at + directory_link(directories, big_);
  }

  /// How the samples are stored.
  std::vector<ExifEntry> structure() const {
    std::vector<ExifEntry> entries = tiff_sample_entries(picture_, picture_.width, picture_.height,
                                                         compresses() ? format_.predictor() : 0);
    entries.push_back(tiff_places(273, offsets_, big_));
    entries.push_back(tiff_longs(278, {strip_rows(picture_)}));
    entries.push_back(tiff_places(279, sizes_, big_));
    if (options_.pictures > 1) {
      const bool fits = options_.pictures <= UINT16_MAX;  // 0: not known
      entries.push_back(tiff_longs(254, {2}));
      entries.push_back(tiff_shorts(297, {static_cast<uint64_t>(std::min(page_, UINT16_MAX)),
                                          fits ? static_cast<uint64_t>(options_.pictures) : 0}));
    }
    return entries;
  }

  ByteSink& sink_;
  EncodeOptions options_;
  size_t threads_;
  std::optional<ThreadPool> pool_;
  bool big_ = false;
  int page_ = 0;
  uint64_t link_ = 0;  ///< position of the link to the next directory
  StoredPicture picture_;
  TiffStripFormat format_;
  size_t strip_bytes_ = 0;
  size_t filled_ = 0;                 ///< bytes of the strip that is being written without compression
  std::vector<std::byte> collected_;  ///< rows to be compressed
  std::vector<Job> jobs_;
  std::vector<uint64_t> offsets_, sizes_;  ///< of the strips so far
};

}  // namespace

std::unique_ptr<Encoder> create_tiff(ByteSink& sink, const EncodeOptions& options) {
  if (options.cloud_optimised) return create_cloud_tiff(sink, options);
  return std::make_unique<TiffEncoder>(sink, options);
}

}  // namespace esrgan
