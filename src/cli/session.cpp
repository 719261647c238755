#include "cli/session.h"

#include <esrgan/error.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <map>

#include "cli/progress_bar.h"

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
  std::signal(SIGINT, handler);   // NOLINT(cert-err33-c)
  std::signal(SIGTERM, handler);  // NOLINT(cert-err33-c)
}

void print_message(const std::string& text) {
  ProgressBar::clear_line();
  std::cerr << "esrgan: " << text << std::endl;
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
