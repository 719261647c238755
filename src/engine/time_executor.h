// Networks that see a window of frames, run so that what is made of a frame serves all windows that it is in.
#pragma once

#include <memory>

#include "base/thread_pool.h"
#include "device/device.h"
#include "model/model.h"

namespace esrgan {

/// An executor of the model's whole graph: a window's frames go in one behind the other,
/// [height][width][frames * in_channels]. It works in two parts, and keeps the maps of frames for the windows
/// that follow: results do not depend on what came before. `pool` must outlive it. Throws Error.
std::unique_ptr<Executor> compile_in_time(Device& device, const Model& model, bool half, ThreadPool& pool);

}  // namespace esrgan
