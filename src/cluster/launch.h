// Which of a run's processes this one is, by what the launchers tell their children.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/platform_process.h"

namespace esrgan {

struct Place {
  int rank = 0, count = 1;
  int local_rank = 0, local_count = 1;  ///< among the processes of this host
  std::string address = "127.0.0.1";    ///< of the host of rank 0
  int port = 29500;
  std::string attempt;  ///< tells restarts of one job apart
};

/// Value of an environment variable.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// Understands torchrun (RANK, WORLD_SIZE, ...), Open MPI (OMPI_COMM_WORLD_*), MPICH and Intel MPI (PMI_*)
/// and Slurm's srun (SLURM_PROCID, ...); MASTER_ADDR and MASTER_PORT hold for all. One process alone without
/// any of them. Throws Error when they do not fit together.
Place find_place(const Environment& environment = environment_variable);

/// One of several processes that each do a part of independent work.
struct Task {
  int index = 0;  ///< from 0
  int count = 0;  ///< 0 where the launcher does not tell
};

/// Like find_place(), and Slurm's job arrays (SLURM_ARRAY_TASK_*) and Kubernetes' indexed jobs
/// (JOB_COMPLETION_INDEX), which do not tell how many there are. None without any of them.
std::optional<Task> find_task(const Environment& environment = environment_variable);

/// The first host of Slurm's list: "node[07-09,12],login1" gives "node07".
std::string first_slurm_host(const std::string& list);

}  // namespace esrgan
