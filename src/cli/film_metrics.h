// `esrgan metrics --film`, which belongs to the program for films.
#pragma once

namespace esrgan::cli {

/// Parses and runs it; returns the exit status.
int film_metrics(int argc, char** argv);

}  // namespace esrgan::cli
