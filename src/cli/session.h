// What all commands share: how they report, and how they are stopped.
#pragma once

#include <esrgan/upscaler.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace esrgan::cli {

/// Exit statuses.
constexpr int all_done = 0, some_failed = 1, wrong_usage = 2, interrupted = 130;

/// Ctrl-C and SIGTERM ask to stop by it; once more, and the program ends at once.
std::stop_token stop_token();

/// The arguments in the order that CLI11 takes them (the last first), with the field's spellings brought to
/// ours:
/// --self_ensemble for --self-ensemble, -opt for --opt.
std::vector<std::string> spelled(int argc, char** argv);

/// Runs a program's work: messages go to standard error, exceptions become messages and exit statuses.
int run_program(const std::function<int()>& work);

/// Prints "esrgan: TEXT" on standard error, around a progress line if there is one.
void print_message(const std::string& text);

/// Prints a document on standard output, and nothing else is printed there.
void print_json(const nlohmann::ordered_json& document);

/// --precision, as every command that runs networks has it.
void add_precision(CLI::App& app, Precision& precision);

/// --denoise and --deblur, how strongly a network does it that can be told.
void add_strengths(CLI::App& app, float& denoise, float& deblur);

/// Runs `work`, reporting an Error as a failed input; lets Cancelled through.
bool try_input(const std::function<void()>& work, std::string& error);

/// A command sets this when it is chosen; main() runs it and exits with what it returns.
using Action = std::function<int()>;

void add_upscale(CLI::App& app, Action& action);
void add_models(CLI::App& app, Action& action);
void add_weights_commands(CLI::App& app, Action& action);  // info, convert, interpolate
void add_export(CLI::App& app, Action& action);
void add_downscale(CLI::App& app, Action& action);
void add_metrics(CLI::App& app, Action& action);
void add_formats(CLI::App& app, Action& action);
void add_devices(CLI::App& app, Action& action);
void add_compare(CLI::App& app, Action& action);
void add_evaluate(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);
void add_completion(CLI::App& app, Action& action);
void add_data(CLI::App& app, Action& action);  // where the libraries for it are

}  // namespace esrgan::cli
