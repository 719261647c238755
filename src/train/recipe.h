// A training recipe: what a YAML file in options/ says, resolved and checked.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/architecture.h"
#include "train/data/data_recipe.h"
#include "train/networks/arithmetic.h"
#include "train/networks/optimiser.h"
#include "train/run/metrics.h"
#include "train/schedule.h"

namespace esrgan::train {

class Ranks;
class Settings;
class Scheme;
struct Recipe;

/// Makes fresh networks, or those of the recipe's start files. `ranks` must outlive the scheme.
using MakeScheme =
    std::function<std::unique_ptr<Scheme>(const Recipe& recipe, c10::Device device, const Ranks& ranks)>;

/// What is common to all schemes; each reads the rest for itself.
struct Recipe {
  std::string name;
  std::string folder;  ///< of all runs
  uint64_t seed = 0;
  int threads = 0;
  bool deterministic = false;  ///< on a GPU, too; some operations are slower then

  Architecture generator;
  std::string generator_file;   ///< the network is the one in this weight file, or empty
  std::string generator_start;  ///< a weight file, or empty
  bool strict = true;           ///< the start file must fit as a whole

  DataRecipe data;
  std::vector<ValidationRecipe> validation;
  MeasuringRecipe measuring;

  MakeScheme scheme;
  std::string teacher;  ///< the model that the generator is to be like, or empty
  int64_t steps = 0;
  int accumulate = 1;
  OptimiserRecipe optimiser;  ///< of the generator
  ScheduleRecipe schedule;
  double clip_norm = 0;  ///< of the generator's gradients; 0: none
  double ema = 0;        ///< decay of the running mean; 0: none
  Arithmetic arithmetic = Arithmetic::full;
  bool channels_last = false;

  int64_t log_every = 100, checkpoint_every = 5000, validate_every = 5000;
  int checkpoints_kept = 3;
  int patience = 0;  ///< validations without a gain before the run ends; 0: never

  std::string resolved;              ///< the whole recipe as YAML
  std::vector<std::string> remarks;  ///< what has no effect
};

/// The network that a section such as network_G asks for, which enlarges `scale` times.
Architecture read_generator(Settings net, int scale);

/// Reads and checks a recipe. `changes` are made to it first, see Settings::read(). Throws Error naming file,
/// line and key.
Recipe read_recipe(const std::string& file, const std::vector<std::string>& changes = {});
Recipe parse_recipe(const std::string& text, const std::string& file,
                    const std::vector<std::string>& changes = {});

/// What a recipe may say, as a JSON schema for editors: all kinds of networks, losses, operations and so on
/// that the tables have.
std::string recipe_schema();

}  // namespace esrgan::train
