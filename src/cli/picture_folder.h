// Which files are taken for pictures by their names, and which of them lie in a folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace esrgan::cli {

/// ".JPG" and "jpg" -> "jpg".
std::string plain_extension(std::string extension);

/// By the extension, in any case.
bool is_film(const std::filesystem::path& file);

/// Whether the part behind the last dot is one that pictures have; "IMG.2024" has none.
bool has_picture_extension(const std::filesystem::path& file);

struct FailedInput {
  std::string input, reason;
};

/// Empty when there is such a file, and otherwise why it cannot be opened.
std::string reason_not_to_open(const std::filesystem::path& file);

struct FolderContent {
  std::vector<std::filesystem::path> pictures;  ///< from the folder on, sorted
  std::vector<FailedInput> failed;              ///< dangling links, folders that may not be read
  std::vector<std::string> unreadable;          ///< pictures of kinds that cannot be read here
  std::vector<std::string> films;
  bool has_sub_folders = false;

  /// What to say of a folder without anything to do.
  std::string reason_of_nothing(bool recursive) const;
};

/// Hidden files and folders are left out, and so are the folders of `leave_out`. A link to a file counts by
/// its own name; a link to a folder is not followed.
FolderContent look_into(const std::filesystem::path& folder, bool recursive,
                        const std::vector<std::filesystem::path>& leave_out);

/// The pictures that lie in a folder itself, sorted. Throws Error when there is none.
std::vector<std::string> pictures_in(const std::string& folder);

}  // namespace esrgan::cli
