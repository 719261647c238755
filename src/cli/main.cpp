// The command line: parses, then hands over to one command.
#include <esrgan/error.h>
#include <esrgan/log.h>
#include <esrgan/version.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/session.h"

namespace esrgan::cli {
namespace {

/// Spellings of the field: --self_ensemble for --self-ensemble, -opt for --opt.
std::string normalise(std::string argument) {
  if (argument == "-opt") return "--opt";
  if (!argument.starts_with("--")) return argument;
  const size_t end = std::min(argument.find('='), argument.size());
  std::replace(argument.begin(), argument.begin() + static_cast<ptrdiff_t>(end), '_', '-');
  return argument;
}

int run(int argc, char** argv) {
  CLI::App app("Enlarge pictures with networks of the ESRGAN family", "esrgan");
  app.set_version_flag("--version", "esrgan " ESRGAN_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(36);
  app.footer("'esrgan COMMAND --help' tells more about a command.");
  Action action;
  add_upscale(app, action);
  add_models(app, action);
  add_weights_commands(app, action);
  add_downscale(app, action);
  add_metrics(app, action);
  add_evaluate(app, action);
  add_bench(app, action);
  add_completion(app, action);

  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) arguments.push_back(normalise(argv[i]));  // CLI11 wants them reversed
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? all_done : wrong_usage;
  }
  return action();
}

}  // namespace
}  // namespace esrgan::cli

int main(int argc, char** argv) {
  using namespace esrgan;
  cli::catch_signals();
  set_log_sink([](LogLevel, const std::string& text) { cli::print_message(text); });
  try {
    return cli::run(argc, argv);
  } catch (const Cancelled&) {
    cli::print_message("stopped; unfinished files were removed");
    return cli::interrupted;
  } catch (const std::exception& error) {
    cli::print_message(error.what());
    return cli::some_failed;
  }
}
