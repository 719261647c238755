// Shared objects of this project that are loaded when they are needed: esrgan-NAME.so in a folder esrgan.
#pragma once

#include <string>
#include <string_view>

namespace esrgan {

/// Calls `entry` of module NAME, which returns a structure that begins with its version, and gives that back.
/// Null with a reason in `problem` when the module is not installed, cannot be loaded or is of another
/// version. A module stays loaded.
const void* find_module(std::string_view name, const char* entry, std::string& problem);

}  // namespace esrgan
