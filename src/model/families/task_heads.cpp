#include "model/families/task_heads.h"

namespace esrgan {

bool detect_tasks(Evidence& evidence) {
  if (!evidence.has(task_tensor(""))) return false;
  std::string names;
  for (const char* name : task_names) names += (names.empty() ? "" : " and ") + std::string(name);
  evidence.because("the tensor " + task_tensor("") + ": how strongly to " + names + " can be chosen");
  return true;
}

void configure_tasks(NetworkWishes& wishes, Architecture& a) {
  a.tasks = wishes.flag("tasks", false);
  if (a.tasks && a.frames > 1) wishes.refuse("tasks", "false for a network that sees several frames");
}

void pass_over_tasks(GraphBuilder& builder, const std::string& block) {
  if (const std::string name = task_tensor(block); builder.has(name)) builder.tensor(name);
}

void pass_over_small_head(GraphBuilder& builder) {
  for (const char* part : {".weight", ".bias"})
    if (const std::string name = small_head + std::string(part); builder.has(name)) builder.tensor(name);
}

}  // namespace esrgan
