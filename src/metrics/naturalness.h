// How natural a picture looks by its statistics alone, without a true picture beside it.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "image/float_image.h"

namespace esrgan {

/// What a patch of a picture has of the statistics of natural scenes: at two sizes, the shape and width of
/// the distribution of locally normalised brightness, and of the products of neighbours in four directions.
constexpr size_t naturalness_features = 36;

/// Mean and covariance of those over patches.
struct NaturalStatistics {
  std::vector<double> mean = std::vector<double>(naturalness_features);
  std::vector<double> covariance =
      std::vector<double>(naturalness_features * naturalness_features);  ///< by rows
};

/// The statistics of photographs by which pictures are judged; put together picture by picture.
class NaturalnessFit {
 public:
  /// Takes the sharp patches of a photograph. Smaller ones than 96x96 count for nothing.
  void add(const FloatImage& photograph);
  size_t patches() const { return features_.size(); }
  /// Throws Error when there are too few patches to fit to.
  NaturalStatistics statistics() const;

 private:
  std::vector<std::array<double, naturalness_features>> features_;
};

/// From a safetensors file with the tensors `mean` and `covariance`. Throws Error naming the file.
NaturalStatistics read_natural_statistics(const std::string& file);
void write_natural_statistics(const NaturalStatistics& statistics, const std::string& file);
/// Those inside the program, fitted to photographs (models/README.md tells which).
const NaturalStatistics& usual_natural_statistics();

/// Distance of a picture's statistics from those of natural pictures: 0 or more, less is more natural.
/// Mittal, Soundararajan and Bovik, "Making a 'Completely Blind' Image Quality Analyzer" (2013), equations 1
/// to 10, but with statistics fitted here, so that the numbers are not those of NIQE. Luma, patches of 96x96
/// pixels. Throws Error for pictures that are smaller or without any texture.
double naturalness(const FloatImage& picture, const NaturalStatistics& natural);

}  // namespace esrgan
