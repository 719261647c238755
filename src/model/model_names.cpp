#include "model/model_names.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace esrgan {

std::string plain_model_name(std::string_view name) {
  std::string plain;
  for (const char c : name)
    plain += c == '_' || c == ' ' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const std::string_view extension : {".safetensors", ".pth", ".pt", ".param", ".bin"})
    if (plain.size() > extension.size() && plain.ends_with(extension)) {
      plain.resize(plain.size() - extension.size());
      break;
    }
  return plain;
}

std::string nearest_model_name(const std::string& name, const std::vector<std::string>& names) {
  constexpr size_t longest = 100;  // no model's name is longer
  const std::string given = plain_model_name(name);
  if (given.empty() || given.size() > longest) return "";
  std::string nearest;
  size_t least = given.size() / 2 + 1;  // more than half of it may not differ
  for (const std::string& candidate : names) {
    const std::string plain = plain_model_name(candidate);
    if (plain.size() > longest) continue;
    // The beginning of a name is as good as a name with one letter wrong.
    const size_t distance = given.size() > 3 && plain.starts_with(given) ? 1 : edit_distance(given, plain);
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace esrgan
