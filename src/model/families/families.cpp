#include "model/families/families.h"

#include <algorithm>
#include <cctype>

#include "model/foreign_families.h"

namespace esrgan {
namespace {

// The compact network's sign, body.0.weight, is the least particular: it comes last.
constexpr const Family* table[] = {&rrdbnet, &msrresnet, &srresnet, &span, &compact};

}  // namespace

std::span<const Family* const> families() {
  return table;
}

FoundNaming find_naming(const Contents& contents) {
  for (const Family* family : table)
    for (const Naming& naming : family->namings) {
      if (*naming.sign != '\0' && !contents.has(naming.sign)) continue;
      if (naming.is_used == nullptr || naming.is_used(contents)) return {family, &naming};
    }
  return {};
}

std::vector<std::string_view> signs_of_networks() {
  std::vector<std::string_view> signs;
  for (const Family* family : table)
    for (const Naming& naming : family->namings)
      if (*naming.sign != '\0') signs.emplace_back(naming.sign);
  for (const ForeignFamily& family : foreign_families()) signs.emplace_back(family.tensors.front());
  return signs;
}

const Family* find_family(std::string_view name) {
  const auto is_called = [&](std::string_view known) {
    return std::equal(known.begin(), known.end(), name.begin(), name.end(), [](char a, char b) {
      return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
    });
  };
  const auto* const found = std::find_if(std::begin(table), std::end(table), [&](const Family* family) {
    return is_called(family->name) ||
           std::any_of(family->other_names.begin(), family->other_names.end(), is_called);
  });
  return found == std::end(table) ? nullptr : *found;
}

int doublings_of(int upscaling) {
  int steps = 0;
  for (; upscaling > 1; upscaling /= 2) ++steps;
  return steps;
}

}  // namespace esrgan
