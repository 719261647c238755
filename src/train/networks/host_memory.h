// Memory of tensors on the processor.
#pragma once

namespace esrgan::train {

/// From now on the memory of large tensors is kept and used again: fresh pages cost a step more than what it
/// computes in them. For the start of a program.
void keep_host_memory();

}  // namespace esrgan::train
