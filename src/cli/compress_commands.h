// esrgan prune, quantize, and what distill ends with.
#pragma once

#include "train/recipe.h"

namespace esrgan::cli {

int run_prune(int argc, char** argv);
int run_quantize(int argc, char** argv);

/// Prints the table of teacher and student on the recipe's first validation set, where it has one.
void compare_with_teacher(const train::Recipe& recipe);

}  // namespace esrgan::cli
