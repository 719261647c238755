// Where codecs get their bytes from, and where they put them: interfaces without code, so that modules, which
// are loaded at run time, need nothing of this library.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace esrgan {

/// Bytes that can be read in any order.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  ByteSource(ByteSource&&) = delete;
  ByteSource& operator=(ByteSource&&) = delete;
  virtual ~ByteSource() = default;

  /// For messages.
  virtual const std::string& name() const = 0;
  virtual uint64_t size() const = 0;
  /// Fills `to` from `offset` on; returns how many bytes there were, fewer than asked for only at the end.
  /// Throws Error naming the file when the system reports a failure.
  virtual size_t read_at(uint64_t offset, std::span<uint8_t> to) const = 0;
};

/// Bytes that are written, mostly one after the other.
class ByteSink {
 public:
  ByteSink() = default;
  ByteSink(const ByteSink&) = delete;
  ByteSink& operator=(const ByteSink&) = delete;
  ByteSink(ByteSink&&) = delete;
  ByteSink& operator=(ByteSink&&) = delete;
  virtual ~ByteSink() = default;

  /// For messages.
  virtual const std::string& name() const = 0;
  /// Bytes so far.
  virtual uint64_t size() const = 0;
  /// Appends. Throws Error naming the file, with the system's reason, when not all could be written.
  virtual void write(std::span<const uint8_t> bytes) = 0;
  /// Replaces bytes that were written before, or appends those that lie beyond the end; offset <= size().
  virtual void write_at(uint64_t offset, std::span<const uint8_t> bytes) = 0;
  /// As ByteSource::read_at(), of what was written.
  virtual size_t read_at(uint64_t offset, std::span<uint8_t> to) = 0;
};

}  // namespace esrgan
