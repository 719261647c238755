// The generator at work, for validation.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <functional>

#include "train/run/validation.h"

namespace esrgan::train {

/// By the engine that users will run it on, in full precision. `threads`: 0 takes all processors.
Upscale engine_upscale(const std::filesystem::path& model, int threads, const TaskStrengths& strengths = {});

/// By a network itself, on its device, in tiles where a picture is large. `multiple`: of the sides that the
/// network takes (`frames`: how many it sees); edges are repeated as far as is needed. `told`: values that
/// follow the colours, each as a map.
Upscale network_upscale(std::function<torch::Tensor(const torch::Tensor&)> forward, torch::Device device,
                        int scale, int multiple, int frames, std::vector<float> told = {});

}  // namespace esrgan::train
