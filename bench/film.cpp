// film MODEL FILM SECONDS ROUNDS [ENCODER OPTION=VALUE...]: how much longer the whole of 'esrgan video' takes
// than its network alone on the same frames, in alternating rounds; and, from within the whole program's
// runs, where processors whose speed changes between the two runs make no difference, what the network's
// threads and those beside them used.
#include <esrgan/models.h>
#include <esrgan/video.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/memory.h"
#include "base/platform_memory.h"
#include "base/platform_process.h"
#include "base/thread_pool.h"
#include "guarded.h"
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

/// Processor time of this process's threads, read while they live. Those beside the network have names of
/// their own (see pipeline.cpp).
class ThreadTimes {
 public:
  ThreadTimes() : reading_([this](const std::stop_token& stop) { run(stop); }) {}

  struct Sums {
    double network = 0, beside = 0;  // seconds
  };
  Sums stop() {
    reading_.request_stop();
    reading_.join();
    Sums sums;
    for (const auto& [thread, use] : uses_) (use.beside ? sums.beside : sums.network) += use.end - use.begin;
    return sums;
  }

 private:
  struct Use {
    double begin, end;
    bool beside;
  };

  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      read();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    read();
  }

  void read() {
    std::error_code gone;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", gone)) {
      std::ifstream file(thread.path() / "stat");
      std::string text((std::istreambuf_iterator<char>(file)), {});
      if (text.empty()) continue;
      // Fields after the name, which ends with the last parenthesis; see proc(5).
      std::istringstream fields(text.substr(text.rfind(')') + 1));
      std::string field;
      long user = 0, system = 0;
      for (int number = 3; number <= 15 && fields >> field; ++number) {
        if (number == 14) user = std::stol(field);
        if (number == 15) system = std::stol(field);
      }
      const double seconds = static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
      const auto [found, is_new] = uses_.try_emplace(thread.path().filename(), Use{seconds, seconds, false});
      if (is_new && started_) found->second.begin = 0;  // it began meanwhile
      found->second.end = seconds;
      found->second.beside = text.find("(film: ") != std::string::npos;
    }
    started_ = true;
  }

  std::map<std::string, Use> uses_;
  bool started_ = false;
  std::jthread reading_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// The network alone, on a film's frames, which are decoded before.
struct Alone {
  int64_t frames = 0;
  double seconds = 0, processor_seconds = 0;
};

Alone network_alone(const std::string& model, const std::string& film, const esrgan::VideoOptions& options) {
  using namespace esrgan::video;
  FrameNetwork network(model, options.upscale, false);
  const auto source = open_source(
      film, options, {},
      [&](int width, int height, esrgan::SampleType stored) { return network.work(width, height, stored); },
      {});
  std::vector<FrameItem> items;
  PixelsPool pool, results;
  const auto frames = source->frames({{}, [](size_t) { return true; }, {}});
  frames->run(pool, [&](FrameItem item) {
    if (item.source && !item.repeated) items.push_back(std::move(item));
    return true;
  });
  const double before = processor_seconds();
  const auto start = Clock::now();
  for (FrameItem& item : items) {
    network.upscale(item, nullptr, results, {});
    for (esrgan::Pixels& part : item.parts) results.give(std::move(part));
  }
  return {static_cast<int64_t>(items.size()), since(start), processor_seconds() - before};
}

void measure(int argc, char** argv) {
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
  std::vector<double> ratios, steady_ratios;
  for (int round = 0; round < std::stoi(argv[4]); ++round) {
    const Alone alone = network_alone(model, film, options);
    ThreadTimes times;
    const esrgan::VideoReport whole = esrgan::upscale_video(model, film, output, options);
    const ThreadTimes::Sums sums = times.stop();
    std::filesystem::remove(output);
    ratios.push_back(whole.seconds / alone.seconds);
    const double elapsed_alone = alone.seconds / alone.processor_seconds,
                 elapsed_whole = whole.seconds / sums.network;
    steady_ratios.push_back(elapsed_whole / elapsed_alone);
    const auto frames = static_cast<double>(alone.frames);
    const double processors = esrgan::available_processors();
    const double idle = processors * whole.seconds - sums.network - sums.beside;
    std::printf(
        "%.0f frames: network alone %.3f s a frame, whole program %.3f s a frame: %.3f times\n"
        "  of the network's processor time: beside it %.1f %%, idle %.1f %% (alone %.1f %%): %.3f times\n",
        frames, alone.seconds / frames, whole.seconds / frames, ratios.back(),
        100 * sums.beside / sums.network, 100 * idle / sums.network, 100 * (processors * elapsed_alone - 1),
        steady_ratios.back());
    std::fflush(stdout);
  }
  std::printf("median %.3f times, at steady speed %.3f times; peak memory %s\n", median(ratios),
              median(steady_ratios), esrgan::format_memory_size(esrgan::peak_resident_memory()).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: film MODEL FILM SECONDS ROUNDS [ENCODER OPTION=VALUE...]\n");
    return 2;
  }
  return esrgan::bench::guarded([&] { measure(argc, argv); });
}
