#include "model/choose_network.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "base/text.h"
#include "model/family.h"
#include "model/foreign_families.h"

namespace esrgan {
namespace {

constexpr ptrdiff_t deepest_prefix = 8;  // parts of a name that may be wrappers

/// A name without what DistributedDataParallel and torch.compile() put into it.
std::string without_wrappers(std::string_view name) {
  constexpr std::string_view compiled = "_orig_mod.", parallel = "module.";
  std::string result;
  while (!name.empty()) {
    if (name.starts_with(compiled) || name.starts_with(parallel)) {
      name.remove_prefix(name.starts_with(compiled) ? compiled.size() : parallel.size());
      continue;
    }
    const size_t part = std::min(name.find('.'), name.size() - 1) + 1;
    result += name.substr(0, part);
    name.remove_prefix(part);
  }
  return result;
}

using Prefixes = std::set<std::string_view>;  // each ends with a dot, or is empty

/// Where a name ends with the sign of a network, what stands before it. `names` must outlive the result.
Prefixes find_candidates(const std::vector<std::string>& names) {
  const std::vector<std::string_view> signs = signs_of_networks();
  Prefixes found;
  for (const std::string_view name : names)
    for (const std::string_view sign : signs) {
      const auto prefix = prefix_before(sign, name);
      if (prefix && std::count(prefix->begin(), prefix->end(), '.') <= deepest_prefix) found.insert(*prefix);
    }
  return found;
}

/// `sorted` names.
bool is_network(const std::vector<std::string>& sorted, std::string_view prefix) {
  std::set<std::string_view> rests;
  const auto begin = std::lower_bound(sorted.begin(), sorted.end(), prefix);
  for (auto name = begin; name != sorted.end() && name->starts_with(prefix); ++name)
    rests.insert(std::string_view(*name).substr(prefix.size()));
  const Contents contents(std::move(rests));
  return find_naming(contents).family != nullptr || !foreign_family_of(contents).empty();
}

/// Prefixes of networks; of those within others only the outer ones.
std::vector<std::string_view> find_networks(const std::vector<std::string>& names) {
  std::vector<std::string> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string_view> found;
  for (const std::string_view prefix : find_candidates(names)) {  // what begins with another comes after it
    if (!found.empty() && prefix.starts_with(found.back())) continue;
    if (is_network(sorted, prefix)) found.push_back(prefix);
  }
  return found;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// The lower, the sooner it is taken.
int rank_of(std::string_view prefix) {
  for (const std::string_view average : {"ema", "EMA", "averaged"})
    if (contains(prefix, average)) return 0;
  for (const std::string_view generator : {"generator", "netG", "net_g", "network_g"})
    if (contains(prefix, generator)) return 1;
  return 2;
}

std::string without_dot(std::string_view prefix) {
  return std::string(prefix.substr(0, prefix.size() - 1));
}

/// What else stands beside the network: the shortest prefixes that say it.
std::vector<std::string> others(const std::vector<std::string>& names, std::string_view prefix) {
  std::set<std::string> found;
  for (const std::string_view name : names) {
    if (name.starts_with(prefix)) continue;
    size_t begin = 0;  // up to where the names part
    while (begin < prefix.size()) {
      const size_t dot = name.find('.', begin);
      if (dot == std::string_view::npos || prefix.substr(0, dot + 1) != name.substr(0, dot + 1)) break;
      begin = dot + 1;
    }
    found.insert(std::string(name.substr(0, name.find('.', begin))));
  }
  return {found.begin(), found.end()};
}

}  // namespace

Selection choose_network(const std::vector<std::string>& names) {
  Selection selection;
  if (names.empty()) return selection;
  std::vector<std::string> plain(names.size());
  std::transform(names.begin(), names.end(), plain.begin(), without_wrappers);
  std::vector<std::string_view> networks = find_networks(plain);
  std::stable_sort(networks.begin(), networks.end(), [](std::string_view a, std::string_view b) {
    return std::pair(rank_of(a), a.size()) < std::pair(rank_of(b), b.size());
  });
  const std::string_view prefix = networks.empty() ? common_prefix(plain) : networks.front();
  for (size_t i = 0; i < names.size(); ++i)
    if (plain[i].starts_with(prefix) && !plain[i].ends_with("num_batches_tracked"))
      selection.tensors.emplace(names[i], plain[i].substr(prefix.size()));
  if (const auto left_out = others(plain, prefix); !left_out.empty())
    selection.remarks.push_back("of several networks in the file '" + without_dot(prefix) +
                                "' is taken; left out: " + listed(left_out));
  return selection;
}

}  // namespace esrgan
