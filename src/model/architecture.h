// What a network of the ESRGAN family looks like: found from its weights, or asked for by a recipe.
#pragma once

#include <map>
#include <memory>
#include <string>

namespace esrgan {

struct Family;

/// What only one family has to say of a network; each family has its own form (families/*.h).
struct FamilyDetails {
  FamilyDetails() = default;
  FamilyDetails(const FamilyDetails&) = default;
  FamilyDetails& operator=(const FamilyDetails&) = default;
  FamilyDetails(FamilyDetails&&) = default;
  FamilyDetails& operator=(FamilyDetails&&) = default;
  virtual ~FamilyDetails() = default;

  /// For a line of text: ", growth 32, learned residual scale".
  virtual std::string summary() const = 0;
  /// For programs: growth and 32.
  virtual std::map<std::string, int> numbers() const { return {}; }
};

/// Channel counts are those of the first layers; a pruned network may differ from layer to layer, and the
/// graph takes each layer's own counts from its weights.
struct Architecture {
  const Family* family = nullptr;
  int in_channels = 3;   ///< of the image, before any pixel-unshuffle
  int out_channels = 3;  ///< of the image
  int features = 64;
  int blocks = 0;         ///< RRDBs, residual blocks, or inner convolutions of the compact network
  int scale = 4;          ///< output pixels per input pixel, along each side
  int unshuffle = 1;      ///< the input is folded by this factor first (Real-ESRGAN x2plus: 2, x1: 4)
  int frames = 1;         ///< that it sees, the middle one of which it enlarges (families/time_head.h)
  int time_features = 0;  ///< channels of what is made of a frame and its neighbours, where it sees several
  bool tasks = false;     ///< it can be told how strongly to restore (families/task_heads.h)
  int upsamplings = 0;    ///< upsampling steps before the last convolutions
  std::shared_ptr<const FamilyDetails> details;  ///< null for a family that has none

  /// "4 in and 3 out".
  std::string channels_text() const;

  /// One line: "RRDBNet x4, 23 blocks, 64 features, growth 32".
  std::string summary() const;
};

}  // namespace esrgan
