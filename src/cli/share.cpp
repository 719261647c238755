#include "cli/share.h"

#include <esrgan/error.h>

#include <CLI/CLI.hpp>

#include "cluster/launch.h"

namespace esrgan::cli {

Share read_share(const std::string& text, const std::string& option) {
  const size_t middle = text.find('/');
  const std::string first = text.substr(0, middle);
  Share share;
  const auto refuse = [&](const std::string& expected) {
    throw Error(ErrorKind::invalid_argument, "", option, expected, "'" + text + "'");
  };
  const bool counted = middle != std::string::npos;
  if (counted && !CLI::detail::lexical_cast(text.substr(middle + 1), share.count))
    refuse("I/N, auto or auto/N");
  if (first != "auto") {
    if (!counted || !CLI::detail::lexical_cast(first, share.number)) refuse("I/N, auto or auto/N");
  } else {
    const auto task = find_task();
    if (!task) refuse("I/N, or auto where Slurm, MPI, torchrun or Kubernetes starts the program");
    if (task->count == 0 && !counted)
      refuse("auto/N: Kubernetes tells the index of a task, not how many there are");
    if (task->count > 0 && counted && task->count != share.count)
      refuse(std::to_string(task->count) + " shares, as many as the launcher has started");
    share = {task->index + 1, task->count > 0 ? task->count : share.count};
  }
  if (share.number < 1 || share.number > share.count) refuse("I/N with 1 <= I <= N");
  return share;
}

}  // namespace esrgan::cli
