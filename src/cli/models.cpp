#include <esrgan/models.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/session.h"

namespace esrgan::cli {
namespace {

int run_models(bool json) {
  nlohmann::ordered_json document = nlohmann::ordered_json::array();
  for (const KnownModel& model : list_models()) {
    const char* objective = name_of(model.objective);
    document.push_back({{"name", model.name},
                        {"aliases", model.aliases},
                        {"installed", model.installed},
                        {"objective", objective},
                        {"licence", model.licence},
                        {"purpose", model.purpose},
                        {"source", model.source},
                        {"path", model.path}});
    if (json) continue;
    std::cout << model.name
              << (model.installed || model.source.empty() ? "" : "  (not installed: script/setup models)")
              << "\n    " << (model.purpose.empty() ? "purpose not known" : model.purpose) << "; "
              << objective << "; " << (model.licence.empty() ? "licence not known" : model.licence)
              << (model.source.empty() ? "" : "; from " + model.source) << "\n";
    std::string aliases;
    for (const std::string& alias : model.aliases) aliases += (aliases.empty() ? "" : ", ") + alias;
    if (!aliases.empty()) std::cout << "    also called " << aliases << "\n";
  }
  if (json) {
    print_json(document);
  } else {
    std::cout << "\nModels are kept in " << models_folder()
              << "; weight files put there are found by name too.\n";
  }
  return all_done;
}

}  // namespace

void add_models(CLI::App& app, Action& action) {
  auto json = std::make_shared<bool>(false);
  CLI::App* sub = app.add_subcommand("models", "List the models that are known and those that are installed");
  sub->add_flag("--json", *json, "Print as JSON");
  sub->callback([json, &action] { action = [json] { return run_models(*json); }; });
}

}  // namespace esrgan::cli
