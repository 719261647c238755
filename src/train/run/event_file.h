// TensorBoard's event files: a TFRecord for each event, a protocol buffer in each record
// (tensorflow/core/util/event.proto).
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace esrgan::train {

/// A new file events.out.tfevents.TIME.PID in a folder. TensorBoard shows all files of a folder as one run.
class EventFile {
 public:
  /// `step`: what follows replaces what earlier files say of later steps.
  EventFile(const std::filesystem::path& folder, int64_t step);

  void scalar(const std::string& tag, int64_t step, double value);
  /// `png`: the bytes of a picture file.
  void image(const std::string& tag, int64_t step, int width, int height, const std::vector<uint8_t>& png);

 private:
  void event(int64_t step, const std::string& what);

  std::filesystem::path file_;
  std::ofstream stream_;
};

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4).
uint32_t crc32c(const std::string& bytes);

}  // namespace esrgan::train
