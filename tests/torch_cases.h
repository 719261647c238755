// The networks that tests/torch/make_cases.py wrote.
#pragma once

#include <algorithm>
#include <filesystem>
#include <vector>

namespace esrgan::test {

/// Their weight files, sorted.
inline std::vector<std::filesystem::path> torch_cases() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(ESRGAN_TORCH_CASES))
    if (entry.path().extension() == ".pth") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// Whether a network sees several frames: other programs' forms of it are not read back.
inline bool sees_frames(const std::filesystem::path& file) {
  return file.stem().string().find("_time_") != std::string::npos;
}

}  // namespace esrgan::test
