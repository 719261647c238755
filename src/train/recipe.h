// A training recipe: what a YAML file in options/ says, resolved and checked.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/architecture.h"
#include "train/data/degrade.h"
#include "train/schedule.h"

namespace esrgan::train {

struct DiscriminatorRecipe {
  enum class Kind { vgg, unet, srgan } kind = Kind::vgg;
  int input_size = 128;  ///< vgg: side of the patches, 128, 192 or 256
  int features = 64;
};

struct OptimizerRecipe {
  enum class Kind { adam, adamw } kind = Kind::adam;
  double rate = 1e-4;
  double beta1 = 0.9, beta2 = 0.99;
  double weight_decay = 0;
};

enum class PixelLoss { l1, l2, charbonnier };
enum class GanLoss { standard, relativistic, least_squares, hinge, wasserstein };
enum class Arithmetic { full, bfloat16, half };

struct PerceptualRecipe {
  double weight = 0;
  std::string network = "vgg19";         ///< or vgg16
  std::string weights;                   ///< file with torchvision's tensor names
  std::map<std::string, double> layers;  ///< such as conv5_4, with their weights
  bool before_activation = true;
  PixelLoss criterion = PixelLoss::l1;
};

struct LossRecipe {
  double pixel_weight = 1;
  PixelLoss pixel = PixelLoss::l1;
  PerceptualRecipe perceptual;
  double gan_weight = 0;
  GanLoss gan = GanLoss::relativistic;
  double gradient_penalty = 10;  ///< wasserstein
  double total_variation = 0;
};

/// A folder of pictures, or a pair of folders.
struct SourceRecipe {
  std::string hr, lr;  ///< without `lr` the reduced pictures are made, by the published bicubic
  double weight = 1;   ///< how often, in relation to the other sources
};

struct DataRecipe {
  std::vector<SourceRecipe> sources;
  int batch_size = 16;
  int hr_size = 128;  ///< side of the patches of the large pictures
  bool flip = true, rotate = true;
  int workers = 2;            ///< threads that decode and cut
  uint64_t cache_memory = 0;  ///< bytes for decoded pictures; 0: a quarter of what is free
  std::string pack_folder;    ///< instead: decoded pictures lie in files here, mapped into memory
  DegradationRecipe degradation;
};

struct ValidationRecipe {
  std::string name;
  SourceRecipe source;
};

struct Recipe {
  std::string name;
  std::string folder;  ///< of all runs
  uint64_t seed = 0;
  int threads = 0;

  Architecture generator;
  std::string generator_start, discriminator_start;  ///< weight files, or empty
  DiscriminatorRecipe discriminator;                 ///< used when losses.gan_weight > 0

  DataRecipe data;
  std::vector<ValidationRecipe> validation;

  int64_t steps = 0;
  int accumulate = 1;
  OptimizerRecipe optimizer_g, optimizer_d;
  ScheduleRecipe schedule;
  LossRecipe losses;
  double clip_norm = 0;  ///< of the generator's gradients; 0: none
  double ema = 0;        ///< decay; 0: none
  int discriminator_every = 1;
  int64_t discriminator_first = 0;  ///< steps in which the generator rests
  Arithmetic arithmetic = Arithmetic::full;
  bool channels_last = false;

  int64_t log_every = 100, checkpoint_every = 5000, validate_every = 5000;
  int checkpoints_kept = 3;
  int patience = 0;  ///< validations without a gain before the run ends; 0: never

  bool adversarial() const { return losses.gan_weight > 0; }

  std::string resolved;              ///< the whole recipe as YAML
  std::vector<std::string> remarks;  ///< what has no effect
};

/// Reads and checks a recipe. `changes` are made to it first, see Settings::read(). Throws Error naming file,
/// line and key.
Recipe read_recipe(const std::string& file, const std::vector<std::string>& changes = {});
Recipe parse_recipe(const std::string& text, const std::string& file,
                    const std::vector<std::string>& changes = {});

}  // namespace esrgan::train
