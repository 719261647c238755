#include "export/pth_export.h"

#include "model/family.h"
#include "weights/pth_writer.h"

namespace esrgan {

void export_pth(const Model& model, bool half, const std::filesystem::path& target) {
  StateDict weights = model.weights;
  if (model.architecture.family->publish != nullptr) model.architecture.family->publish(weights);
  write_pth(weights, half ? ElementType::f16 : ElementType::f32, target);
}

}  // namespace esrgan
