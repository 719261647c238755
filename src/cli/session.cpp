#include "cli/session.h"

#include <esrgan/error.h>
#include <esrgan/log.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <map>
#include <thread>

#include "base/text.h"
#include "cli/progress_bar.h"

namespace esrgan::cli {

namespace {

std::stop_source& stop_source() {
  static std::stop_source source;
  return source;
}

/// Signals that mean the end go to a thread that waits for nothing else. To be called before other threads
/// are made, which inherit that they are not disturbed.
void watch_signals() {
  // A pipe that is closed and a file that may not grow are errors of writing, and told of as such.
  for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);  // NOLINT(cert-err33-c)
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals, source = stop_source()]() mutable {
    int signal = 0;
    while (sigwait(&signals, &signal) != 0) {
    }
    source.request_stop();
    while (sigwait(&signals, &signal) != 0) {
    }
    std::signal(signal, SIG_DFL);  // NOLINT(cert-err33-c)
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    std::raise(signal);  // NOLINT(cert-err33-c)
  }).detach();
}

}  // namespace

std::stop_token stop_token() {
  return stop_source().get_token();
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
  set_log_sink([](LogLevel, const std::string& text) { print_message(text); });
  try {
    watch_signals();
    return work();
  } catch (const Cancelled&) {
    print_message("stopped; unfinished files were removed");
    return interrupted;
  } catch (const Error& error) {
    print_message(error.what());
    return error.kind() == ErrorKind::invalid_argument ? wrong_usage : some_failed;
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

void add_strengths(CLI::App& app, float& denoise, float& deblur) {
  const auto add = [&](const char* option, float& strength, const char* text) {
    app.add_option(option, strength, text)->type_name("0-1")->check(CLI::Range(0.0, 1.0));
  };
  add("--denoise", denoise, "How strongly noise is taken away, by a network that can be told");
  add("--deblur", deblur, "The same of blur");
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
