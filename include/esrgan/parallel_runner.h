// How a program lends its own threads.
#pragma once

#include <functional>

namespace esrgan {

/// Calls work(0) to work(workers - 1), each once, and returns when all have returned. They may run at the
/// same time on different threads, or some or all of them one after another. `work` throws nothing and may be
/// copied. The runner is called by one thread at a time, the one that upscales.
using ParallelRunner = std::function<void(int workers, const std::function<void(int worker)>& work)>;

}  // namespace esrgan
