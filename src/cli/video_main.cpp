// esrgan-video: what `esrgan video` starts; the only program that links FFmpeg and zimg.
#include <esrgan/error.h>
#include <esrgan/video.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <utility>

#include "base/memory.h"
#include "base/platform_pipe.h"
#include "base/text.h"
#include "cli/film_metrics.h"
#include "cli/progress_bar.h"
#include "cli/session.h"
#include "cli/video_arguments.h"

namespace esrgan::cli {
namespace {

class VideoCommand {
 public:
  explicit VideoCommand(VideoArguments arguments) : given_(std::move(arguments)) {}

  int run() {
    if (!given_.overwrite && std::filesystem::is_regular_file(given_.output)) {
      const std::string parts = work_folder_of(given_.output);
      const std::string left = std::filesystem::exists(parts) ? ", and goes on with what is in " + parts : "";
      print_message(given_.output + " exists, skipped (--overwrite replaces it" + left + ")");
      if (given_.json) print_line({{"event", "skipped"}, {"output", given_.output}});
      return all_done;
    }
    VideoEvents events;
    events.stop = stop_token();
    events.progress = [this](const VideoProgress& progress) { show(progress); };
    if (given_.json && is_pipe(given_.output))
      throw Error(ErrorKind::invalid_argument, "", "--json",
                  "a file as output: standard output has the film");
    if (given_.join) return report(join_video(given_.output, given_.options.others_from, events));
    if (given_.input.empty())
      throw Error(ErrorKind::invalid_argument, "", "input", "a film, a folder of pictures or a pattern",
                  "none");
    given_.read();
    const std::string model = given_.network.model == "none" ? "" : given_.network.model_file();
    if (given_.preview > 0) {
      preview_video(model, given_.input, given_.output, given_.preview, given_.options, events);
      return all_done;
    }
    bar_.emplace(given_.output, 0);
    VideoReport done;
    try {
      done = upscale_video(model, given_.input, given_.output, given_.options, events);
    } catch (const Cancelled&) {
      const std::string parts = work_folder_of(given_.output);
      print_message(std::filesystem::exists(parts)
                        ? "stopped; the same command goes on from here, with what " + parts + " holds"
                        : std::string("stopped; nothing is left to go on with"));
      return interrupted;
    }
    bar_.reset();
    return report(done);
  }

 private:
  static std::string text_of(const VideoProgress& progress) {
    std::string text = std::to_string(progress.frames) +
                       (progress.total > 0 ? "/" + std::to_string(progress.total) : "") + " frames  " +
                       fixed_text_of(progress.frames_per_second, 2) + "/s";
    if (progress.seconds_left >= 0) text += "  " + format_duration(progress.seconds_left) + " left";
    return text + "  " + format_memory_size(progress.bytes);
  }

  void show(const VideoProgress& progress) {
    if (bar_)
      bar_->show(progress.total > 0 ? std::min(1.0, static_cast<double>(progress.frames) /
                                                        static_cast<double>(progress.total))
                                    : 0,
                 text_of(progress));
    const auto now = std::chrono::steady_clock::now();
    if (!given_.json || now - last_line_ < std::chrono::seconds(1)) return;
    last_line_ = now;
    print_line({{"event", "progress"},
                {"frames", progress.frames},
                {"total", progress.total},
                {"frames_per_second", progress.frames_per_second},
                {"seconds_left", progress.seconds_left},
                {"bytes", progress.bytes}});
  }

  static void print_line(const nlohmann::ordered_json& line) {
    std::cout << line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << std::endl;
  }

  int report(const VideoReport& done) const {
    for (const std::string& remark : done.remarks) print_message(given_.output + ": " + remark);
    if (done.lost + done.damaged > 0)
      print_message(given_.output + ": the input is damaged: " + std::to_string(done.lost) +
                    " frames or packets could not be decoded, " + std::to_string(done.damaged) +
                    " frames only in part");
    if (given_.json)
      print_line({{"event", "done"},
                  {"output", given_.output},
                  {"width", done.width},
                  {"height", done.height},
                  {"encoder", done.encoder},
                  {"frames", done.frames},
                  {"resumed", done.resumed},
                  {"repeated", done.repeated},
                  {"reused", done.reused},
                  {"damaged", done.damaged},
                  {"lost", done.lost},
                  {"network_seconds", done.network_seconds},
                  {"seconds", done.seconds},
                  {"bytes", done.bytes},
                  {"complete", done.complete}});
    else
      print_message(
          given_.output + ": " + std::to_string(done.frames) + " frames, " + std::to_string(done.width) +
          "x" + std::to_string(done.height) + ", " + done.encoder + ", " + format_memory_size(done.bytes) +
          ", " + format_duration(done.seconds) +
          (is_share(done) ? "; this share is done ('esrgan video -o ... --join' when all are)" : ""));
    return done.complete || is_share(done) ? all_done : some_failed;
  }

  static bool is_share(const VideoReport& done) { return done.bytes == 0; }

  VideoArguments given_;
  std::optional<ProgressBar> bar_;
  std::chrono::steady_clock::time_point last_line_{};
};

int run(int argc, char** argv) {
  if (argc > 0 && std::string(argv[0]) == "metrics") return film_metrics(argc, argv);
  CLI::App app{"Enlarge films", "esrgan video"};
  app.get_formatter()->column_width(36);
  VideoArguments arguments;
  arguments.describe(app);
  try {
    app.parse(spelled(argc, argv));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? all_done : wrong_usage;
  }
  return VideoCommand(std::move(arguments)).run();
}

}  // namespace
}  // namespace esrgan::cli

int main(int argc, char** argv) {
  setenv("SVT_LOG", "1", 0);  // SVT-AV1 prints by itself: errors only  NOLINT(concurrency-mt-unsafe)
  return esrgan::cli::run_program([&] { return esrgan::cli::run(argc, argv); });
}
