// Rows are collected in strips; each strip is filtered and deflated by a thread of its own and ends on a
// whole byte, so that the strips one after the other are one deflate stream (RFC 1951; the same is done by
// pigz).
#include <esrgan/error.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/thread_pool.h"
#include "image/codecs/png.h"
#include "image/codecs/png_chunks.h"

namespace esrgan {
namespace {

using Bytes = std::vector<uint8_t>;

// ---- filters (clause 9) ----

constexpr int filters = 5;

int paeth(int left, int above, int corner) {
  const int to_left = std::abs(above - corner), to_above = std::abs(left - corner),
            to_corner = std::abs(left + above - 2 * corner);
  if (to_left <= to_above && to_left <= to_corner) return left;
  return to_above <= to_corner ? above : corner;
}

/// One row by one filter; `pixel` bytes lie between a sample and its left neighbour. The bytes left of the
/// row and above the first are 0.
template <int filter>
void filter_row(const uint8_t* row, const uint8_t* above, size_t bytes, size_t pixel, uint8_t* out) {
  const auto predict = [&](size_t i, int left, int corner) {
    const int up = above[i];
    if (filter == 1) return left;
    if (filter == 2) return up;
    if (filter == 3) return (left + up) / 2;
    return filter == 4 ? paeth(left, up, corner) : 0;
  };
  const size_t first = std::min(pixel, bytes);
  for (size_t i = 0; i < first; ++i) out[i] = static_cast<uint8_t>(row[i] - predict(i, 0, 0));
  for (size_t i = first; i < bytes; ++i)
    out[i] = static_cast<uint8_t>(row[i] - predict(i, row[i - pixel], above[i - pixel]));
}

using Filter = void (*)(const uint8_t*, const uint8_t*, size_t, size_t, uint8_t*);
constexpr std::array<Filter, filters> filter_functions{filter_row<0>, filter_row<1>, filter_row<2>,
                                                       filter_row<3>, filter_row<4>};

/// The usual guess of how well a row will be compressed: the sum of its bytes taken as signed numbers.
uint64_t weight(const uint8_t* bytes, size_t count) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; ++i)
    sum += static_cast<uint64_t>(std::abs(static_cast<int>(static_cast<int8_t>(bytes[i]))));
  return sum;
}

// ---- compression ----

/// How a strip is deflated.
struct Method {
  int level = 1, strategy = Z_RLE;
};

/// A raw deflate stream that ends on a whole byte, the last one with the mark of the end. `out` keeps its
/// memory.
void deflate_strip(std::span<const uint8_t> bytes, Method method, bool last, Bytes& out) {
  z_stream stream{};
  if (deflateInit2(&stream, method.level, Z_DEFLATED, -15, 8, method.strategy) != Z_OK)
    throw std::bad_alloc();
  out.resize(deflateBound(&stream, static_cast<uLong>(bytes.size())) + 16);
  stream.next_in = const_cast<uint8_t*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, last ? Z_FINISH : Z_FULL_FLUSH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
}

/// Photographs have no repetitions, at most runs, and the search for others makes them larger, and slow;
/// drawings and screenshots live from it. A piece from the middle tells which this is.
Method choose_method(std::span<const uint8_t> bytes) {
  constexpr size_t least = 4 * 1024, most = 16 * 1024;
  constexpr Method none{1, Z_HUFFMAN_ONLY}, runs{1, Z_RLE}, quick_search{1, Z_DEFAULT_STRATEGY},
      search{6, Z_DEFAULT_STRATEGY};
  const size_t piece = std::min(bytes.size(), std::clamp(bytes.size() / 16, least, most));
  const auto sample = bytes.subspan((bytes.size() - piece) / 2, piece);
  Bytes packed;
  const auto size_by = [&](Method method) {
    deflate_strip(sample, method, false, packed);
    return packed.size();
  };
  const size_t by_none = size_by(none), by_runs = size_by(runs), by_search = size_by(quick_search);
  if (by_search < std::min(by_none, by_runs)) return search;
  return by_none <= by_runs ? none : runs;
}

struct Strip {
  Bytes rows;  // with the row above the first in front
  Bytes filtered, packed;
  size_t unpacked_size = 0;  // of what was deflated
  uint32_t checksum = 0;
  bool last = false;
};

constexpr size_t strip_bytes = 1 << 19U;

class PngEncoder : public Encoder {
 public:
  PngEncoder(ByteSink& sink, const EncodeOptions& options)
      : sink_(sink), compression_(options.compression), threads_(std::max(1, options.threads)) {}

  void begin(const StoredPicture& picture) override {
    picture_ = picture;
    row_bytes_ = picture.row_bytes();
    rows_in_strip_ = std::max<size_t>(1, strip_bytes / (row_bytes_ + 1));
    write_header();
    above_.assign(row_bytes_, 0);
    // A small picture is one strip: threads would take longer to start than the work takes.
    if (row_bytes_ * static_cast<size_t>(picture.height) > strip_bytes && threads_ > 1)
      pool_ = std::make_unique<ThreadPool>(threads_);
    strips_.resize(pool_ ? static_cast<size_t>(pool_->size()) : 1);
    start_strip();
  }

  void write(const std::byte* rows, int count) override {
    for (int i = 0; i < count; ++i, rows += row_bytes_) {
      append(rows);
      ++received_;
      Strip& strip = strips_[open_];
      const bool full = strip.rows.size() >= (rows_in_strip_ + 1) * row_bytes_;
      strip.last = received_ == picture_.height;
      if (full || strip.last) finish_strip();
    }
  }

  void end() override {
    const auto sum = static_cast<uint32_t>(checksum_);
    const Bytes tail{static_cast<uint8_t>(sum >> 24U), static_cast<uint8_t>(sum >> 16U),
                     static_cast<uint8_t>(sum >> 8U), static_cast<uint8_t>(sum)};
    png::write_chunk(sink_, "IDAT", tail);
    png::write_chunk(sink_, "IEND", {});
  }

  void finish() override {}

  uint64_t memory(const StoredPicture& picture) const override {
    const uint64_t row = picture.row_bytes();
    const uint64_t whole = row * static_cast<uint64_t>(picture.height);
    // Rows, what the filters make of them, what is made of that, and zlib's own state.
    const uint64_t strip = 4 * std::min(whole, strip_bytes + row) + (uint64_t{1} << 19U);
    return strip * static_cast<uint64_t>(whole > strip_bytes ? threads_ : 1) + 8 * row;
  }

 private:
  void write_header() {
    sink_.write(png::signature);
    constexpr std::array<uint8_t, 5> colour_types{0, 0, 4, 2, 6};
    Bytes header;
    for (const int extent : {picture_.width, picture_.height})
      for (const unsigned shift : {24U, 16U, 8U, 0U})
        header.push_back(static_cast<uint8_t>(static_cast<uint32_t>(extent) >> shift));
    header.push_back(picture_.type == SampleType::u16 ? 16 : 8);
    header.push_back(colour_types[static_cast<size_t>(picture_.channels)]);
    header.insert(header.end(), {0, 0, 0});  // deflate, the five filters, not interlaced
    png::write_chunk(sink_, "IHDR", header);
    if (picture_.metadata) png::write_metadata(sink_, *picture_.metadata);
  }

  void start_strip() {
    Strip& strip = strips_[open_];
    strip.rows.clear();
    strip.rows.reserve((rows_in_strip_ + 1) * row_bytes_);
    strip.rows.insert(strip.rows.end(), above_.begin(), above_.end());
  }

  void append(const std::byte* row) {
    Bytes& rows = strips_[open_].rows;
    const size_t had = rows.size();
    rows.resize(had + row_bytes_);
    std::memcpy(rows.data() + had, row, row_bytes_);
    if (picture_.type == SampleType::u16 && std::endian::native == std::endian::little)
      for (size_t i = had; i + 1 < rows.size(); i += 2) std::swap(rows[i], rows[i + 1]);
  }

  void finish_strip() {
    const Strip& strip = strips_[open_];
    above_.assign(strip.rows.end() - static_cast<ptrdiff_t>(row_bytes_), strip.rows.end());
    const bool last = strip.last;
    if (++open_ == strips_.size() || last) {
      pack();
      open_ = 0;
    }
    if (!last) start_strip();
  }

  /// Compresses the strips that are there and writes them.
  void pack() {
    const auto one = [this](size_t i, int) { pack(strips_[i]); };
    if (pool_)
      pool_->parallel_for(open_, one);
    else
      one(0, 0);
    for (size_t i = 0; i < open_; ++i) {
      const Strip& strip = strips_[i];
      checksum_ = adler32_combine(checksum_, strip.checksum, static_cast<z_off_t>(strip.unpacked_size));
      if (!started_) {
        // The header of a zlib stream (RFC 1950): deflate, a window of 32 KiB, no dictionary.
        strips_[i].packed.insert(strips_[i].packed.begin(), {0x78, 0x01});
        started_ = true;
      }
      png::write_chunk(sink_, "IDAT", strip.packed);
    }
  }

  void pack(Strip& strip) const {
    const size_t rows = strip.rows.size() / row_bytes_ - 1;
    const size_t pixel = static_cast<size_t>(picture_.channels) * size_of(picture_.type);
    Bytes& filtered = strip.filtered;
    filtered.resize((row_bytes_ + 1) * rows);
    Bytes trial(row_bytes_);
    for (size_t y = 0; y < rows; ++y) {
      const uint8_t *above = strip.rows.data() + y * row_bytes_, *row = above + row_bytes_;
      uint8_t* out = filtered.data() + y * (row_bytes_ + 1);
      uint64_t least = ~uint64_t{0};
      for (size_t filter = 0; filter < filters; ++filter) {
        filter_functions[filter](row, above, row_bytes_, pixel, trial.data());
        const uint64_t found = weight(trial.data(), row_bytes_);
        if (found >= least) continue;
        least = found;
        out[0] = static_cast<uint8_t>(filter);
        std::memcpy(out + 1, trial.data(), row_bytes_);
      }
    }
    const Method method =
        compression_ < 0 ? choose_method(filtered) : Method{compression_, Z_DEFAULT_STRATEGY};
    strip.unpacked_size = filtered.size();
    strip.checksum = static_cast<uint32_t>(adler32_z(1, filtered.data(), filtered.size()));
    deflate_strip(filtered, method, strip.last, strip.packed);
  }

  ByteSink& sink_;
  int compression_, threads_;
  StoredPicture picture_;
  size_t row_bytes_ = 0, rows_in_strip_ = 1;
  Bytes above_;  // the row before the open strip
  std::unique_ptr<ThreadPool> pool_;
  std::vector<Strip> strips_;
  size_t open_ = 0;  // the strip that is being filled; those before it are full
  int received_ = 0;
  uLong checksum_ = 1;  // Adler-32 of all that was deflated
  bool started_ = false;
};

}  // namespace

std::unique_ptr<Encoder> create_png(ByteSink& sink, const EncodeOptions& options) {
  return std::make_unique<PngEncoder>(sink, options);
}

}  // namespace esrgan
