// The processor's schedule: the same bits for any number of threads, and in panels.
#include "base/cpu_features.h"
#include "device/cpu/cpu_executor.h"
#include "device/cpu/item_queue.h"
#include "operations_fixture.h"

namespace esrgan {
namespace {

using test::Operations;

TEST_F(Operations, AnyNumberOfThreadsGivesTheSameBits) {
  Graph graph;
  MapId x = graph.input = new_map(graph, 3, 1);
  for (int i = 0; i < 6; ++i) {
    Convolution conv;
    conv.name = "layer";
    conv.inputs = {x};
    conv.in_channels = graph.map(x).channels;
    conv.out_channels = i == 5 ? 12 : 20;
    conv.weights = reals(static_cast<size_t>(conv.in_channels * conv.out_channels * 9), -0.1F, 0.1F);
    conv.bias = reals(static_cast<size_t>(conv.out_channels), -1, 1);
    if (i > 1 && i < 5) conv.residuals = {{x, 0.5F}};
    x = conv.out = new_map(graph, conv.out_channels, 1);
    if (i % 2 == 0) graph.stages.push_back(graph.operations.size());
    graph.operations.emplace_back(std::move(conv));
  }
  const MapId wide = new_map(graph, 3, 2);
  graph.operations.emplace_back(PixelShuffle{x, wide, 2, false});
  graph.output = new_map(graph, 3, 2);
  graph.operations.emplace_back(AddUpsampled{wide, graph.input, graph.output, 2, Upsampling::nearest});
  for (const auto& [width, height] : {std::pair{97, 61}, std::pair{5, 3}}) {
    const std::vector<float> in = reals(static_cast<size_t>(width * height * 3));
    for (const bool half : {false, true}) {
      std::vector<float> expected;
      for (const int threads : {1, 2, 3, 7, 16, 33, 64, 128}) {
        ThreadPool pool(threads);
        const auto executor = make_cpu_device(pool)->compile(graph, half);
        const std::vector<float> found = run(*executor, in, width, height);
        if (threads == 1) expected = found;
        EXPECT_EQ(expected, found) << threads << " threads, " << width << "x" << height;
      }
    }
  }
}

/// Operations of all kinds, any of them reading what any before made, in one stage or several.
class RandomGraph {
 public:
  RandomGraph(test::RandomTest& random, bool stages) : random_(random), stages_(stages) {
    graph_.input = map(channels, 1);
    made_ = {graph_.input};
    const int count = random_.between(4, 9);
    for (int i = 0; i < count; ++i) add_any();
    const MapId deep = convolve({latest()}, 3, 12), wide = map(3, 2);
    graph_.operations.emplace_back(PixelShuffle{deep, wide, 2, false});
    const MapId base = convolve({made_[1]}, 1, 3), sum = map(3, 2);
    graph_.operations.emplace_back(
        AddUpsampled{wide, base, sum, 2, flip() ? Upsampling::nearest : Upsampling::bilinear});
    graph_.output = convolve({sum}, 3, 3, flip() ? 2 : 1);
  }

  Graph take() { return std::move(graph_); }

 private:
  static constexpr int channels = 8;

  bool flip() { return random_.between(0, 1) == 1; }
  MapId latest() const { return made_.back(); }
  MapId any() { return made_[static_cast<size_t>(random_.between(0, static_cast<int>(made_.size()) - 1))]; }

  MapId map(int count, int density) {
    graph_.maps.push_back({count, density});
    return static_cast<MapId>(graph_.maps.size()) - 1;
  }

  MapId convolve(const std::vector<MapId>& inputs, int kernel, int out_channels, int upsample = 1) {
    Convolution conv;
    conv.name = "layer";
    conv.inputs = inputs;
    conv.kernel = kernel;
    conv.upsample = upsample;
    for (const MapId in : inputs) conv.in_channels += graph_.map(in).channels;
    conv.out_channels = out_channels;
    const int weights = conv.in_channels * out_channels * kernel * kernel;
    conv.weights = random_.reals(static_cast<size_t>(weights), -0.2F, 0.2F);
    conv.bias = random_.reals(static_cast<size_t>(out_channels), -1, 1);
    if (out_channels == channels && flip()) conv.residuals = {{any(), 0.5F}};
    conv.out = map(out_channels, graph_.map(inputs.front()).density * upsample);
    if (graph_.operations.empty() || (stages_ && random_.between(0, 3) == 0))
      graph_.stages.push_back(graph_.operations.size());
    graph_.operations.emplace_back(std::move(conv));
    return output_of(graph_.operations.back());
  }

  void add_any() {
    const int kind = graph_.operations.empty() ? 0 : random_.between(0, 5);
    if (kind == 4) {
      const MapId out = map(channels, 1);
      graph_.operations.emplace_back(Silu{any(), out});
      made_.push_back(out);
    } else if (kind == 5) {
      const MapId out = map(channels, 1);
      graph_.operations.emplace_back(SymmetricGate{latest(), any(), out});
      made_.push_back(out);
    } else if (kind == 3) {
      made_.push_back(convolve({any()}, random_.between(0, 2) * 2 + 1, channels));
    } else {
      std::vector<MapId> inputs{latest()};
      for (int i = 0; i < kind; ++i) inputs.push_back(any());
      made_.push_back(convolve(inputs, 3, channels));
    }
  }

  test::RandomTest& random_;
  bool stages_;
  Graph graph_;
  std::vector<MapId> made_;  // maps of density 1
};

TEST_F(Operations, WidePicturesAreTheSameBitsInPanels) {
  int fewer = 0;
  for (int trial = 0; trial < 20; ++trial) {
    const Graph graph = RandomGraph(*this, trial % 2 == 1).take();
    const int width = between(300, 600), height = between(1, 24), channels = graph.map(graph.input).channels;
    const std::vector<float> in = reals(static_cast<size_t>(width * height * channels));
    for (const bool half : {false, true}) {
      ThreadPool one(1), two(2), many(128);
      const auto whole = make_cpu_device(many)->compile(graph, half),
                 in_panels = make_cpu_device(one)->compile(graph, half),
                 in_wide_panels = make_cpu_device(two)->compile(graph, half);
      const std::vector<float> expected = run(*whole, in, width, height);
      EXPECT_EQ(expected, run(*in_panels, in, width, height)) << trial << ": " << width << "x" << height;
      EXPECT_EQ(expected, run(*in_wide_panels, in, width, height)) << trial << ": " << width << "x" << height;
      // What was beside the last picture's panels must not show in the next.
      EXPECT_EQ(expected, run(*in_panels, in, width, height)) << trial << ": again";
      if (in_panels->memory_for(width, height).host < whole->memory_for(width, height).host) ++fewer;
    }
  }
  EXPECT_GT(fewer, 0);  // there were panels
}

/// In whatever order threads come to an end: two bands that lie in one place are never written at once.
TEST_F(Operations, ABandIsWrittenWhenTheOneInItsPlaceIsDone) {
  constexpr size_t threads = 7;
  for (int trial = 0; trial < 40; ++trial) {
    const Graph graph = RandomGraph(*this, trial % 2 == 1).take();
    const int width = between(300, 600), height = between(8, 40), channels = graph.map(graph.input).channels;
    const std::vector<float> in = reals(static_cast<size_t>(width * height * channels));
    ThreadPool pool(threads, [](int workers, const std::function<void(int)>& work) {
      for (int worker = 0; worker < workers; ++worker) work(worker);
    });
    CpuExecutor executor(graph, *make_cpu_kernels(chosen_isa(), false), pool);
    run(executor, in, width, height);
    ItemQueue queue(executor.schedule(), executor.layout(), executor.items(), threads);
    for (size_t run = 0; run < executor.items().size(); ++run) {
      queue.start(run);
      std::vector<const Item*> working;
      for (size_t left = executor.items()[run].size(); left > 0;) {
        const Item* const taken =
            working.size() < threads && between(0, 2) > 0 ? queue.take_now(true) : nullptr;
        if (taken == nullptr) {
          if (working.empty()) continue;
          std::swap(working[static_cast<size_t>(between(0, static_cast<int>(working.size()) - 1))],
                    working.back());
          queue.finish(*working.back());
          working.pop_back();
          --left;
          continue;
        }
        const auto map = static_cast<size_t>(output_of(graph.operations[taken->step]));
        const MapLife& life = executor.schedule().maps[map];
        const int bands = life.external ? 0 : life.bands;
        for (const Item* other : working)
          ASSERT_FALSE(bands > 0 && other->step == taken->step && other->band != taken->band &&
                       other->band % bands == taken->band % bands)
              << trial << ": step " << taken->step << ", bands " << other->band << " and " << taken->band;
        working.push_back(taken);
      }
    }
  }
}

}  // namespace
}  // namespace esrgan
