#include "train/run/inspect.h"

#include <cstdio>
#include <iostream>
#include <utility>

#include "base/memory.h"
#include "base/platform_memory.h"
#include "base/text.h"
#include "train/data/prefetcher.h"
#include "train/networks/trace.h"
#include "train/run/surroundings.h"
#include "train/schemes/scheme.h"

namespace esrgan::train {

void dry_run(const Recipe& recipe) {
  const Place alone;
  set_up_torch(recipe, alone);
  std::cout << recipe.resolved << '\n' << "# " << recipe.generator.summary() << '\n';
  with_torch([&] {
    const torch::Device device = best_device(alone);
    const Ranks ranks(alone, device);
    const std::unique_ptr<SampleSource> source = open_pictures(recipe, alone, ranks);
    const std::unique_ptr<Scheme> scheme = make_scheme(recipe, device, ranks);
    const char* separator = "# ";
    for (const TrainedNetwork* network : scheme->networks()) {
      std::cout << separator << network->name() << ": " << network->parameters() << " parameters";
      separator = "; ";
    }
    const Batch batch = source->make(0, 0, recipe.data.batch_size);
    std::cout << "\n# " << source->pictures() << " training pictures; first batch:";
    for (const auto& [name, array] : batch.arrays) {
      const char* times = " ";
      std::cout << ' ' << name;
      for (const int64_t extent : array.shape) std::cout << std::exchange(times, "x") << extent;
    }
    std::cout << '\n';
    const uint64_t before = resident_memory();
    scheme->step(batch, 0);
    if (device.is_cuda()) return;  // the host's memory says nothing about what matters then
    std::cout << "# memory: one step had " << format_memory_size(peak_resident_memory() - before)
              << " beside the networks' " << format_memory_size(before) << std::endl;
  });
}

void profile(const Recipe& recipe, int steps, const std::string& trace_file) {
  const Place alone;
  set_up_torch(recipe, alone);
  with_torch([&] {
    const torch::Device device = best_device(alone);
    const Ranks ranks(alone, device);
    const std::unique_ptr<SampleSource> source = open_pictures(recipe, alone, ranks);
    const std::unique_ptr<Scheme> scheme = make_scheme(recipe, device, ranks);
    Prefetcher batches(*source, 0, 0, recipe.data.batch_size, recipe.data.workers);
    constexpr int warm_up = 3;
    for (int step = 0; step < warm_up; ++step) scheme->step(batches.next(), step);
    double data = 0, whole = 0;
    StepTimes sum;
    const Trace trace(device);
    for (int step = warm_up; step < warm_up + steps; ++step) {
      const Span all("step", whole);
      const Batch batch = [&] {
        const Span span("wait for data", data);
        return batches.next();
      }();
      scheme->step(batch, step);
      sum.forward += scheme->times().forward;
      sum.backward += scheme->times().backward;
      sum.optimiser += scheme->times().optimiser;
    }
    std::printf("%-16s %10s %8s\n", "part of a step", "seconds", "share");
    const auto line = [&](const char* name, double seconds) {
      std::printf("%-16s %10.4f %7.1f%%\n", name, seconds / steps, 100 * seconds / whole);
    };
    line("data", data);
    line("forward", sum.forward);
    line("backward", sum.backward);
    line("optimiser", sum.optimiser);
    line("other", whole - data - sum.forward - sum.backward - sum.optimiser);
    line("all", whole);
    trace.save(trace_file);
    std::printf("%d steps; %s opens in chrome://tracing or ui.perfetto.dev\n", steps, trace_file.c_str());
  });
}

}  // namespace esrgan::train
