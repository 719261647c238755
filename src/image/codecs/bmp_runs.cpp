#include "image/codecs/bmp_runs.h"

#include <esrgan/error.h>

#include <algorithm>

namespace esrgan {

/// An instruction of the stream.
struct BmpRuns::Step {
  enum class Kind { run, literal, end_of_row, end, move, cut_off };
  Kind kind = Kind::cut_off;
  int count = 0;    ///< pixels of a run or literal, or columns of a move
  int rows = 0;     ///< of a move
  size_t data = 0;  ///< where the pixels stand
  size_t next = 0;  ///< the next instruction
};

BmpRuns::BmpRuns(const ByteSource& source, const BmpHeader& header)
    : bytes_(static_cast<size_t>(source.size() - header.pixels)),
      width_(header.width),
      nibbles_(header.bits == 4) {
  bytes_.resize(source.read_at(header.pixels, bytes_));
  find_rows(source, header.height);
}

BmpRuns::Step BmpRuns::step(size_t at) const {
  Step step;
  if (at > bytes_.size() || bytes_.size() - at < 2) return step;
  const size_t left = bytes_.size() - at - 2;
  const int first = bytes_[at], second = bytes_[at + 1];
  step.next = at + 2;
  if (first > 0) {
    step.kind = Step::Kind::run;
    step.count = first;
    step.data = at + 1;
  } else if (second == 0) {
    step.kind = Step::Kind::end_of_row;
  } else if (second == 1) {
    step.kind = Step::Kind::end;
  } else if (second == 2) {
    if (left < 2) return step;
    step.kind = Step::Kind::move;
    step.count = bytes_[at + 2];
    step.rows = bytes_[at + 3];
    step.next = at + 4;
  } else {
    const auto bytes = static_cast<size_t>(nibbles_ ? (second + 1) / 2 : second);
    if (left < bytes) return step;
    step.kind = Step::Kind::literal;
    step.count = second;
    step.data = at + 2;
    step.next = at + 2 + bytes + bytes % 2;
  }
  return step;
}

void BmpRuns::find_rows(const ByteSource& source, int height) {
  starts_.assign(static_cast<size_t>(height), {bytes_.size(), 0});
  starts_[0].at = 0;
  int x = 0, y = 0;
  size_t at = 0;
  while (y < height) {
    const Step now = step(at);
    if (now.kind == Step::Kind::end) return;
    if (now.kind == Step::Kind::cut_off) {
      if (y == height - 1 && x == width_) return;
      throw Error(ErrorKind::bad_data, source.name(), "damaged or truncated BMP",
                  std::to_string(height) + " rows", std::to_string(y));
    }
    at = now.next;
    x = now.kind == Step::Kind::end_of_row ? 0 : std::min(x + now.count, width_);
    const int rows = now.kind == Step::Kind::end_of_row ? 1 : now.rows;
    y += rows;
    if (rows > 0 && y < height) starts_[static_cast<size_t>(y)] = {at, x};
  }
}

void BmpRuns::put(const Step& step, int x, uint8_t* indices) const {
  const int count = std::min(step.count, width_ - x);  // runs that are too long occur
  const uint8_t* const from = &bytes_[step.data];
  const bool literal = step.kind == Step::Kind::literal;
  for (int i = 0; i < count; ++i) {
    const uint8_t byte = literal ? from[nibbles_ ? i / 2 : i] : from[0];
    indices[x + i] = !nibbles_ ? byte : static_cast<uint8_t>(i % 2 == 0 ? byte >> 4U : byte & 15U);
  }
}

void BmpRuns::row(int y, uint8_t* indices) const {
  std::fill_n(indices, width_, uint8_t{0});  // pixels that are passed over have the first colour
  auto [at, x] = starts_[static_cast<size_t>(y)];
  for (;;) {
    const Step now = step(at);
    const bool pixels = now.kind == Step::Kind::run || now.kind == Step::Kind::literal;
    if (!pixels && (now.kind != Step::Kind::move || now.rows > 0)) return;
    if (pixels) put(now, x, indices);
    x = std::min(x + now.count, width_);
    at = now.next;
  }
}

}  // namespace esrgan
