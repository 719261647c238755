// The processes that train one network together: LibTorch's c10d, with Gloo on processors and NCCL on GPUs.
#pragma once

#include <torch/types.h>

#include <functional>
#include <memory>
#include <vector>

#include "cluster/launch.h"

namespace esrgan::train {

/// What all processes do together: every one of them must make the same calls in the same order. Alone, all
/// of it does nothing. Throws Error when another process is lost.
class Ranks {
 public:
  /// Meets the other processes; waits for them for a few minutes.
  explicit Ranks(const Place& place, torch::Device device);
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;
  Ranks(Ranks&&) = delete;
  Ranks& operator=(Ranks&&) = delete;

  int rank() const { return place_.rank; }
  int count() const { return place_.count; }
  bool first() const { return place_.rank == 0; }
  bool alone() const { return place_.count == 1; }

  /// Sets a tensor to that of the first process.
  void broadcast(const torch::Tensor& tensor) const;
  /// Sets a tensor to the mean of all processes' tensors.
  void mean(const torch::Tensor& tensor) const;

  /// Does work whose parts talk to the other processes, as a backward pass with GradientMean; their errors
  /// become Error.
  void together(const std::function<void()>& work) const;

 private:
  friend class GradientMean;
  struct State;
  template <typename Collective>
  void exchange(torch::Tensor tensor, const Collective& collective) const;

  Place place_;
  torch::Device device_;
  std::unique_ptr<State> state_;
};

/// Replaces gradients by their mean over all processes while the backward pass still runs (c10d's Reducer).
class GradientMean {
 public:
  /// `parameters` of one network; their gradients must exist. `ranks` must outlive this.
  GradientMean(const Ranks& ranks, const std::vector<torch::Tensor>& parameters);
  ~GradientMean();
  GradientMean(const GradientMean&) = delete;
  GradientMean& operator=(const GradientMean&) = delete;
  GradientMean(GradientMean&&) = delete;
  GradientMean& operator=(GradientMean&&) = delete;

  /// To be called before the backward pass of `loss` at whose end the gradients, with what earlier passes
  /// added to them, are to be the mean.
  void expect(const torch::Tensor& loss);

 private:
  struct State;
  const Ranks& ranks_;
  std::unique_ptr<State> state_;
};

}  // namespace esrgan::train
