// film MODEL FILM SECONDS ROUNDS [ENCODER OPTION=VALUE...]: how much longer the whole of 'esrgan video' takes
// than its network alone on the same frames, in alternating rounds.
#include <esrgan/models.h>
#include <esrgan/video.h>

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "base/memory.h"
#include "video/frame_network.h"
#include "video/source.h"

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Seconds of processors that this process has used.
double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Seconds that the network alone takes for a film's frames, which are decoded before.
double network_alone(const std::string& model, const std::string& film, const esrgan::VideoOptions& options,
                     int64_t& count) {
  using namespace esrgan::video;
  FrameNetwork network(model, options.upscale, false);
  const auto source = open_source(
      film, options, false,
      [&](int width, int height, esrgan::SampleType stored) { return network.work(width, height, stored); });
  std::vector<FrameItem> items;
  PixelsPool pool, results;
  const auto frames = source->frames({nullptr, [](size_t) { return true; }, {}});
  frames->run(pool, [&](FrameItem item) {
    if (item.source && !item.repeated) items.push_back(std::move(item));
    return true;
  });
  count = static_cast<int64_t>(items.size());
  double seconds = 0;
  for (FrameItem& item : items) {
    const auto start = Clock::now();
    network.enlarge(item, results, nullptr);
    seconds += since(start);
    for (esrgan::Pixels& part : item.parts) results.give(std::move(part));
  }
  return seconds;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: film MODEL FILM SECONDS ROUNDS [ENCODER OPTION=VALUE...]\n");
    return 2;
  }
  const std::string model = esrgan::find_model(argv[1]), film = argv[2];
  esrgan::VideoOptions options;
  options.duration = std::stod(argv[3]);
  if (argc > 5) options.encoder = argv[5];
  for (int i = 6; i < argc; ++i) {
    const std::string option = argv[i];
    const size_t middle = option.find('=');
    options.encoder_options.emplace_back(option.substr(0, middle), option.substr(middle + 1));
  }
  const std::string output =
      (std::filesystem::temp_directory_path() /
       ("esrgan-bench-" + std::to_string(Clock::now().time_since_epoch().count()) + ".mkv"))
          .string();
  std::vector<double> ratios, processor_ratios;
  for (int round = 0; round < std::stoi(argv[4]); ++round) {
    int64_t frames = 0;
    const double before = processor_seconds();
    const double alone = network_alone(model, film, options, frames);
    const double between = processor_seconds();
    const esrgan::VideoReport whole = esrgan::upscale_video(model, film, output, options);
    std::filesystem::remove(output);
    ratios.push_back(whole.seconds / alone);
    processor_ratios.push_back((processor_seconds() - between) / (between - before));
    std::printf(
        "%lld frames: network alone %.3f s a frame, whole program %.3f s a frame: %.3f times (processor time "
        "%.3f times)\n",
        static_cast<long long>(frames), alone / static_cast<double>(frames),
        whole.seconds / static_cast<double>(frames), ratios.back(), processor_ratios.back());
    std::fflush(stdout);
  }
  std::printf("median %.3f times (processor time %.3f times); peak memory %s\n", median(ratios),
              median(processor_ratios), esrgan::format_memory_size(esrgan::peak_resident_memory()).c_str());
  return 0;
}
