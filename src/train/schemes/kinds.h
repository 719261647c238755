// What each file of this folder adds to the table of schemes.
#pragma once

#include "train/schemes/scheme.h"

namespace esrgan::train {

MakeScheme read_fidelity(Settings& root, const Recipe& recipe);
MakeScheme read_adversarial(Settings& root, const Recipe& recipe);
MakeScheme read_cycle(Settings& root, const Recipe& recipe);
MakeScheme read_tasks(Settings& root, const Recipe& recipe);

}  // namespace esrgan::train
