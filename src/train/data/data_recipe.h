// What of a recipe concerns pictures: the section `datasets`, `scale` and `seed`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/tasks.h"
#include "train/data/ranges.h"
#include "train/settings.h"

namespace esrgan::train {

class DegradationChain;
class SampleSource;
struct DataRecipe;

/// Opens the pictures. `sharing`: processes that share the memory of this host.
using MakeSource = std::function<std::unique_ptr<SampleSource>(const DataRecipe& recipe, int sharing)>;

struct SourceKind {
  const char* name;  ///< in recipes
  /// Reads what of the section `datasets.train` is the kind's own. What is common has been read into
  /// `recipe`.
  MakeSource (*read)(Settings& train, DataRecipe& recipe);
};

/// A folder of pictures, or a pair of folders.
struct SourceRecipe {
  std::string hr, lr;   ///< without `lr` the reduced pictures are made, by the published bicubic
  double weight = 1;    ///< how often, in relation to the other sources
  std::string lr_name;  ///< of a reduced picture: "{}" stands for the large one's stem; empty: DIV2K's ways
  std::vector<double> hr_scales = {1};  ///< every large picture serves at each of these, in (0, 1]
};

/// Frames that follow each other, or pictures that are moved over.
struct ClipRecipe {
  std::string frames;        ///< a film, a folder of its frames, or of such folders
  int first = 0, count = 0;  ///< the frames of each clip that are taken; 0: to its end
  std::string pictures;      ///< instead: a folder of pictures
  int motion = 6;            ///< large pixels a frame, at most, each way
  double weight = 1;
};

/// Patches of several pictures made one.
struct MixtureRecipe {
  double mixup = 0, cutmix = 0, cutblur = 0;  ///< probabilities; at most one happens to a patch
  double mixup_alpha = 1.2;                   ///< of the Beta distribution of the shares
  Range cut{0.2, 0.7};                        ///< side of the rectangle of cutmix and cutblur, by the patch's
};

/// Damage to small pictures where a strength is 1.
struct TaskRecipe {
  double noise = 50;   ///< standard deviation, levels of 8 bits
  double blur = 2;     ///< standard deviation of a Gaussian, pixels of the small picture
  double share = 0.5;  ///< probability of each for a sample
};

struct DataRecipe {
  int scale = 4;
  uint64_t seed = 0;
  MakeSource open;
  std::vector<SourceRecipe> sources;
  bool is_unpaired = false;  ///< two sources, of large pictures and of small ones that are others
  bool is_of_tasks = false;  ///< the small pictures are damaged, and the network is told how much
  TaskRecipe tasks;
  std::vector<ClipRecipe> clips;
  int window = 1;  ///< frames of a clip that the network sees
  int batch_size = 16;
  int hr_size = 128;   ///< side of the patches of the large pictures
  int crop_tries = 1;  ///< of so many places in a picture the one with the steepest slopes is cut
  bool flip = true, rotate = true;
  MixtureRecipe mixture;
  int workers = 2;            ///< threads that decode and cut
  uint64_t cache_memory = 0;  ///< bytes for decoded pictures; 0: a quarter of what is free
  std::string pack_folder;    ///< instead: decoded pictures lie in files here, mapped into memory
  std::shared_ptr<const DegradationChain> degradation;  ///< null: the reduced pictures are used as they are
  std::shared_ptr<const DegradationChain> common;  ///< what the large picture shows as well; null: nothing
  bool sharpen = false;  ///< learn towards the sharpened picture, and degrade that one
};

struct ValidationRecipe {
  std::string name;
  SourceRecipe source;
  ClipRecipe clips{};         ///< instead, where it has frames: every frame that is taken
  int every = 1;              ///< of so many of them
  TaskStrengths strengths{};  ///< of damage that is done to the small pictures, and told to the network
  TaskRecipe tasks;
};

/// The section `datasets` of a recipe.
DataRecipe read_data(Settings& datasets, int scale, uint64_t seed);
std::vector<ValidationRecipe> read_validation(Settings& datasets, const DataRecipe& data);

/// `scale` and `seed`, as they stand at a recipe's top.
int read_scale(Settings& root);
uint64_t read_seed(Settings& root);

/// What of a recipe's file concerns training pictures; the rest of it is not looked at. `changes`: see
/// Settings::read(). Throws Error naming file, line and key.
DataRecipe read_data_recipe(const std::string& file, const std::vector<std::string>& changes = {});

}  // namespace esrgan::train
