// The picture formats, as this machine has them.
#include <esrgan/image.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/session.h"

namespace esrgan::cli {
namespace {

std::string joined(const std::vector<std::string>& words, const char* separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

std::vector<std::string> channels_of(const FormatInfo& format) {
  const char* const names[] = {"gray", "gray+alpha", "RGB", "RGB+alpha"};
  std::vector<std::string> words;
  for (const char channels : format.channels) words.emplace_back(names[channels - '1']);
  return words;
}

std::vector<std::string> metadata_of(const FormatInfo& format) {
  std::vector<std::string> words;
  for (const auto& [has, name] : {std::pair{format.icc, "ICC"},
                                  {format.exif, "EXIF"},
                                  {format.xmp, "XMP"},
                                  {format.iptc, "IPTC"},
                                  {format.text, "text"}})
    if (has) words.emplace_back(name);
  return words;
}

std::vector<std::string> types_of(const FormatInfo& format) {
  std::vector<std::string> words;
  for (const SampleType type : format.types) words.emplace_back(name_of(type));
  return words;
}

std::string use_of(const FormatInfo& format) {
  if (!format.missing.empty()) return "not here: " + format.missing;
  if (!format.writable) return "read";
  std::string text = "read, write";
  if (format.lossy) text += format.lossless ? ", lossy or not" : ", lossy";
  if (format.several) text += ", several pictures";
  if (format.of_its_kind) text += ", of its own kind alone";
  if (format.largest_side > 0 && format.largest_side < 1'000'000)
    text += ", up to " + std::to_string(format.largest_side) + " pixels";
  return text;
}

nlohmann::ordered_json json_of(const FormatInfo& format) {
  return {{"name", format.name},
          {"extensions", format.extensions},
          {"read", format.readable},
          {"write", format.writable},
          {"missing", format.missing},
          {"channels", channels_of(format)},
          {"samples", types_of(format)},
          {"lossy", format.lossy},
          {"lossless", format.lossless},
          {"several_pictures", format.several},
          {"of_its_kind", format.of_its_kind},
          {"largest_side", format.largest_side},
          {"metadata", metadata_of(format)}};
}

int run(bool json) {
  nlohmann::ordered_json document = nlohmann::ordered_json::array();
  for (const FormatInfo& format : list_formats()) {
    if (json) {
      document.push_back(json_of(format));
      continue;
    }
    std::printf("%-13s %s\n", format.name.c_str(), use_of(format).c_str());
    std::printf("%-13s .%s\n", "", joined(format.extensions, " .").c_str());
    if (!format.writable) continue;
    std::printf("%-13s %s; %s\n", "", joined(channels_of(format), ", ").c_str(),
                joined(types_of(format), ", ").c_str());
    const std::string metadata = joined(metadata_of(format), ", ");
    if (!metadata.empty()) std::printf("%-13s %s\n", "", metadata.c_str());
  }
  if (json) print_json(document);
  return all_done;
}

}  // namespace

void add_formats(CLI::App& app, Action& action) {
  auto json = std::make_shared<bool>(false);
  CLI::App* sub = app.add_subcommand("formats", "The picture formats that can be read and written here");
  sub->add_flag("--json", *json, "Print as JSON");
  sub->callback([json, &action] { action = [json] { return run(*json); }; });
}

}  // namespace esrgan::cli
