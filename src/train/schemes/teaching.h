// Knowledge distillation: a frozen network shows what a smaller one should make, at the end and on the way
// (Hinton, Vinyals and Dean 2015, arXiv:1503.02531; of features Romero et al. 2015, arXiv:1412.6550).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "train/losses/loss.h"
#include "train/networks/layers.h"
#include "train/settings.h"
#include "weights/state_dict.h"

namespace esrgan::train {

/// The section `distillation`.
struct TeachingRecipe {
  std::string teacher;         ///< name or file of a model
  bool self_ensemble = false;  ///< what it shows is its mean over 8 flips and rotations
  double output_weight = 0, feature_weight = 0;
  Distance output_distance = nullptr, feature_distance = nullptr;
  struct Pair {
    std::string teacher, student;  ///< layers, as Network names them
  };
  std::vector<Pair> features;
};

/// Nothing where a recipe has no such section.
std::optional<TeachingRecipe> read_teaching(Settings& root);

/// The teacher of a run, and what the student's layers need to be compared with its.
class Teaching {
 public:
  /// `generator` makes pictures `scale` times as large. Throws Error for a teacher that enlarges otherwise,
  /// and for layers that there are not, or whose maps differ in size.
  Teaching(const TeachingRecipe& recipe, std::shared_ptr<Network> generator, int scale);

  /// The generator; where layers are compared, with 1x1 convolutions beside it, from its channels to the
  /// teacher's where these differ, which learn with it.
  std::shared_ptr<Network> student() const;
  /// Takes from a student's parameters what is not the generator's.
  static void drop_adapters(StateDict& state);

  void to(torch::Device device) { teacher_->to(device); }
  bool compares_layers() const { return recipe_.feature_weight > 0; }

  struct Part {
    const char* name;  ///< in tables and charts
    double weight;
    torch::Tensor loss;
  };
  /// All that parts() may name, in the order of tables.
  std::vector<std::string> loss_names() const;
  /// Of what the student has made of small pictures, and of its maps on the way.
  std::vector<Part> parts(const torch::Tensor& small, const torch::Tensor& made, const Features& maps);

 private:
  class Student;
  torch::Tensor shown(const torch::Tensor& small, Features& maps);

  TeachingRecipe recipe_;
  std::shared_ptr<Network> teacher_, generator_;
  std::shared_ptr<Student> student_;  // where layers are compared
};

}  // namespace esrgan::train
