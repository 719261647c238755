#include "model/naming.h"

#include <esrgan/error.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>
#include <vector>

namespace esrgan {
namespace {

constexpr size_t most_digits = 6;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

size_t digits_of(std::string_view text) {
  size_t count = 0;
  while (count < text.size() && count <= most_digits && is_digit(text[count])) ++count;
  return count > most_digits ? 0 : count;
}

/// What the pattern's wildcards stand for; nothing when it does not fit.
std::optional<std::vector<std::string_view>> match(std::string_view pattern, std::string_view name) {
  std::vector<std::string_view> found;
  for (const char c : pattern) {
    if (c == '*') {
      found.push_back(name);
      return found;
    }
    const size_t length = c == '#' ? digits_of(name) : !name.empty() && name[0] == c ? 1 : 0;
    if (length == 0) return std::nullopt;
    if (c == '#') found.push_back(name.substr(0, length));
    name.remove_prefix(length);
  }
  if (!name.empty()) return std::nullopt;
  return found;
}

std::string filled(std::string_view text, const std::vector<std::string_view>& values) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '$')
      result += values.at(static_cast<size_t>(text[++i] - '1'));
    else
      result += text[i];
  return result;
}

}  // namespace

std::optional<std::string> rename(std::initializer_list<RenameRule> rules, std::string_view name) {
  for (const RenameRule& rule : rules)
    if (const auto values = match(rule.from, name)) return filled(rule.to, *values);
  return std::nullopt;
}

std::optional<int> take_number(std::string_view& text) {
  const size_t digits = digits_of(text);
  if (digits == 0) return std::nullopt;
  int number = 0;
  std::from_chars(text.data(), text.data() + digits, number);
  text.remove_prefix(digits);
  return number;
}

int highest_index(const StateDict& weights, std::string_view prefix) {
  int highest = -1;
  for (auto entry = weights.tensors.lower_bound(std::string(prefix));
       entry != weights.tensors.end() && entry->first.starts_with(prefix); ++entry) {
    std::string_view rest = std::string_view(entry->first).substr(prefix.size());
    highest = std::max(highest, take_number(rest).value_or(-1));
  }
  return highest;
}

void rename_all(StateDict& weights, const Renamer& renamer) {
  std::map<std::string, Tensor> given = std::exchange(weights.tensors, {});
  for (auto& [name, tensor] : given) {
    const std::optional<std::string> canonical = renamer(name);
    if (!canonical)
      throw Error(ErrorKind::bad_data, weights.file,
                  "the tensor '" + name + "' belongs to no layer of this network");
    weights.add(*canonical, std::move(tensor));
  }
}

}  // namespace esrgan
