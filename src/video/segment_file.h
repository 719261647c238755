// A stretch of an encoded video stream in a file of its own, with exact times and everything a muxer wants to
// know.
#pragma once

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"
#include "video/encoder.h"

namespace esrgan::video {

/// What is the same for all segments of a film.
struct StreamDescription {
  ParametersPtr parameters;
  AVRational time_base{1, 25}, frame_rate{25, 1}, sample_aspect{0, 1};
  HighDynamicRange hdr;
  std::string encoder;
};

nlohmann::json to_json(AVRational value);
AVRational rational_from_json(const nlohmann::json& json);
nlohmann::json to_json(const HighDynamicRange& hdr);
HighDynamicRange hdr_from_json(const nlohmann::json& json);
nlohmann::json to_json(const StreamDescription& stream);
StreamDescription stream_from_json(const nlohmann::json& json);

/// Counts of a segment's frames.
struct SegmentCounts {
  int64_t frames = 0, repeated = 0, damaged = 0, lost = 0;
};

class SegmentWriter {
 public:
  /// The file appears when commit() is called. Throws Error when it cannot be written.
  SegmentWriter(std::string path, const StreamDescription& stream);
  void write(const AVPacket& packet);
  void commit(const SegmentCounts& counts);
  uint64_t bytes() const { return bytes_; }

 private:
  void put(const void* data, size_t size);
  template <typename T>
  void put(T value) {
    put(&value, sizeof value);
  }

  std::string path_;
  AtomicFile file_;
  std::ofstream out_;
  uint64_t bytes_ = 0;
};

class SegmentReader {
 public:
  /// Throws Error when the file is not a whole segment.
  explicit SegmentReader(std::string path);

  const nlohmann::json& stream() const { return stream_; }
  /// Null behind the last packet; counts() is known then.
  PacketPtr read();
  /// The times of the next packet, whose data are passed over; false behind the last one.
  bool skip(int64_t& pts);
  const SegmentCounts& counts() const { return counts_; }
  uint64_t bytes() const { return size_; }

 private:
  struct Head;
  bool read_head(Head& head);
  void get(void* data, size_t size);
  template <typename T>
  T get() {
    T value{};
    get(&value, sizeof value);
    return value;
  }
  nlohmann::json get_json();
  [[noreturn]] void damaged() const;

  std::string path_;
  std::ifstream in_;
  uint64_t size_ = 0;
  nlohmann::json stream_;
  SegmentCounts counts_;
};

}  // namespace esrgan::video
