// Names that people give to models.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace esrgan {

/// One spelling of a name: small letters, '-' for '_' and ' ', without the extension of a weight file.
std::string plain_model_name(std::string_view name);

/// The one among `names` that is spelled most like `name`; empty when none is much like it.
std::string nearest_model_name(const std::string& name, const std::vector<std::string>& names);

}  // namespace esrgan
