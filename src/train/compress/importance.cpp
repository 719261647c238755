#include "train/compress/importance.h"

#include "train/networks/graph_network.h"

namespace esrgan::train {

ChannelImportance taylor_importance(const Model& model, const CalibrationData& data,
                                    const std::function<void(int)>& done) {
  constexpr std::string_view weights = ".weight";
  const auto network = std::make_shared<GraphNetwork>(model);
  ChannelImportance importance;
  int batches = 0;
  for_each_batch(data, model.architecture.scale, [&](const torch::Tensor& small, const torch::Tensor& large) {
    network->zero_grad();
    torch::l1_loss(network->forward(small), large).backward();
    for (const auto& entry : network->named_parameters()) {
      const std::string& name = entry.key();
      const torch::Tensor& values = entry.value();
      if (values.dim() != 4 || !name.ends_with(weights)) continue;
      const torch::Tensor found =
          (values.grad() * values).abs().sum({1, 2, 3}).to(torch::kDouble).contiguous();
      std::vector<double>& sum = importance[name.substr(0, name.size() - weights.size())];
      sum.resize(static_cast<size_t>(found.numel()));
      for (size_t c = 0; c < sum.size(); ++c) sum[c] += found.data_ptr<double>()[c] / data.batches;
    }
    done(++batches);
  });
  return importance;
}

}  // namespace esrgan::train
