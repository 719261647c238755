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

}  // namespace esrgan::test
