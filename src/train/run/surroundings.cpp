#include "train/run/surroundings.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/cuda.h>

#include <algorithm>
#include <sstream>

#include "base/thread_pool.h"
#include "train/data/fingerprint.h"

namespace esrgan::train {

torch::Device best_device(const Place& place) {
  if (!torch::cuda::is_available()) return torch::kCPU;
  const torch::Device device(
      torch::kCUDA,
      static_cast<c10::DeviceIndex>(place.local_rank % static_cast<int>(torch::cuda::device_count())));
  c10::impl::getDeviceGuardImpl(torch::kCUDA)->setDevice(device);  // for what goes by the current one
  return device;
}

void set_up_torch(const Recipe& recipe, const Place& place) {
  const int shared = std::max(1, available_processors() / std::max(1, place.local_count));
  at::set_num_threads(recipe.threads > 0 ? recipe.threads : shared);
  at::globalContext().setDeterministicAlgorithms(recipe.deterministic, /*warn_only=*/false);
  at::globalContext().setDeterministicCuDNN(recipe.deterministic);
  at::globalContext().setBenchmarkCuDNN(!recipe.deterministic);  // patches have one size: it pays
}

std::unique_ptr<SampleSource> open_pictures(const Recipe& recipe, const Place& place, const Ranks& ranks) {
  const auto open = [&] { return recipe.data.open(recipe.data, std::max(1, place.local_count)); };
  const bool shared = !recipe.data.pack_folder.empty() && !ranks.alone();
  std::unique_ptr<SampleSource> source;
  if (!shared || place.local_rank == 0) source = open();
  if (shared) ranks.mean(torch::zeros({1}));  // the others wait
  return source ? std::move(source) : open();
}

void compare_recipes(const Recipe& recipe, const Ranks& ranks) {
  if (ranks.alone()) return;
  Fingerprint print;
  std::istringstream lines(recipe.resolved);
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("threads:")) print.add(line);  // a host's own business
  const torch::Tensor own = torch::tensor({static_cast<int64_t>(print.value())});
  const torch::Tensor first = own.clone();
  ranks.broadcast(first);
  const torch::Tensor differs = torch::tensor({first.equal(own) ? 0.0 : 1.0}, torch::kDouble);
  ranks.mean(differs);
  if (differs.item<double>() > 0)
    throw Error(ErrorKind::invalid_argument, "", recipe.name + ": the processes have different recipes");
}

Share::Share(const Recipe& recipe, const Ranks& ranks) {
  const int batch = recipe.data.batch_size, parts = ranks.count() * recipe.accumulate;
  if (batch % parts != 0)
    throw Error(ErrorKind::bad_data, "", "datasets.train.batch_size",
                "a multiple of " + std::to_string(parts) + " (processes times train.accumulate)",
                std::to_string(batch));
  first = batch * ranks.rank() / ranks.count();
  count = batch * (ranks.rank() + 1) / ranks.count() - first;
}

}  // namespace esrgan::train
