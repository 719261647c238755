// How well the processor's schedule would use many threads:
//   schedule_bench [MODEL...]
// The parts that there are for N threads are computed by one, each is timed, and N simulated threads take
// them by the rules of ItemQueue. Efficiency: seconds of one thread by (N times seconds of N). Memory and
// caches that real threads share are left out, as is what it takes to start them. Planning: user time of
// lay_out().
#include <esrgan/models.h>
#include <sys/resource.h>

#include <cstdio>
#include <queue>
#include <stop_token>
#include <string>
#include <vector>

#include "base/cpu_features.h"
#include "device/cpu/cpu_executor.h"
#include "device/cpu/item_queue.h"
#include "device/device.h"
#include "engine/strip_upscaler.h"
#include "guarded.h"
#include "model/model.h"

namespace esrgan::bench {
namespace {

using Seconds = std::vector<std::vector<double>>;  // of each run's items

double user_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) + 1e-6 * static_cast<double>(usage.ru_utime.tv_usec);
}

/// All workers of a pool one after the other: the first does everything.
ThreadPool one_after_another(int threads) {
  return ThreadPool(threads, [](int workers, const std::function<void(int)>& work) {
    for (int worker = 0; worker < workers; ++worker) work(worker);
  });
}

class Simulation {
 public:
  Simulation(const CpuExecutor& executor, const Seconds& seconds, int threads)
      : executor_(executor),
        seconds_(seconds),
        threads_(threads),
        queue_(executor.schedule(), executor.layout(), executor.items(), threads) {}

  /// Seconds that the threads would take for everything.
  double run() {
    double total = 0;
    for (size_t run = 0; run < executor_.items().size(); ++run) total += one(run);
    return total;
  }

 private:
  struct Working {
    double until;
    const Item* item;
    bool operator>(const Working& other) const { return until > other.until; }
  };

  double one(size_t run) {
    queue_.start(run);
    const std::vector<Item>& items = executor_.items()[run];
    std::priority_queue<Working, std::vector<Working>, std::greater<>> working;
    std::vector<double> idle_since(static_cast<size_t>(threads_), 0.0);
    const double patience = std::chrono::duration<double>(ItemQueue::patience).count();
    double now = 0;
    for (size_t left = items.size(); left > 0;) {
      for (size_t i = 0; i < idle_since.size();) {
        const Item* const item = queue_.take_now(now - idle_since[i] > patience);
        if (item == nullptr) {
          ++i;
          continue;
        }
        working.push({now + seconds_[run][static_cast<size_t>(item - items.data())], item});
        idle_since[i] = idle_since.back();
        idle_since.pop_back();
      }
      now = working.top().until;
      queue_.finish(*working.top().item);
      working.pop();
      idle_since.push_back(now);
      --left;
    }
    return now;
  }

  const CpuExecutor& executor_;
  const Seconds& seconds_;
  int threads_;
  ItemQueue queue_;
};

/// Computes a picture in the parts of `threads` threads; what each took.
Seconds measure(CpuExecutor& executor, int width, int height) {
  Seconds seconds;
  std::vector<float> in(static_cast<size_t>(width * height * executor.in_channels()), 0.5F);
  std::vector<float> out(
      static_cast<size_t>(width * height * executor.scale() * executor.scale() * executor.out_channels()));
  executor.set_observer([&](size_t run, const Item& item, double took) {
    if (seconds.empty())
      for (const std::vector<Item>& items : executor.items()) seconds.emplace_back(items.size());
    seconds[run][static_cast<size_t>(&item - executor.items()[run].data())] = took;
  });
  executor.run(in.data(), width, height, out.data(), {});
  return seconds;
}

void simulate(const std::string& name, int width, int height) {
  std::printf("%s, %dx%d\n| threads | seconds | efficiency |\n|---|---|---|\n", name.c_str(), width, height);
  const std::string file = find_model(name);
  double alone = 0;
  for (const int threads : {1, 2, 4, 8, 16, 32, 64, 128}) {
    ThreadPool pool = one_after_another(threads);
    CpuExecutor executor(build_graph(read_model(file)), *make_cpu_kernels(chosen_isa(), false), pool);
    const Seconds seconds = measure(executor, width, height);
    const double took = Simulation(executor, seconds, threads).run();
    if (threads == 1) alone = took;
    std::printf("| %d | %.3f | %.0f %% |\n", threads, took, 100 * alone / (threads * took));
    std::fflush(stdout);
  }
}

/// User time from a picture's size to its first part: tiles are chosen and laid out.
void plan(const std::string& name, int width, int height) {
  std::printf("%s, planning %dx%d:", name.c_str(), width, height);
  const std::string file = find_model(name);
  for (const int threads : {2, 16, 32, 63, 64, 128}) {
    ThreadPool pool = one_after_another(threads);
    CpuExecutor executor(build_graph(read_model(file)), *make_cpu_kernels(chosen_isa(), false), pool);
    TileRunner runner(executor, pool, false);
    const std::vector<float> picture(static_cast<size_t>(width * height * 3), 0.5F);
    ImageInfo info;
    info.width = width;
    info.height = height;
    info.channels = 3;
    const double before = user_seconds();
    const TilePlan tiles = choose_tiles(
        {width,
         height,
         72,
         executor.input_multiple(),
         false,
         {uint64_t{2} << 30U, 0},
         [&](const TilePlan& tried) { return strips_memory(info, runner, tried, executor.scale()); }});
    const double chosen = user_seconds() - before;
    std::stop_source stop;
    double first = 0;
    executor.set_observer([&](size_t, const Item&, double took) {
      if (!stop.request_stop()) return;
      first = user_seconds() - took;
    });
    std::vector<float> out(
        static_cast<size_t>(tiles.x.largest * tiles.y.largest * executor.scale() * executor.scale() * 3));
    RunControl control;
    control.stop = stop.get_token();
    const double start = user_seconds();
    try {
      executor.run(picture.data(), tiles.x.largest, tiles.y.largest, out.data(), control);
    } catch (const Cancelled&) {
    }
    std::printf(" %d threads %.1f + %.1f ms,", threads, 1e3 * chosen, 1e3 * (first - start));
    std::fflush(stdout);
  }
  std::printf("\n");
}

}  // namespace
}  // namespace esrgan::bench

int main(int count, char** arguments) {
  std::vector<std::string> models(arguments + 1, arguments + count);
  if (models.empty()) models = {"realesr-animevideov3-x4", "realesrgan-x4plus"};
  return esrgan::bench::guarded([&] {
    for (const std::string& model : models) {
      esrgan::bench::plan(model, 1600, 1200);
      esrgan::bench::simulate(model, 256, 256);
      esrgan::bench::simulate(model, 1280, 720);
    }
  });
}
