// Completion scripts, written from the same description that parses the command line.
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/session.h"

namespace esrgan::cli {
namespace {

std::vector<const CLI::App*> commands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<const CLI::Option*> options(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->nonpositional(); });
}

/// "--tile", "-t": all spellings of an option.
std::vector<std::string> spellings(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  return names;
}

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

/// The choices of an option whose type reads "auto|full|half", or empty.
std::string choices(const CLI::Option& option) {
  std::string type = option.get_type_name();
  if (type.find('|') == std::string::npos) return "";
  std::replace(type.begin(), type.end(), '|', ' ');
  return type.substr(0, type.find(':'));
}

std::string quoted(std::string text) {
  for (size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 4) text.replace(at, 1, "'\\''");
  return "'" + text + "'";
}

void bash(const CLI::App& app) {
  std::cout << "# bash completion for esrgan\n_esrgan() {\n"
               "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} "
               "command=${COMP_WORDS[1]}\n"
               "  local words=\n  COMPREPLY=()\n  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    words='";
  for (const CLI::App* command : commands(app)) std::cout << command->get_name() << " ";
  std::cout << "--help --version'\n  else\n    case $command in\n";
  for (const CLI::App* command : commands(app)) {
    std::cout << "    " << command->get_name() << ")\n      case $before in\n";
    std::string all;
    for (const CLI::Option* option : options(*command)) {
      std::string pattern;
      for (const std::string& name : spellings(*option)) {
        pattern += (pattern.empty() ? "" : "|") + name;
        all += name + " ";
      }
      if (!choices(*option).empty())
        std::cout << "      " << pattern << ") COMPREPLY=($(compgen -W " << quoted(choices(*option))
                  << " -- \"$current\")); return;;\n";
      else if (takes_value(*option))
        std::cout << "      " << pattern << ") COMPREPLY=($(compgen -f -- \"$current\")); return;;\n";
    }
    std::cout << "      esac\n      words=" << quoted(all) << ";;\n";
  }
  std::cout
      << "    esac\n  fi\n  case $current in\n  -*) COMPREPLY=($(compgen -W \"$words\" -- \"$current\"));;\n"
         "  *) if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "     else COMPREPLY=($(compgen -f -- \"$current\")); fi;;\n  esac\n}\n"
         "complete -o filenames -F _esrgan esrgan\n";
}

void zsh(const CLI::App& app) {
  std::cout << "#compdef esrgan\n_esrgan() {\n  if (( CURRENT == 2 )); then\n    local -a commands=(\n";
  const auto described = [](std::string text) {
    std::replace(text.begin(), text.end(), ':', ';');
    std::replace(text.begin(), text.end(), '[', '(');
    std::replace(text.begin(), text.end(), ']', ')');
    return text;
  };
  for (const CLI::App* command : commands(app))
    std::cout << "      " << quoted(command->get_name() + ":" + described(command->get_description()))
              << "\n";
  std::cout << "    )\n    _describe command commands\n    return\n  fi\n  case $words[2] in\n";
  for (const CLI::App* command : commands(app)) {
    std::cout << "  " << command->get_name() << ") shift words; (( CURRENT-- )); _arguments \\\n";
    for (const CLI::Option* option : options(*command))
      for (const std::string& name : spellings(*option)) {
        const std::string value =
            choices(*option).empty() ? ":value:_files" : ":value:(" + choices(*option) + ")";
        std::cout << "    "
                  << quoted(name + "[" + described(option->get_description()) + "]" +
                            (takes_value(*option) ? value : ""))
                  << " \\\n";
      }
    std::cout << "    '*:file:_files' ;;\n";
  }
  std::cout << "  esac\n}\n_esrgan \"$@\"\n";
}

void fish(const CLI::App& app) {
  std::cout << "# fish completion for esrgan\n";
  for (const CLI::App* command : commands(app)) {
    std::cout << "complete -c esrgan -f -n __fish_use_subcommand -a " << command->get_name() << " -d "
              << quoted(command->get_description()) << "\n";
    for (const CLI::Option* option : options(*command)) {
      std::cout << "complete -c esrgan -n '__fish_seen_subcommand_from " << command->get_name() << "'";
      for (const std::string& name : option->get_lnames()) std::cout << " -l " << name;
      for (const std::string& name : option->get_snames()) std::cout << " -s " << name;
      if (!choices(*option).empty())
        std::cout << " -x -a " << quoted(choices(*option));
      else if (takes_value(*option))
        std::cout << " -r";
      std::cout << " -d " << quoted(option->get_description()) << "\n";
    }
  }
}

}  // namespace

void add_completion(CLI::App& app, Action& action) {
  auto shell = std::make_shared<std::string>();
  CLI::App* sub = app.add_subcommand("completion", "Print a completion script for a shell");
  sub->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");
  sub->footer("Example:\n  source <(esrgan completion bash)\n");
  sub->callback([shell, &app, &action] {
    action = [shell, &app] {
      if (*shell == "bash") bash(app);
      if (*shell == "zsh") zsh(app);
      if (*shell == "fish") fish(app);
      return all_done;
    };
  });
}

}  // namespace esrgan::cli
