// Command lines that ask for something that cannot be meant.
#pragma once

#include <esrgan/error.h>

namespace esrgan::cli {

/// Nothing was done, and no other file would help; the exit status is that of wrong usage.
class UsageError : public Error {
  using Error::Error;
};

}  // namespace esrgan::cli
