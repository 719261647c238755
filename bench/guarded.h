// Errors of a benchmark's work, said as a program says them.
#pragma once

#include <esrgan/error.h>

#include <iostream>

namespace esrgan::bench {

/// The exit status of a program that does `work`.
template <typename Work>
int guarded(const Work& work) {
  try {
    work();
    return 0;
  } catch (const Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}

}  // namespace esrgan::bench
