// esrgan-train: what `esrgan train`, distill, prune and quantize start; the only program that links LibTorch.
#include <esrgan/error.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <string>

#include "cli/compress_commands.h"
#include "cli/session.h"
#include "train/networks/host_memory.h"
#include "train/recipe.h"
#include "train/run/inspect.h"
#include "train/run/trainer.h"

namespace esrgan::train {
namespace {

constexpr const char* examples = R"(Examples:
  esrgan train -opt options/quick_cpu.yml --set datasets.train.HR=photos
  esrgan train -opt options/train_PSNR.yml --dry-run  what would be done
  esrgan train -opt options/train_PSNR.yml --resume   go on after a stop
  esrgan train --schema > recipe.schema.json          what a recipe may say, for editors
  esrgan train -opt options/train_PSNR.yml --profile 20
  torchrun --no-python --nproc-per-node 4 esrgan train -opt options/train_PSNR.yml
)";

int run(int argc, char** argv, bool distills) {
  CLI::App app{
      distills ? "Train a small network to do as a large one does" : "Train a network of the ESRGAN family",
      distills ? "esrgan distill" : "esrgan train"};
  app.footer(examples);
  std::string file;
  std::vector<std::string> changes;
  std::string resume;
  bool dry = false, schema = false;
  int profile_steps = 0;
  std::string trace = "trace.json";
  CLI::Option* recipe_option =
      app.add_option("-o,--opt", file, "The recipe (also -opt)")->type_name("FILE.yml");
  app.add_option("--set", changes, "Another value for a key of the recipe; may be given often")
      ->type_name("KEY=VALUE");
  CLI::Option* resume_option =
      app.add_option("--resume", resume,
                     "Go on after the last checkpoint of the run; auto: begin it if there is none")
          ->expected(0, 1)
          ->check(CLI::IsMember({"", "true", "auto"}))  // without a value it is one of the first two
          ->type_name("[auto]");
  app.add_flag("--dry-run", dry, "Show the resolved recipe, sizes and memory; train nothing");
  app.add_flag("--schema", schema, "Print the JSON schema of recipes, for editors; train nothing")
      ->excludes(recipe_option);
  app.add_option("--profile", profile_steps, "Show where the time of so many steps goes; keep nothing")
      ->check(CLI::Range(1, 10'000))
      ->type_name("STEPS");
  app.add_option("--trace", trace, "With --profile: a file that Chrome's tracing opens")
      ->capture_default_str()
      ->type_name("FILE.json");
  try {
    app.parse(cli::spelled(argc, argv));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cli::all_done : cli::wrong_usage;
  }
  if (schema) {
    std::cout << recipe_schema() << '\n';
    return cli::all_done;
  }
  if (file.empty()) {
    std::cerr << "--opt is required: a recipe, such as options/quick_cpu.yml\n";
    return cli::wrong_usage;
  }
  keep_host_memory();
  const Recipe recipe = read_recipe(file, changes);
  for (const std::string& remark : recipe.remarks) cli::print_message("warning: " + remark);
  if (distills && recipe.teacher.empty())
    throw Error(ErrorKind::invalid_argument, file, "a recipe with a teacher", "the section 'distillation'",
                "none");
  if (dry) {
    dry_run(recipe);
    return cli::all_done;
  }
  if (profile_steps > 0) {
    profile(recipe, profile_steps, trace);
    return cli::all_done;
  }
  const RunOptions::Resume how = resume_option->count() == 0 ? RunOptions::Resume::no
                                 : resume == "auto"          ? RunOptions::Resume::if_there
                                                             : RunOptions::Resume::yes;
  if (!train(recipe, {how, cli::stop_token()})) return cli::interrupted;
  if (distills) cli::compare_with_teacher(recipe);
  return cli::all_done;
}

}  // namespace
}  // namespace esrgan::train

int main(int argc, char** argv) {
  const std::string command = std::filesystem::path(argv[0]).filename().string();
  return esrgan::cli::run_program([&] {
    if (command == "prune") return esrgan::cli::run_prune(argc, argv);
    if (command == "quantize") return esrgan::cli::run_quantize(argc, argv);
    return esrgan::train::run(argc, argv, command == "distill");
  });
}
