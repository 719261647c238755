// A run's folder as one page that needs nothing else.
#pragma once

#include <filesystem>
#include <string>

namespace esrgan::train {

/// Writes FOLDER/report.html from what lies in the folder: metrics.csv, validation.csv, gradients.csv,
/// recipe.yml and the newest sample of each validation set.
void write_report(const std::filesystem::path& folder, const std::string& title);

}  // namespace esrgan::train
