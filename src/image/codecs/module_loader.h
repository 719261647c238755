// Codecs in shared objects of their own, loaded when a file asks for them.
#pragma once

#include <string_view>

#include "image/codecs/codec.h"

namespace esrgan {

/// Whether the module "heif" (esrgan-heif.so, in the folder esrgan beside the library) can be loaded. Looked
/// for once.
bool module_is_available(std::string_view name);

/// Throws Error when it cannot be loaded. A module stays loaded.
const CodecModule& load_module(std::string_view name);

}  // namespace esrgan
