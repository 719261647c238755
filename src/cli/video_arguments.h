// What `esrgan video` is given on the command line. Known to both programs: esrgan-video does the work,
// esrgan completes the options.
#pragma once

#include <esrgan/video.h>

#include <string>
#include <vector>

#include "cli/network_options.h"

namespace esrgan::cli {

struct VideoArguments {
  NetworkOptions network;
  VideoOptions options;
  std::string input, output, start, duration, fps, deinterlace, segment, fit;
  std::vector<std::string> encoder_options, container_options;
  int preview = 0;
  bool join = false, overwrite = false, json = false;

  /// Adds them to a command; `this` must outlive it.
  void describe(CLI::App& app);
  /// After parsing: brings what was given as text to `options`. Throws Error naming the option.
  void read();
};

}  // namespace esrgan::cli
