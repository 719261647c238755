#include "cluster/launch.h"

#include <esrgan/error.h>

#include <algorithm>
#include <charconv>

namespace esrgan {
namespace {

int number_in(const Environment& environment, const std::string& name, int fallback) {
  const auto text = environment(name);
  if (!text) return fallback;
  int value = 0;
  // Slurm writes "4(x2),3" for 4 tasks on each of two hosts and 3 on another.
  const size_t length = std::min(text->find_first_of("(,"), text->size());
  const auto [end, error] = std::from_chars(text->data(), text->data() + length, value);
  if (error != std::errc() || end != text->data() + length || value < 0)
    throw Error(ErrorKind::invalid_argument, "", "environment variable " + name, "a number",
                "'" + *text + "'");
  return value;
}

/// The names that a launcher gives to what it tells.
struct Launcher {
  const char *rank, *count, *local_rank, *local_count;
};
constexpr Launcher launchers[] = {
    {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
     "OMPI_COMM_WORLD_LOCAL_SIZE"},
    // Only srun sets the step's number of tasks: a script of sbatch is not one of several processes. Before
    // PMI's, which srun may set, too.
    {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_TASKS_PER_NODE"},
    {"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"},
};

}  // namespace

std::string first_slurm_host(const std::string& list) {
  const size_t end = list.find_first_of(",[");
  std::string host = list.substr(0, end);
  if (end != std::string::npos && list[end] == '[')
    host += list.substr(end + 1, list.find_first_of(",-]", end) - end - 1);
  return host;
}

std::optional<Task> find_task(const Environment& environment) {
  std::optional<Task> array;
  if (environment("SLURM_ARRAY_TASK_ID") && environment("SLURM_ARRAY_TASK_COUNT")) {
    const int step = std::max(1, number_in(environment, "SLURM_ARRAY_TASK_STEP", 1));
    const int first = number_in(environment, "SLURM_ARRAY_TASK_MIN", 0);
    array = Task{(number_in(environment, "SLURM_ARRAY_TASK_ID", 0) - first) / step,
                 number_in(environment, "SLURM_ARRAY_TASK_COUNT", 1)};
  }
  for (const Launcher& launcher : launchers)
    if (environment(launcher.rank) && environment(launcher.count)) {
      const Place place = find_place(environment);
      // Each job of an array may start several processes.
      return array ? Task{array->index * place.count + place.rank, array->count * place.count}
                   : Task{place.rank, place.count};
    }
  if (array) return array;
  if (environment("JOB_COMPLETION_INDEX")) return Task{number_in(environment, "JOB_COMPLETION_INDEX", 0), 0};
  return {};
}

Place find_place(const Environment& environment) {
  Place place;
  for (const Launcher& launcher : launchers) {
    if (!environment(launcher.rank) || !environment(launcher.count)) continue;
    place.rank = number_in(environment, launcher.rank, 0);
    place.count = number_in(environment, launcher.count, 1);
    place.local_rank = number_in(environment, launcher.local_rank, place.rank);
    place.local_count = number_in(environment, launcher.local_count, 1);
    if (place.rank >= place.count)
      throw Error(ErrorKind::invalid_argument, "", std::string("environment variable ") + launcher.rank,
                  "less than " + std::to_string(place.count) + " (" + launcher.count + ")",
                  std::to_string(place.rank));
    if (const auto nodes = environment("SLURM_STEP_NODELIST");
        nodes && launcher.rank == std::string("SLURM_PROCID")) {
      place.address = first_slurm_host(*nodes);
      place.port += number_in(environment, "SLURM_JOB_ID", 0) % 1000;  // so that jobs on one host do not meet
    }
    break;
  }
  place.address = environment("MASTER_ADDR").value_or(place.address);
  place.port = number_in(environment, "MASTER_PORT", place.port);
  // torchrun keeps a meeting point of its own there, which speaks its PyTorch's language; ours is next to it.
  if (environment("TORCHELASTIC_USE_AGENT_STORE").value_or("") == "True") ++place.port;
  place.attempt = environment("TORCHELASTIC_RESTART_COUNT").value_or("0");
  return place;
}

}  // namespace esrgan
