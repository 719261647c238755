// Where training takes its samples from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace esrgan::train {

/// Numbers of all samples of a batch: the first extent counts the samples.
struct BatchArray {
  std::vector<int64_t> shape;
  std::vector<float> values;

  size_t sample_size() const { return values.size() / static_cast<size_t>(shape[0]); }
  float* sample(int i) { return values.data() + static_cast<size_t>(i) * sample_size(); }
  const float* sample(int i) const { return values.data() + static_cast<size_t>(i) * sample_size(); }
};

/// Arrays by name; what there is depends on the source. Of patches: "lr", "hr" (n x 3 x side x side, [0, 1]),
/// and "sharp", the large patches sharpened, where those are what pixels and features are to be near.
struct Batch {
  int count = 0;
  std::map<std::string, BatchArray> arrays;

  BatchArray& add(const std::string& name, std::vector<int64_t> shape) {
    size_t size = 1;
    for (const int64_t extent : shape) size *= static_cast<size_t>(extent);
    return arrays[name] = {std::move(shape), std::vector<float>(size)};
  }
  bool has(const std::string& name) const { return arrays.contains(name); }
  const BatchArray& at(const std::string& name) const { return arrays.at(name); }
};

/// Makes the batch of any step, which is a function of the recipe's seed and the step alone. Safe to use from
/// many threads.
class SampleSource {
 public:
  SampleSource() = default;
  SampleSource(const SampleSource&) = delete;
  SampleSource& operator=(const SampleSource&) = delete;
  SampleSource(SampleSource&&) = delete;
  SampleSource& operator=(SampleSource&&) = delete;
  virtual ~SampleSource() = default;

  /// Samples [first, first + count) of the batch of `step`. Throws Error when no picture can be used.
  virtual Batch make(int64_t step, int first, int count) const = 0;
  virtual size_t pictures() const = 0;
  /// Of the pictures' names and order: samples are functions of it, too.
  virtual uint64_t fingerprint() const = 0;
};

}  // namespace esrgan::train
