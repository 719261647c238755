#include "model/names.h"

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"

namespace esrgan {
namespace {

/// Renames all tensors by `rename`, which returns nothing for a name it does not know.
template <typename Rename>
void rename_all(StateDict& weights, Rename rename) {
  std::map<std::string, Tensor> renamed;
  for (auto& [name, tensor] : weights.tensors) {
    const std::optional<std::string> canonical = rename(name);
    if (!canonical)
      throw Error(weights.file, "the tensor '" + name + "' belongs to no layer of this network");
    if (!renamed.emplace(*canonical, std::move(tensor)).second)
      throw Error(weights.file, "two tensors stand for '" + *canonical + "'");
  }
  weights.tensors = std::move(renamed);
}

using Rules = std::vector<std::pair<std::regex, std::string>>;

std::optional<std::string> apply_rules(const Rules& rules, const std::string& name) {
  for (const auto& [pattern, replacement] : rules)
    if (std::regex_match(name, pattern)) return std::regex_replace(name, pattern, replacement);
  return std::nullopt;
}

/// Original ESRGAN, BSRGAN, RealSR.
const Rules& trunk_rules() {
  static const Rules rules{
      {std::regex(R"((conv_first\..*))"), "$1"},
      {std::regex(R"(RRDB_trunk\.(\d+)\.RDB([123])\.(conv[1-5]|conv1x1)\.(weight|bias))"),
       "body.$1.rdb$2.$3.$4"},
      {std::regex(R"(trunk_conv\.(.*))"), "conv_body.$1"},
      {std::regex(R"(upconv([123])\.(.*))"), "conv_up$1.$2"},
      {std::regex(R"(HRconv\.(.*))"), "conv_hr.$1"},
      {std::regex(R"((conv_last\..*))"), "$1"}};
  return rules;
}

/// https://github.com/Lornatang/SRGAN-PyTorch
const Rules& lornatang_rules() {
  static const Rules rules{{std::regex(R"(conv1\.0\.(.*))"), "conv_first.$1"},
                           {std::regex(R"(conv1\.1\.weight)"), "act_first.weight"},
                           {std::regex(R"(trunk\.(\d+)\.rcb\.0\.(.*))"), "body.$1.conv1.$2"},
                           {std::regex(R"(trunk\.(\d+)\.rcb\.1\.(.*))"), "body.$1.bn1.$2"},
                           {std::regex(R"(trunk\.(\d+)\.rcb\.2\.weight)"), "body.$1.act.weight"},
                           {std::regex(R"(trunk\.(\d+)\.rcb\.3\.(.*))"), "body.$1.conv2.$2"},
                           {std::regex(R"(trunk\.(\d+)\.rcb\.4\.(.*))"), "body.$1.bn2.$2"},
                           {std::regex(R"(conv2\.0\.(.*))"), "conv_body.$1"},
                           {std::regex(R"(conv2\.1\.(.*))"), "bn_body.$1"},
                           {std::regex(R"(upsampling\.0\.upsample_block\.0\.(.*))"), "conv_up1.$1"},
                           {std::regex(R"(upsampling\.0\.upsample_block\.2\.weight)"), "act_up1.weight"},
                           {std::regex(R"(upsampling\.1\.upsample_block\.0\.(.*))"), "conv_up2.$1"},
                           {std::regex(R"(upsampling\.1\.upsample_block\.2\.weight)"), "act_up2.weight"},
                           {std::regex(R"(upsampling\.2\.upsample_block\.0\.(.*))"), "conv_up3.$1"},
                           {std::regex(R"(upsampling\.2\.upsample_block\.2\.weight)"), "act_up3.weight"},
                           {std::regex(R"(conv3\.(.*))"), "conv_last.$1"}};
  return rules;
}

int highest_index(const StateDict& weights, const std::string& prefix) {
  int highest = -1;
  for (const auto& [name, tensor] : weights.tensors) {
    if (!name.starts_with(prefix)) continue;
    const size_t digits = name.find_first_not_of("0123456789", prefix.size());
    if (digits == prefix.size() || digits - prefix.size() > 6) continue;
    highest = std::max(highest, std::stoi(name.substr(prefix.size(), digits - prefix.size())));
  }
  return highest;
}

/// https://github.com/leftthomas/SRGAN: block1, block2..blockN residual, blockN+1 conv and BN, blockN+2 the
/// tail.
std::optional<std::string> rename_leftthomas(const std::string& name, int last_block) {
  static const std::regex pattern(R"(block(\d+)\.(.*))");
  std::smatch match;
  if (!std::regex_match(name, match, pattern) || match[1].length() > 4) return std::nullopt;
  const int block = std::stoi(match[1]);
  if (block == 1)
    return apply_rules(
        Rules{{std::regex(R"(0\.(.*))"), "conv_first.$1"}, {std::regex("1.weight"), "act_first.weight"}},
        match[2].str());
  if (block == last_block) {
    static const std::regex step(R"((\d)\.(conv|prelu)\.(weight|bias))"), last(R"(\d\.(weight|bias))");
    std::smatch part;
    const std::string rest = match[2];
    if (std::regex_match(rest, part, step))
      return (part[2] == "conv" ? "conv_up" : "act_up") + std::to_string(std::stoi(part[1]) + 1) + "." +
             part[3].str();
    if (std::regex_match(rest, part, last)) return "conv_last." + part[1].str();
    return std::nullopt;
  }
  const bool body_end = block == last_block - 1;
  const std::string prefix = "body." + std::to_string(block - 2) + ".";
  const Rules rules =
      body_end ? Rules{{std::regex(R"(0\.(.*))"), "conv_body.$1"}, {std::regex(R"(1\.(.*))"), "bn_body.$1"}}
               : Rules{{std::regex(R"(conv([12])\.(.*))"), prefix + "conv$1.$2"},
                       {std::regex(R"(bn([12])\.(.*))"), prefix + "bn$1.$2"},
                       {std::regex(R"(prelu\.weight)"), prefix + "act.weight"}};
  return apply_rules(rules, match[2].str());
}

/// The first ESRGAN code wrote one nn.Sequential: 0 first, 1 the body with its residual, then for every
/// doubling a convolution (3, 6, 9 behind nearest neighbours; 2, 5, 8 before a pixel-shuffle), and at the end
/// two more with an activation between.
std::optional<std::string> rename_sequential(const std::string& name, int blocks, int last) {
  static const Rules body{
      {std::regex(R"(model\.1\.sub\.(\d+)\.RDB([123])\.(conv[1-5])\.0\.(weight|bias))"),
       "body.$1.rdb$2.$3.$4"},
      {std::regex(R"(model\.1\.sub\.(\d+)\.RDB([123])\.conv1x1\.(weight|bias))"), "body.$1.rdb$2.conv1x1.$3"},
      {std::regex(R"(model\.0\.(weight|bias))"), "conv_first.$1"}};
  if (auto renamed = apply_rules(body, name)) return renamed;
  const std::string body_end = "model.1.sub." + std::to_string(blocks) + ".";
  if (name.starts_with(body_end)) return "conv_body." + name.substr(body_end.size());
  static const std::regex pattern(R"(model\.(\d{1,3})\.(weight|bias))");
  std::smatch match;
  if (!std::regex_match(name, match, pattern)) return std::nullopt;
  const int index = std::stoi(match[1]);
  if (index == last) return "conv_last." + match[2].str();
  if (index == last - 2) return "conv_hr." + match[2].str();
  if (index % 3 != 1 && index < last - 2)
    return "conv_up" + std::to_string((index + 1) / 3) + "." + match[2].str();
  return std::nullopt;
}

Naming find_naming(const StateDict& weights) {
  const std::array<std::pair<const char*, Naming>, 7> signs{{
      {"body.0.rdb1.conv1.weight", Naming::canonical},
      {"RRDB_trunk.0.RDB1.conv1.weight", Naming::rrdb_trunk},
      {"model.1.sub.0.RDB1.conv1.0.weight", Naming::rrdb_sequential},
      {"body.0.conv1.weight", Naming::canonical},
      {"trunk.0.rcb.0.weight", Naming::srresnet_lornatang},
      {"block2.conv1.weight", Naming::srresnet_leftthomas},
      {"body.0.weight", Naming::canonical},
  }};
  for (const auto& [tensor, naming] : signs)
    if (weights.contains(tensor)) return naming;
  return Naming::unknown;
}

// The networks that enlarge, as trainers call them; of two in one file the first here is taken. The average
// over the steps is the better one.
constexpr const char* generators[] = {"generator_ema.", "g_ema.", "generator.", "netG.", "net_g."};

void drop_common_prefixes(StateDict& weights) {
  std::vector<std::string> prefixes(std::begin(generators), std::end(generators));
  prefixes.emplace_back("module.");
  const auto common = [&](const std::string& prefix) {
    return !weights.tensors.empty() &&
           std::all_of(weights.tensors.begin(), weights.tensors.end(),
                       [&](const auto& entry) { return entry.first.starts_with(prefix); });
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (const std::string& prefix : prefixes) {
      if (!common(prefix)) continue;
      rename_all(weights, [&](const std::string& name) { return std::optional(name.substr(prefix.size())); });
      changed = true;
    }
  }
}

/// torch.compile() wraps a module, or single layers of it.
void drop_compiler_marks(StateDict& weights) {
  constexpr std::string_view mark = "_orig_mod.";
  rename_all(weights, [&](std::string name) {
    for (size_t at = 0; (at = name.find(mark, at)) != std::string::npos;)
      if (at == 0 || name[at - 1] == '.')
        name.erase(at, mark.size());
      else
        at += mark.size();
    return std::optional(std::move(name));
  });
}

/// Several networks in one file, as mmagic and others save them.
std::vector<std::string> keep_generator(StateDict& weights) {
  for (const std::string prefix : generators) {
    std::set<std::string> others;
    for (const auto& [name, tensor] : weights.tensors)
      if (!name.starts_with(prefix)) others.insert(name.substr(0, name.find('.')));
    const auto is_other = [&](const auto& entry) { return !entry.first.starts_with(prefix); };
    if (others.empty() || std::all_of(weights.tensors.begin(), weights.tensors.end(), is_other)) continue;
    std::erase_if(weights.tensors, is_other);
    return {"of several networks in the file '" + prefix.substr(0, prefix.size() - 1) +
            "' is taken; left out: " + listed(std::vector<std::string>(others.begin(), others.end()))};
  }
  return {};
}

}  // namespace

const char* name_of(Naming naming) {
  switch (naming) {
    case Naming::canonical:
      return "canonical";
    case Naming::rrdb_trunk:
      return "RRDB_trunk (original ESRGAN, BSRGAN, RealSR)";
    case Naming::rrdb_sequential:
      return "model.N (the first ESRGAN code)";
    case Naming::srresnet_lornatang:
      return "trunk.N.rcb (SRGAN-PyTorch)";
    case Naming::srresnet_leftthomas:
      return "blockN (leftthomas/SRGAN)";
    case Naming::unknown:
      break;
  }
  return "unknown";
}

std::vector<std::string> strip_prefixes(StateDict& weights) {
  drop_compiler_marks(weights);
  drop_common_prefixes(weights);
  std::vector<std::string> remarks = keep_generator(weights);
  drop_common_prefixes(weights);
  std::erase_if(weights.tensors,
                [](const auto& entry) { return entry.first.ends_with("num_batches_tracked"); });
  return remarks;
}

Naming rename_to_canonical(StateDict& weights) {
  const Naming naming = find_naming(weights);
  switch (naming) {
    case Naming::rrdb_trunk:
      rename_all(weights, [](const std::string& name) { return apply_rules(trunk_rules(), name); });
      break;
    case Naming::rrdb_sequential: {
      const int blocks = highest_index(weights, "model.1.sub."), last = highest_index(weights, "model.");
      rename_all(weights, [=](const std::string& name) { return rename_sequential(name, blocks, last); });
      break;
    }
    case Naming::srresnet_lornatang:
      rename_all(weights, [](const std::string& name) { return apply_rules(lornatang_rules(), name); });
      break;
    case Naming::srresnet_leftthomas: {
      const int last = highest_index(weights, "block");
      rename_all(weights, [=](const std::string& name) { return rename_leftthomas(name, last); });
      break;
    }
    case Naming::canonical:
    case Naming::unknown:
      break;
  }
  return naming;
}

}  // namespace esrgan
