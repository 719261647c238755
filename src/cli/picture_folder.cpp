#include "cli/picture_folder.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string_view>
#include <system_error>

#include "image/reader.h"
#include "image/writer.h"

namespace esrgan::cli {
namespace {

namespace fs = std::filesystem;

std::string extension_of(const fs::path& file) {
  return plain_extension(file.extension().string());
}

/// Kinds that people call pictures, whether or not this program knows them.
bool is_picture_kind(const std::string& extension) {
  static const std::set<std::string_view> kinds{
      "3fr",  "ai",   "apng", "arw",  "avif", "bmp",  "cin", "cr2", "cr3",  "cur", "dcx", "dds",  "dib",
      "dng",  "dpx",  "emf",  "eps",  "exr",  "fits", "fit", "fts", "gif",  "hdp", "hdr", "heic", "heif",
      "hif",  "icns", "ico",  "iff",  "j2c",  "j2k",  "jfi", "jif", "jfif", "jls", "jp2", "jpc",  "jpe",
      "jpeg", "jpf",  "jpg",  "jph",  "jpm",  "jpx",  "jxl", "jxr", "kra",  "mng", "nef", "nrw",  "orf",
      "ora",  "pam",  "pbm",  "pcd",  "pcx",  "pef",  "pfm", "pgm", "pic",  "png", "pnm", "ppm",  "psb",
      "psd",  "qoi",  "raf",  "ras",  "raw",  "rgb",  "rw2", "sgi", "srw",  "svg", "tga", "svgz", "tif",
      "tiff", "wbmp", "wdp",  "webp", "wmf",  "x3f",  "xbm", "xcf", "xpm"};
  return kinds.contains(extension);
}

class Walk {
 public:
  Walk(fs::path folder, bool recursive, const std::vector<fs::path>& leave_out)
      : folder_(std::move(folder)), recursive_(recursive), leave_out_(leave_out) {
    descend({});
  }

  FolderContent take() { return std::move(content_); }

 private:
  /// The entries are sorted in each folder, so that the order is that of the sorted paths.
  void descend(const fs::path& place) {
    const fs::path here = place.empty() ? folder_ : folder_ / place;
    std::error_code error;
    std::vector<fs::directory_entry> entries;
    fs::directory_iterator entry(here, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error))
      if (!entry->path().filename().string().starts_with('.')) entries.push_back(*entry);
    if (error) content_.failed.push_back({here.string(), "cannot be opened: " + error.message()});
    std::sort(entries.begin(), entries.end());
    for (const fs::directory_entry& found : entries) visit(found, place / found.path().filename());
  }

  void visit(const fs::directory_entry& entry, const fs::path& place) {
    std::error_code ignored;
    if (entry.is_directory(ignored)) {
      if (entry.is_symlink(ignored) || is_left_out(entry)) return;
      content_.has_sub_folders = true;
      if (recursive_) descend(place);
      return;
    }
    const std::string extension = extension_of(place);
    if (is_film(place))
      content_.films.push_back(entry.path().string());
    else if (!extension.empty() && can_read(extension))
      add(entry, place);
    else if (is_picture_kind(extension))
      content_.unreadable.push_back(entry.path().string());
  }

  void add(const fs::directory_entry& entry, const fs::path& place) {
    std::error_code ignored;
    const std::string reason = reason_not_to_open(entry.path());
    if (!reason.empty())
      content_.failed.push_back({entry.path().string(), reason});
    else if (!entry.is_regular_file(ignored))
      content_.failed.push_back({entry.path().string(), "is not a regular file"});
    else
      content_.pictures.push_back(place);
  }

  bool is_left_out(const fs::directory_entry& entry) const {
    return std::any_of(leave_out_.begin(), leave_out_.end(), [&](const fs::path& folder) {
      std::error_code absent;
      return fs::equivalent(entry.path(), folder, absent);
    });
  }

  fs::path folder_;
  bool recursive_;
  const std::vector<fs::path>& leave_out_;
  FolderContent content_;
};

}  // namespace

std::string plain_extension(std::string extension) {
  if (extension.starts_with('.')) extension.erase(0, 1);
  for (char& c : extension)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return extension;
}

bool is_film(const fs::path& file) {
  // GIF, WebP and AVIF are pictures first; m4a is a container of the same kind, with sound only.
  static const std::set<std::string_view> films{
      "3g2",  "3gp", "asf", "avi", "divx", "dv",   "f4v", "flv", "gifv", "h264", "h265", "hevc", "m1v",
      "m2ts", "m2v", "m4a", "m4v", "mj2",  "mjpg", "mkv", "mov", "mp4",  "mpe",  "mpeg", "mpg",  "mts",
      "mxf",  "ogm", "ogv", "qt",  "rm",   "rmvb", "ts",  "vob", "webm", "wmv",  "y4m"};
  return films.contains(extension_of(file));
}

bool has_picture_extension(const fs::path& file) {
  const std::string extension = extension_of(file);
  return !extension.empty() && (is_picture_kind(extension) || can_read(extension) || can_write(extension));
}

std::string reason_not_to_open(const fs::path& file) {
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (status.type() == fs::file_type::not_found) {
    std::error_code ignored;
    const bool dangling = fs::is_symlink(fs::symlink_status(file, ignored));
    return "cannot be opened: " + (dangling ? "it is a link to a file that does not exist"
                                            : std::generic_category().message(ENOENT));
  }
  return status.type() == fs::file_type::none ? "cannot be opened: " + error.message() : "";
}

std::string FolderContent::reason_of_nothing(bool recursive) const {
  std::string reason = "there is no picture in this folder";
  if (!unreadable.empty()) reason += " that can be read here";
  if (has_sub_folders && !recursive) reason += " itself (--recursive looks into its sub-folders)";
  return reason;
}

FolderContent look_into(const fs::path& folder, bool recursive, const std::vector<fs::path>& leave_out) {
  return Walk(folder, recursive, leave_out).take();
}

std::vector<std::string> pictures_in(const std::string& folder) {
  const FolderContent content = look_into(folder, false, {});
  if (!content.failed.empty())
    throw Error(ErrorKind::io, content.failed.front().input, content.failed.front().reason);
  if (content.pictures.empty()) throw Error(ErrorKind::not_found, folder, content.reason_of_nothing(true));
  std::vector<std::string> files;
  for (const fs::path& picture : content.pictures) files.push_back((fs::path(folder) / picture).string());
  return files;
}

}  // namespace esrgan::cli
