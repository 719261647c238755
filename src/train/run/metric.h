// How good an enlarged picture is, in one number.
#pragma once

#include <string>
#include <utility>

#include "image/float_image.h"

namespace esrgan::train {

class Metric {
 public:
  Metric(std::string name, bool higher_is_better)
      : name_(std::move(name)), higher_is_better_(higher_is_better) {}
  Metric(const Metric&) = delete;
  Metric& operator=(const Metric&) = delete;
  Metric(Metric&&) = delete;
  Metric& operator=(Metric&&) = delete;
  virtual ~Metric() = default;

  /// In recipes, tables and charts.
  const std::string& name() const { return name_; }
  bool is_better(double value, double than) const { return higher_is_better_ ? value > than : value < than; }

  /// Of two pictures of the same size, RGB in [0, 1]; `scale`: by how much one was enlarged.
  virtual double of(const FloatImage& original, const FloatImage& found, int scale) const = 0;
  /// Of the bicubic enlargement of a picture that was reduced by bicubic, as the published tables have it.
  virtual double of_published_bicubic(const FloatImage& original, const FloatImage& bicubic,
                                      int scale) const {
    return of(original, bicubic, scale);
  }

 private:
  std::string name_;
  bool higher_is_better_;
};

}  // namespace esrgan::train
