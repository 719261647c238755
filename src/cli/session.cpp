#include "cli/session.h"

#include <esrgan/error.h>
#include <esrgan/log.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <map>

#include "base/text.h"
#include "cli/progress_bar.h"
#include "cli/usage_error.h"

namespace esrgan::cli {

std::atomic<bool> stop_requested{false};

void catch_signals() {
  const auto handler = [](int signal) {
    // A second Ctrl-C ends the program at once.
    if (stop_requested.exchange(true)) {
      std::signal(signal, SIG_DFL);  // NOLINT(cert-err33-c)
      std::raise(signal);            // NOLINT(cert-err33-c)
    }
  };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, handler);  // NOLINT(cert-err33-c)
  // A pipe that is closed and a file that may not grow are errors of writing, and told of as such.
  for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);  // NOLINT(cert-err33-c)
}

std::vector<std::string> spelled(int argc, char** argv) {
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) {
    std::string argument = argv[i];
    if (argument == "-opt") argument = "--opt";
    if (argument.starts_with("--")) {
      const size_t end = std::min(argument.find('='), argument.size());
      std::replace(argument.begin(), argument.begin() + static_cast<ptrdiff_t>(end), '_', '-');
    }
    arguments.push_back(argument);
  }
  return arguments;
}

int run_program(const std::function<int()>& work) {
  catch_signals();
  set_log_sink([](LogLevel, const std::string& text) { print_message(text); });
  try {
    return work();
  } catch (const Cancelled&) {
    print_message("stopped; unfinished files were removed");
    return interrupted;
  } catch (const UsageError& error) {
    print_message(error.what());
    return wrong_usage;
  } catch (const std::bad_alloc&) {
    print_message("out of memory");
    return some_failed;
  } catch (const std::exception& error) {
    print_message(error.what());
    return some_failed;
  }
}

void print_message(const std::string& text) {
  ProgressBar::print("esrgan: " + escaped(text) + "\n");
}

void print_json(const nlohmann::ordered_json& document) {
  std::cout << document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << std::endl;
}

void add_precision(CLI::App& app, Precision& precision) {
  app.add_option("--precision", precision, "Arithmetic of the network")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Precision>{
          {"auto", Precision::automatic}, {"full", Precision::full}, {"half", Precision::half}}))
      ->type_name("auto|full|half");
}

bool try_input(const std::function<void()>& work, std::string& error) {
  try {
    work();
    return true;
  } catch (const Cancelled&) {
    throw;
  } catch (const std::bad_alloc&) {
    error = "out of memory";
  } catch (const std::exception& failure) {
    error = failure.what();
  }
  print_message(error);
  return false;
}

}  // namespace esrgan::cli
