// What a run does in a step: which networks learn, and from what.
#pragma once

#include <torch/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "train/data/sample_source.h"
#include "train/networks/checkpoint.h"
#include "train/networks/trained_network.h"
#include "train/recipe.h"

namespace esrgan::train {

/// Seconds of the parts of a step.
struct StepTimes {
  double forward = 0, backward = 0, optimiser = 0;
};

/// A way of training. The run knows nothing else of its networks and losses.
class Scheme {
 public:
  Scheme() = default;
  Scheme(const Scheme&) = delete;
  Scheme& operator=(const Scheme&) = delete;
  Scheme(Scheme&&) = delete;
  Scheme& operator=(Scheme&&) = delete;
  virtual ~Scheme() = default;

  /// One step on this process's part of a batch; returns the part's losses by name, unweighted but for their
  /// sum "g_total". Losses that are not finite, where only half precision was too narrow, are left out.
  virtual std::map<std::string, double> step(const Batch& batch, int64_t step) = 0;
  /// All that step() may name, in the order of tables.
  virtual std::vector<std::string> loss_names() const = 0;

  /// Those that learn; the first is the one that the run is for.
  virtual std::vector<TrainedNetwork*> networks() = 0;
  /// The network that the run is for, as it is to be used.
  virtual StateDict result() = 0;
  /// Other networks that are of use, by what their files' names end in.
  virtual std::map<std::string, StateDict> companions() { return {}; }
  /// What the next step depends on beside the networks: into a checkpoint of this process, and out of it.
  virtual void save(Checkpoint& /*checkpoint*/) const {}
  virtual void load(const Checkpoint& /*checkpoint*/) {}
  /// Whether higher PSNR is better: not where pictures are to look real.
  virtual bool is_faithful() const = 0;

  /// Of the last step.
  const StepTimes& times() const { return times_; }

 protected:
  StepTimes times_;
};

struct SchemeKind {
  const char* name;  ///< in recipes
  /// Reads what of a recipe is the scheme's own. What is common has been read into `recipe`.
  MakeScheme (*read)(Settings& root, const Recipe& recipe);
};

/// The scheme that the key `scheme` names; without it, one against a discriminator where there is a
/// network_D.
MakeScheme read_scheme(Settings& root, const Recipe& recipe);

/// Makes the recipe's scheme; its networks depend on the recipe's seed alone. Throws Error for what the
/// device cannot do.
std::unique_ptr<Scheme> make_scheme(const Recipe& recipe, torch::Device device, const Ranks& ranks);

}  // namespace esrgan::train
