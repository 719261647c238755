// Compression: JPEG, WebP.
#include <cmath>

#include "train/data/degradations/codecs.h"
#include "train/data/degradations/operations.h"

namespace esrgan::train {
namespace {

using Codec = FloatImage (*)(const FloatImage& picture, int quality);

class Compression : public Degradation {
 public:
  Compression(Codec codec, const Range& quality) : codec_(codec), quality_(quality) {}

  void apply(FloatImage& picture, const DegradationGoal& /*goal*/, Random& random) const override {
    picture = codec_(picture, static_cast<int>(std::lround(quality_.draw(random))));
  }

 private:
  Codec codec_;
  Range quality_;
};

}  // namespace

Range read_quality(Settings& settings, const std::string& key, const Range& fallback) {
  return read_range(settings, key, fallback, 1, 100);
}

Operation make_jpeg(const Range& quality) {
  return std::make_unique<Compression>(through_jpeg, quality);
}

Operation read_jpeg(Settings& settings) {
  return make_jpeg(read_quality(settings, "jpeg_range", {30, 95}));
}

Operation read_webp(Settings& settings) {
  return std::make_unique<Compression>(through_webp, read_quality(settings, "webp_range", {30, 95}));
}

}  // namespace esrgan::train
