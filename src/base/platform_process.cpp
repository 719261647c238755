#include "base/platform_process.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <system_error>
#include <thread>

#include "base/platform_control_groups.h"

namespace esrgan {

int available_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int given = ::sched_getaffinity(0, sizeof set, &set) == 0
                        ? CPU_COUNT(&set)
                        : static_cast<int>(std::thread::hardware_concurrency());
  // A quota of one and a half is best used by two.
  const double quota = std::ceil(control_group_limits().processors);
  return std::max(1, quota < given ? static_cast<int>(quota) : given);
}

std::string processor_name() {
  std::ifstream list("/proc/cpuinfo");
  for (std::string line; std::getline(list, line);)
    if (line.starts_with("model name")) return line.substr(std::min(line.find(": "), line.size() - 2) + 2);
  return "processor";
}

bool may_have_gpu() {
  // Render nodes of the kernel's drivers, NVIDIA's own, and WSL's.
  std::error_code unknown;
  for (const char* const path : {"/dev/dri", "/dev/nvidiactl", "/dev/dxg", "/dev/kgsl-3d0", "/dev/mali0"})
    if (std::filesystem::exists(path, unknown)) return true;
  return false;
}

std::optional<std::string> environment_variable(const std::string& name) {
  const char* const value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

std::filesystem::path path_of_program() {
  std::error_code unknown;
  return std::filesystem::read_symlink("/proc/self/exe", unknown);
}

void become_program(const std::string& file, char** arguments) {
  ::execvp(file.c_str(), arguments);
}

int64_t process_id() {
  return ::getpid();
}

int64_t thread_id() {
  return ::syscall(SYS_gettid);
}

void name_thread(const char* name) {
  ::prctl(PR_SET_NAME, name);
}

bool output_is_terminal() {
  return ::isatty(STDOUT_FILENO) != 0;
}

bool errors_are_terminal() {
  return ::isatty(STDERR_FILENO) != 0;
}

int terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace esrgan
