// What a run stands on: its device and threads, its pictures, its share of each batch.
#pragma once

#include <c10/util/Exception.h>
#include <esrgan/error.h>
#include <torch/types.h>

#include <memory>
#include <string>

#include "train/data/sample_source.h"
#include "train/networks/ranks.h"
#include "train/recipe.h"

namespace esrgan::train {

/// The GPU of this process among those of its host, which becomes the current one, or the CPU.
torch::Device best_device(const Place& place);

/// LibTorch's threads: the recipe's, or this process's share of the processors; on GPUs the fastest way of
/// each convolution is looked for, unless the recipe wants the same numbers each time.
void set_up_torch(const Recipe& recipe, const Place& place);

/// The pictures of a process: those of one host share its memory, and one of them makes the pack files. All
/// processes call it together.
std::unique_ptr<SampleSource> open_pictures(const Recipe& recipe, const Place& place, const Ranks& ranks);

/// Throws Error where the processes have been given different recipes. All processes call it together.
void compare_recipes(const Recipe& recipe, const Ranks& ranks);

/// Patches of this process in each batch.
struct Share {
  /// Throws Error where processes times train.accumulate do not divide the batch.
  Share(const Recipe& recipe, const Ranks& ranks);
  int first = 0, count = 0;
};

/// Errors of LibTorch become the project's.
template <typename Work>
auto with_torch(const Work& work) {
  try {
    return work();
  } catch (const c10::Error& error) {
    throw Error(ErrorKind::internal, "", std::string("LibTorch: ") + error.what_without_backtrace());
  }
}

}  // namespace esrgan::train
