// Clips: frames that follow each other, for networks that see several at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "train/data/data_recipe.h"
#include "train/data/pictures.h"

namespace esrgan::train {

/// Frames of one or several clips, each large and reduced. Safe to use from many threads.
class Clips {
 public:
  Clips() = default;
  Clips(const Clips&) = delete;
  Clips& operator=(const Clips&) = delete;
  Clips(Clips&&) = delete;
  Clips& operator=(Clips&&) = delete;
  virtual ~Clips() = default;

  size_t count() const { return ends_.size(); }
  size_t frames(size_t clip) const { return ends_[clip] - begin(clip); }
  /// Null when it cannot be used, which is reported once as a warning.
  std::shared_ptr<const Pair> frame(size_t clip, size_t number) const { return get(begin(clip) + number); }
  virtual uint64_t fingerprint() const = 0;

 protected:
  size_t begin(size_t clip) const { return clip == 0 ? 0 : ends_[clip - 1]; }
  std::vector<size_t> ends_;  ///< of the clips, in frames of them all

 private:
  virtual std::shared_ptr<const Pair> get(size_t frame) const = 0;
};

/// Of a folder of pictures, of folders in it, or of a film. Throws Error when there is no clip.
std::unique_ptr<Clips> open_clips(const ClipRecipe& recipe, const DataRecipe& data, uint64_t memory);

/// The frames that a network sees of a clip around one of them, in order, by their numbers. Where the clip or
/// the shot ends, its nearest frame stands for those; empty when a frame cannot be used.
std::vector<std::shared_ptr<const Pair>> window_of(const Clips& clips, size_t clip, size_t number,
                                                   int frames);

}  // namespace esrgan::train
