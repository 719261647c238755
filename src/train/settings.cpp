#include "train/settings.h"

#include <esrgan/error.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <type_traits>

#include "base/text.h"

namespace esrgan::train {

struct Settings::State {
  YAML::Node node;  // a mapping, or undefined
  std::string file, path;
  std::vector<std::string> asked;
  YAML::Node resolved{YAML::NodeType::Map};
  nlohmann::json properties = nlohmann::json::object();  // of a schema; sections and lists of them apart
  bool keys_are_names = false;                           // and not known beforehand
  std::map<std::string, Settings> sections;              // to be checked with this one
  std::map<std::string, std::vector<Settings>> lists;    // likewise
  std::shared_ptr<std::vector<std::string>> remarks;     // of the document
};

namespace {

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};

/// The type of a value in a JSON schema.
template <typename T>
nlohmann::json schema_of_type() {
  if constexpr (std::is_same_v<T, bool>) return {{"type", "boolean"}};
  if constexpr (std::is_integral_v<T>) return {{"type", "integer"}};
  if constexpr (std::is_floating_point_v<T>) return {{"type", "number"}};
  if constexpr (IsVector<T>::value) {
    const nlohmann::json item = schema_of_type<typename T::value_type>();
    return {{"anyOf", {item, {{"type", "array"}, {"items", item}}}}};
  }
  return {{"type", "string"}};
}

template <typename T>
const char* expected_type() {
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_integral_v<T>) return "a whole number";
  if constexpr (std::is_floating_point_v<T>) return "a number";
  if constexpr (IsVector<T>::value) return "a list";
  return "a text";
}

std::string text_of(const YAML::Node& node) {
  if (node.IsScalar()) return "'" + node.Scalar() + "'";
  return node.IsSequence() ? "a list" : node.IsMap() ? "a mapping" : "nothing";
}

/// Makes one of the changes that were asked for.
void make_change(const std::string& change, const YAML::Node& document) {
  const size_t end = change.find('=');
  const auto refuse = [&](const std::string& expected) {
    throw Error(ErrorKind::invalid_argument, "", "--set", expected, "'" + change + "'");
  };
  if (end == std::string::npos || end == 0) refuse("KEY=VALUE, such as train.niter=1000");
  YAML::Node at;
  at.reset(document);
  const auto child = [&](const std::string& key) -> YAML::Node {
    if (!at.IsSequence()) return at[key];
    size_t index = at.size();
    const char* const end_of_key = key.data() + key.size();
    if (std::from_chars(key.data(), end_of_key, index).ptr != end_of_key || index >= at.size())
      refuse("a number below " + std::to_string(at.size()) + " for an item of a list");
    return at[index];
  };
  std::istringstream keys(change.substr(0, end));
  std::string key, next;
  std::getline(keys, key, '.');
  while (std::getline(keys, next, '.')) {
    YAML::Node inner = child(key);
    if (!inner || inner.IsNull()) inner = YAML::Node(YAML::NodeType::Map);
    if (inner.IsScalar()) refuse("a key of a mapping or a list; '" + key + "' is neither");
    at.reset(inner);
    key = next;
  }
  try {
    child(key) = YAML::Clone(YAML::Load(change.substr(end + 1)));  // without the line of another text
  } catch (const YAML::Exception& error) {
    refuse("a value that YAML understands (" + error.msg + ")");
  }
}

/// The scalars of a document and its lists of them, by their full names.
void collect_values(const YAML::Node& node, const std::string& name,
                    std::map<std::string, std::string>& values) {
  if (!node.IsMap()) {
    values[name] = YAML::Dump(node);
    return;
  }
  for (const auto& entry : node)
    collect_values(entry.second, name.empty() ? entry.first.Scalar() : name + "." + entry.first.Scalar(),
                   values);
}

}  // namespace

std::vector<std::string> changed_keys(const std::string& before, const std::string& after) {
  std::map<std::string, std::string> old, now;
  try {
    collect_values(YAML::Load(before), "", old);
    collect_values(YAML::Load(after), "", now);
  } catch (const YAML::Exception& error) {
    throw Error(ErrorKind::bad_data, "", "a recipe: " + error.msg);
  }
  std::vector<std::string> changes;
  const auto add = [&](const std::string& name, const std::string& value, const std::string& was) {
    std::string text = name;
    changes.push_back(text.append(": ").append(value).append(" (was ").append(was).append(")"));
  };
  for (const auto& [name, value] : now)
    if (const auto found = old.find(name); found == old.end())
      add(name, value, "absent");
    else if (found->second != value)
      add(name, value, found->second);
  for (const auto& [name, value] : old)
    if (!now.contains(name)) add(name, "absent", value);
  return changes;
}

std::string nearest_word(const std::string& word, const std::vector<std::string>& known) {
  const auto nearest = std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
    return edit_distance(word, a) < edit_distance(word, b);
  });
  return nearest == known.end() ? "" : *nearest;
}

Settings Settings::from_node(const YAML::Node& node, const std::string& path) const {
  auto state = std::make_shared<State>();
  state->file = state_->file;
  state->remarks = state_->remarks;
  state->path = path;
  if (node.IsDefined() && !node.IsNull()) state->node = node;
  Settings settings(state);
  if (!node.IsDefined() || node.IsNull()) return settings;
  if (!node.IsMap())
    throw Error(ErrorKind::bad_data, settings.place(node), "'" + path + "'", "a mapping of keys to values",
                text_of(node));
  std::set<std::string> seen;
  for (const auto& entry : node) {
    const auto& key = entry.first.Scalar();
    if (!seen.insert(key).second)
      throw Error(ErrorKind::bad_data, settings.place(entry.first),
                  "the key '" + settings.full_name(key) + "' stands here a second time");
  }
  return settings;
}

Settings Settings::parse(const std::string& text, const std::string& file,
                         const std::vector<std::string>& changes) {
  try {
    YAML::Node node = YAML::Load(text);
    if (!node.IsMap())
      throw Error(ErrorKind::bad_data, file, "a recipe", "a mapping of keys to values", text_of(node));
    for (const std::string& change : changes) make_change(change, node);
    auto document = std::make_shared<State>();
    document->file = file;
    document->remarks = std::make_shared<std::vector<std::string>>();
    return Settings(document).from_node(node, "");
  } catch (const YAML::Exception& error) {
    throw Error(ErrorKind::bad_data, file + ":" + std::to_string(error.mark.line + 1), error.msg);
  }
}

Settings Settings::read(const std::string& file, const std::vector<std::string>& changes) {
  std::ifstream stream(file);
  std::ostringstream text;
  if (!stream || !(text << stream.rdbuf())) throw Error(ErrorKind::io, file, "cannot be read");
  return parse(text.str(), file, changes);
}

std::string Settings::full_name(const std::string& key) const {
  return state_->path.empty() ? key : state_->path + "." + key;
}

std::string Settings::place(const YAML::Node& node) const {
  return node.Mark().is_null() ? state_->file : state_->file + ":" + std::to_string(node.Mark().line + 1);
}

YAML::Node Settings::value(const std::string& key) {
  if (std::find(state_->asked.begin(), state_->asked.end(), key) == state_->asked.end())
    state_->asked.push_back(key);
  const YAML::Node& node = state_->node;
  return node.IsMap() && node[key] ? node[key] : YAML::Node();
}

bool Settings::has(const std::string& key) const {
  const YAML::Node& node = state_->node;
  return node.IsMap() && node[key] && !node[key].IsNull();
}

template <typename T>
std::optional<T> Settings::find(const std::string& key) {
  const YAML::Node node = value(key);
  state_->properties[key].update(schema_of_type<T>());
  if (!node.IsDefined() || node.IsNull()) return {};
  try {
    if constexpr (IsVector<T>::value) {
      if (node.IsScalar()) return T{node.as<typename T::value_type>()};
    } else if (!node.IsScalar()) {
      refuse(key, expected_type<T>());
    }
    if constexpr (std::is_same_v<T, int> || std::is_same_v<T, int64_t>) {
      // 1e5 is a whole number, too.
      const auto number = node.as<double>();
      const bool fits = number >= static_cast<double>(std::numeric_limits<T>::min()) &&
                        number < -static_cast<double>(std::numeric_limits<T>::min());
      if (!fits || number != std::trunc(number)) refuse(key, expected_type<T>());
      return static_cast<T>(number);
    } else {
      return node.as<T>();
    }
  } catch (const YAML::Exception&) {
    refuse(key, expected_type<T>());
  }
}

template <typename T>
void Settings::record(const std::string& key, const T& value) {
  state_->resolved[key] = value;
}

#define ESRGAN_SETTINGS_TYPE(T)                                 \
  template std::optional<T> Settings::find(const std::string&); \
  template void Settings::record(const std::string&, const T&);
ESRGAN_SETTINGS_TYPE(bool)
ESRGAN_SETTINGS_TYPE(int)
ESRGAN_SETTINGS_TYPE(int64_t)
ESRGAN_SETTINGS_TYPE(double)
ESRGAN_SETTINGS_TYPE(std::string)
ESRGAN_SETTINGS_TYPE(std::vector<int64_t>)
ESRGAN_SETTINGS_TYPE(std::vector<double>)
ESRGAN_SETTINGS_TYPE(std::vector<std::string>)
#undef ESRGAN_SETTINGS_TYPE

std::string Settings::choose(const std::string& key, const std::vector<std::string>& choices,
                             const std::string& fallback) {
  auto found = get<std::string>(key, fallback);
  state_->properties[key]["enum"] = choices;
  if (std::find(choices.begin(), choices.end(), found) != choices.end()) return found;
  refuse_word(key, choices);
}

void Settings::refuse_word(const std::string& key, const std::vector<std::string>& choices) const {
  std::string list;
  for (const std::string& choice : choices) list += (list.empty() ? "" : ", ") + choice;
  refuse(key, "one of " + list);
}

Settings Settings::section(const std::string& key) {
  if (const auto known = state_->sections.find(key); known != state_->sections.end()) return known->second;
  Settings found = from_node(value(key), full_name(key));
  state_->resolved[key] = found.state_->resolved;
  state_->sections.emplace(key, found);
  return found;
}

std::vector<std::pair<std::string, Settings>> Settings::named_sections(const std::string& key) {
  Settings outer = section(key);
  outer.state_->keys_are_names = true;
  std::vector<std::pair<std::string, Settings>> found;
  if (!outer.state_->node.IsMap()) return found;
  for (const auto& entry : outer.state_->node)
    found.emplace_back(entry.first.Scalar(), outer.section(entry.first.Scalar()));
  return found;
}

std::vector<Settings> Settings::sections(const std::string& key) {
  const YAML::Node node = value(key);
  std::vector<Settings> found;
  if (!node.IsDefined() || node.IsNull()) return found;
  if (!node.IsSequence()) refuse(key, "a list");
  for (size_t i = 0; i < node.size(); ++i) {
    found.push_back(from_node(node[i], full_name(key) + "[" + std::to_string(i) + "]"));
    state_->resolved[key].push_back(found.back().state_->resolved);
    state_->lists[key].push_back(found.back());
  }
  return found;
}

void Settings::ignore(const std::vector<std::string>& keys, const std::string& reason) {
  for (const std::string& key : keys) {
    const YAML::Node node = value(key);
    if (node.IsDefined() && !node.IsNull()) remark(key, "has no effect " + reason);
  }
}

void Settings::remark(const std::string& key, const std::string& text) {
  state_->remarks->push_back(place(value(key)) + ": '" + full_name(key) + "' " + text);
}

const std::vector<std::string>& Settings::remarks() const {
  return *state_->remarks;
}

void Settings::check() const {
  if (state_->node.IsMap())
    for (const auto& entry : state_->node) {
      const auto& key = entry.first.Scalar();
      if (std::find(state_->asked.begin(), state_->asked.end(), key) != state_->asked.end()) continue;
      throw Error(ErrorKind::bad_data, place(entry.first), "unknown key '" + full_name(key) + "'",
                  nearest_word(key, state_->asked), "");
    }
  for (const auto& [key, section] : state_->sections) section.check();
  for (const auto& [key, entries] : state_->lists)
    for (const Settings& entry : entries) entry.check();
}

void Settings::refuse(const std::string& key, const std::string& expected) const {
  const YAML::Node node = state_->node[key];
  if (!node.IsDefined())
    throw Error(ErrorKind::bad_data, place(state_->node), "'" + full_name(key) + "'", expected, "nothing");
  throw Error(ErrorKind::bad_data, place(node), "'" + full_name(key) + "'", expected, text_of(node));
}

void Settings::refuse_missing(const std::string& key) const {
  throw Error(ErrorKind::bad_data, state_->file, "the key '" + full_name(key) + "' is missing");
}

YAML::Node Settings::resolved() const {
  return state_->resolved;
}

void Settings::describe_minimum(const std::string& key, double least) {
  state_->properties[key]["minimum"] = least;
}

nlohmann::json Settings::schema() const {
  nlohmann::json properties = state_->properties;
  nlohmann::json of_all_names = nlohmann::json::object();
  for (const auto& [key, section] : state_->sections) {
    if (!state_->keys_are_names)
      properties[key] = section.schema();
    else
      of_all_names = merged_schemas(of_all_names, section.schema());
  }
  for (const auto& [key, entries] : state_->lists) {
    nlohmann::json items = nlohmann::json::object();
    for (const Settings& entry : entries) items = merged_schemas(items, entry.schema());
    properties[key] = {{"type", "array"}, {"items", items}};
  }
  for (const std::string& key : state_->asked)
    if (!properties.contains(key)) properties[key] = nlohmann::json::object();
  nlohmann::json schema{{"type", {"object", "null"}}};
  if (state_->keys_are_names) {
    schema["additionalProperties"] = of_all_names;
    return schema;
  }
  schema["properties"] = properties;
  schema["additionalProperties"] = false;
  return schema;
}

nlohmann::json merged_schemas(const nlohmann::json& a, const nlohmann::json& b) {
  if (!a.is_object() || !b.is_object()) return a.is_null() ? b : a;
  nlohmann::json all = a;
  for (const auto& [key, value] : b.items()) {
    if (!all.contains(key)) {
      all[key] = value;
    } else if (key == "enum") {
      for (const auto& word : value)
        if (std::find(all[key].begin(), all[key].end(), word) == all[key].end()) all[key].push_back(word);
    } else {
      all[key] = merged_schemas(all[key], value);
    }
  }
  return all;
}

}  // namespace esrgan::train
