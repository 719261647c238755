// How strongly a network that has several tasks does each of them.
#pragma once

#include <array>
#include <cstddef>

#include "model/model.h"

namespace esrgan {

/// What networks do beside enlarging, in the order of their tensors.
constexpr std::array<const char*, 2> task_names{"denoise", "deblur"};

/// In [0, 1]: 0 leaves it, 1 is the most that the network was trained for.
using TaskStrengths = std::array<float, task_names.size()>;

/// The network that works so strongly, an ordinary one; `at_its_size`: the one that makes the restored
/// picture as large as the small one is. Throws Error when the network has no tasks.
Model with_tasks(Model model, const TaskStrengths& strengths, bool at_its_size);

}  // namespace esrgan
