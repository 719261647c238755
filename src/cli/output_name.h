// What outputs are called.
#pragma once

#include <cstddef>
#include <string>

namespace esrgan::cli {

/// A file's name, its folder left out. Only what pictures have counts as extension; "IMG.2024" has none.
struct SplitName {
  explicit SplitName(const std::string& file_name);
  std::string stem, extension;  ///< "photo" and ".jpg"
};

/// Whether two extensions stand for one kind of file: "jpg" and ".JPEG".
bool same_kind(const std::string& extension, const std::string& other);

/// What stands for the braces of a pattern.
struct NameValues {
  std::string name, ext, scale, model;
  size_t number = 1;
};

/// A name with {name}, {ext}, {scale}, {model}, {n}, and {n:4} for 0001, in it.
class NamePattern {
 public:
  /// An extension at its end, ".png" or ".{ext}", is taken off, as each output gets one. Throws Error.
  explicit NamePattern(std::string pattern);

  bool empty() const { return text_.empty(); }
  /// Whether it has {n}.
  bool numbered() const;
  /// The extension that was taken off, ".png"; empty if there was none.
  const std::string& extension() const { return extension_; }
  /// Never has a slash.
  std::string fill(const NameValues& values) const;

 private:
  std::string text_, extension_;
};

/// stem + tail, with the stem cut between two characters where the name would be longer than file systems
/// take. A hash of the whole name keeps cut ones apart. `tail` has at most `longest_tail` bytes.
std::string fitting_name(const std::string& stem, const std::string& tail);

constexpr size_t longest_name = 255;  ///< bytes, of Linux' and macOS' file systems (NAME_MAX)
constexpr size_t longest_tail = 200;

}  // namespace esrgan::cli
