// training_batches RECIPE.yml STEPS FILE: the patches of a recipe's first steps as plain bytes, for a program
// beside esrgan train to learn from the same. For each step: the small patches, then the large ones,
// [count][3][side][side].
#include <esrgan/error.h>

#include <cmath>
#include <fstream>
#include <iostream>
#include <string>

#include "guarded.h"
#include "train/data/data_recipe.h"
#include "train/data/sample_source.h"

namespace {

void write(std::ofstream& file, const std::vector<float>& values) {
  std::string bytes(values.size(), '\0');
  for (size_t i = 0; i < values.size(); ++i) bytes[i] = static_cast<char>(std::lround(values[i] * 255));
  file << bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: training_batches RECIPE.yml STEPS FILE\n";
    return 2;
  }
  return esrgan::bench::guarded([&] {
    const auto recipe = esrgan::train::read_data_recipe(argv[1]);
    const auto source = recipe.open(recipe, 1);
    std::ofstream file(argv[3], std::ios::binary);
    for (int step = 0; step < std::stoi(argv[2]); ++step) {
      const auto batch = source->make(step, 0, recipe.batch_size);
      write(file, batch.at("lr").values);
      write(file, batch.at("hr").values);
    }
    if (!file.flush()) throw esrgan::Error(esrgan::ErrorKind::io, argv[3], "cannot be written");
  });
}
