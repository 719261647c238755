// Shared libraries that are loaded while the program runs.
#pragma once

#include <filesystem>
#include <string>

namespace esrgan {

/// The address of `symbol` in the library at `path`, which is loaded and stays so. Null with a reason in
/// `problem` when that cannot be done.
void* load_symbol(const std::filesystem::path& path, const char* symbol, std::string& problem);

/// The program or library that holds the code at `address`.
std::filesystem::path path_of_code(const void* address);

}  // namespace esrgan
