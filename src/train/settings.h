// A YAML document read with care: every key is asked for by name and type, and what nobody asked for is an
// error.
#pragma once

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace esrgan::train {

/// One mapping of a document. Each question is remembered together with its answer, so that check() can name
/// the keys that belong to nothing and resolved() can write down what was taken, defaults included. All
/// errors are esrgan::Error with "FILE:LINE" as the file.
class Settings {
 public:
  /// Reads a file. `changes`: "KEY.KEY=VALUE" each, a value as YAML that replaces what the file says, or is
  /// added to it. Throws Error when the file cannot be read or is not a YAML mapping.
  static Settings read(const std::string& file, const std::vector<std::string>& changes = {});
  /// The same from a text; `file` is for messages.
  static Settings parse(const std::string& text, const std::string& file,
                        const std::vector<std::string>& changes = {});

  /// Whether the key is there and not null.
  bool has(const std::string& key) const;

  /// The value of `key`, or nothing when it is absent or null. T: bool, int, int64_t, double, std::string, or
  /// a vector of them; a single value does for a vector.
  template <typename T>
  std::optional<T> find(const std::string& key);

  /// The value of `key`, or `fallback`.
  template <typename T>
  T get(const std::string& key, T fallback) {
    std::optional<T> found = find<T>(key);
    record(key, found ? *found : fallback);
    return found ? *found : fallback;
  }

  /// The value of `key`; Error when it is absent.
  template <typename T>
  T require(const std::string& key) {
    if (std::optional<T> found = find<T>(key)) {
      record(key, *found);
      return *found;
    }
    refuse_missing(key);
  }

  /// The value of `key`, a word of `choices`.
  std::string choose(const std::string& key, const std::vector<std::string>& choices,
                     const std::string& fallback);
  /// What stands beside the word in `choices`.
  template <typename T>
  T choose_as(const std::string& key, const std::vector<std::pair<std::string, T>>& choices, T fallback) {
    std::vector<std::string> words;
    std::string usual;
    for (const auto& [word, meaning] : choices) {
      words.push_back(word);
      if (meaning == fallback && usual.empty()) usual = word;
    }
    const std::string found = choose(key, words, usual);
    return std::find_if(choices.begin(), choices.end(), [&](const auto& c) { return c.first == found; })
        ->second;
  }

  /// A row of a table, by its name.
  template <typename Row, size_t Count>
  const Row& choose_row(const std::string& key, const Row (&rows)[Count], const Row& usual) {
    std::vector<std::string> words;
    for (const Row& row : rows) words.emplace_back(row.name);
    const std::string found = choose(key, words, usual.name);
    return *std::find_if(std::begin(rows), std::end(rows), [&](const Row& row) { return row.name == found; });
  }

  /// A number no less than `least`.
  template <typename T>
  T at_least(const std::string& key, T least, T fallback) {
    const T found = get<T>(key, fallback);
    describe_minimum(key, static_cast<double>(least));
    if (!(found >= least)) refuse(key, "at least " + std::to_string(least));
    return found;
  }

  /// The mapping at `key`; empty when it is absent. Asked for again, it is the same.
  Settings section(const std::string& key);
  /// The mapping at each name of the mapping at `key`, in the order of the file.
  std::vector<std::pair<std::string, Settings>> named_sections(const std::string& key);
  /// The mappings of the list at `key`.
  std::vector<Settings> sections(const std::string& key);

  /// Keys that are known and mean nothing here; those that are there are remarked on with the reason.
  void ignore(const std::vector<std::string>& keys, const std::string& reason);
  /// A remark about a key.
  void remark(const std::string& key, const std::string& text);
  /// Of the whole document.
  const std::vector<std::string>& remarks() const;

  /// Throws Error for the first key, in this mapping and those taken from it, that nobody asked for; it names
  /// the line and the nearest key that is known.
  void check() const;

  /// Throws Error naming the line of `key`, what was expected there and what was found.
  [[noreturn]] void refuse(const std::string& key, const std::string& expected) const;

  /// The same, where a word of `choices` was expected.
  [[noreturn]] void refuse_word(const std::string& key, const std::vector<std::string>& choices) const;

  /// Everything that was asked for with its answer.
  YAML::Node resolved() const;

  /// Everything that was asked for, as a JSON schema (draft 2020-12).
  nlohmann::json schema() const;

 private:
  struct State;
  explicit Settings(std::shared_ptr<State> state) : state_(std::move(state)) {}

  Settings from_node(const YAML::Node& node, const std::string& path) const;
  YAML::Node value(const std::string& key);
  [[noreturn]] void refuse_missing(const std::string& key) const;
  template <typename T>
  void record(const std::string& key, const T& value);
  void describe_minimum(const std::string& key, double least);
  std::string place(const YAML::Node& node) const;
  std::string full_name(const std::string& key) const;

  std::shared_ptr<State> state_;
};

/// What differs between two documents, "KEY.KEY: VALUE (was VALUE)" each.
std::vector<std::string> changed_keys(const std::string& before, const std::string& after);

/// What either of two schemas allows.
nlohmann::json merged_schemas(const nlohmann::json& a, const nlohmann::json& b);

/// Whichever of `known` takes the fewest edits to become `word`; empty when `known` is.
std::string nearest_word(const std::string& word, const std::vector<std::string>& known);

}  // namespace esrgan::train
