// libjpeg's errors as exceptions. It is told of them by callbacks that must not return, and otherwise ends
// the process.
#pragma once

#include <esrgan/error.h>

// jpeglib.h wants FILE to be known.
#include <cstdio>

#include <jpeglib.h>

#include <array>
#include <string>

namespace esrgan {

struct JpegErrors {
  jpeg_error_mgr manager{};  // first: libjpeg knows only this part
  std::string file, problem;

  /// The problem that is told together with libjpeg's own words.
  JpegErrors(std::string file_name, std::string said_problem)
      : file(std::move(file_name)), problem(std::move(said_problem)) {
    jpeg_std_error(&manager);
    manager.error_exit = [](j_common_ptr codec) {
      std::array<char, JMSG_LENGTH_MAX> text{};
      codec->err->format_message(codec, text.data());
      const auto& errors = *reinterpret_cast<const JpegErrors*>(codec->err);
      throw Error(ErrorKind::bad_data, errors.file, errors.problem + text.data());
    };
    manager.output_message = [](j_common_ptr) {};
  }
};

}  // namespace esrgan
