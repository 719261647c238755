// The command line: parses, then hands over to one command.
#include <esrgan/version.h>

#include <CLI/CLI.hpp>
#include <string>

#include "cli/other_program.h"
#include "cli/session.h"

namespace esrgan::cli {
namespace {

int run(int argc, char** argv) {
  start_other_program(argc, argv);
  CLI::App app("Enlarge pictures with networks of the ESRGAN family", "esrgan");
  app.set_version_flag("--version", std::string("esrgan ") + version());
  app.require_subcommand(1);
  app.get_formatter()->column_width(36);
  app.footer("'esrgan COMMAND --help' tells more about a command.");
  Action action;
  add_upscale(app, action);
  add_video(app);
  add_models(app, action);
  add_weights_commands(app, action);
  add_export(app, action);
  add_downscale(app, action);
  add_metrics(app, action);
  add_formats(app, action);
  add_devices(app, action);
  add_compare(app, action);
  add_evaluate(app, action);
  add_bench(app, action);
  add_train(app);
#if defined(ESRGAN_WITH_TRAINING_DATA)
  add_data(app, action);
#endif
  add_completion(app, action);

  try {
    app.parse(spelled(argc, argv));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? all_done : wrong_usage;
  }
  return action();
}

}  // namespace
}  // namespace esrgan::cli

int main(int argc, char** argv) {
  return esrgan::cli::run_program([&] { return esrgan::cli::run(argc, argv); });
}
