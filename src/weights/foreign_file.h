// Files that are taken for weights and are something else.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace esrgan {

/// Throws an Error that says what the file is, and what to do, when it begins like a kind of file that is
/// known and holds no weights that can be read: a web page, a Git LFS pointer, a picture and so on.
void refuse_foreign_file(std::span<const uint8_t> bytes, const std::string& file);

}  // namespace esrgan
