// How failures of the system and of other libraries become errors of this one.
#pragma once

#include <esrgan/error.h>

#include <string>

namespace esrgan {

/// What a program can do about errno's value `code`; 0, "no reason known", counts as io.
ErrorKind kind_of_system_error(int code);

/// An error that reads "FILE: PROBLEM: what the system says".
Error file_error(std::string file, const std::string& problem, int code);

/// Throws the exception that is being handled again, as Error where it is of another type; Cancelled and
/// std::bad_alloc stay what they are.
[[noreturn]] void rethrow_as_error();

/// Calls `work` on behalf of a public function: nothing but Error, Cancelled and std::bad_alloc leaves.
template <typename Work>
decltype(auto) with_errors(Work&& work) {
  try {
    return work();
  } catch (...) {
    rethrow_as_error();
  }
}

}  // namespace esrgan
