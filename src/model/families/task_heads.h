// Networks that do more than enlarge: how strongly is told to them when they are used, as a change of their
// biases (the noise level that FFDNet is given as a map, arXiv:1710.04026, acts on its first layer in the
// same way), and a second head makes the restored picture in the small one's size.
#pragma once

#include <array>
#include <string>

#include "model/family.h"
#include "model/tasks.h"

namespace esrgan {

/// Tensors, [channels][tasks], of what a strength of 1 adds to the bias of the first layer, or of the first
/// layer of a block, `block` being its name with a dot.
inline std::string task_tensor(const std::string& block) {
  return block + "tasks.weight";
}
/// The convolution of the second head, from the same map as the first head's.
constexpr const char* small_head = "restored";

/// Whether a network's tensors tell of tasks.
bool detect_tasks(Evidence& evidence);

/// Of a recipe: `tasks`.
void configure_tasks(NetworkWishes& wishes, Architecture& architecture);

/// A graph of a network that was not told how strongly is one of strengths of 0, without the second head.
void pass_over_tasks(GraphBuilder& builder, const std::string& block);
void pass_over_small_head(GraphBuilder& builder);

}  // namespace esrgan
