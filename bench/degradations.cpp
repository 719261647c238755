// degradation_bench [SECONDS]: how many samples of 256 pixels a side one processor degrades in a second,
// operation by operation, and by the published chain as a whole, as training has it: with what lies around a
// patch, sharpened, reduced by 4.
#include <esrgan/image.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>

#include "guarded.h"
#include "image/float_image.h"
#include "train/data/degradations/degradation.h"
#include "train/data/degradations/filters.h"

namespace esrgan::bench {
namespace {

using train::DegradationChain;
using train::Random;
using train::Settings;

constexpr int scale = 4,
              side = 256 + 35 * scale;  // a patch, and what lies around it in both directions together

/// Smooth colours with noise: as many values as a photograph has.
FloatImage photograph() {
  FloatImage picture(side, side, 3);
  Random random{1};
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      for (int c = 0; c < 3; ++c)
        picture.at(x, y, c) = static_cast<float>(0.5 + 0.3 * std::sin(0.05 * x + c) * std::cos(0.03 * y) +
                                                 0.1 * (random.uniform() - 0.5));
  return picture;
}

/// Calls work(seed) for so many seconds.
template <typename Work>
void rate(const char* name, double seconds, const Work& work) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  uint64_t done = 0;
  double passed = 0;
  while (passed < seconds) {
    work(done++);
    passed = std::chrono::duration<double>(Clock::now() - begin).count();
  }
  std::printf("| %s | %.1f |\n", name, static_cast<double>(done) / passed);
  std::fflush(stdout);
}

void measure(double seconds) {
  const FloatImage picture = photograph();
  std::printf("| operation | samples a second |\n|---|---|\n");
  for (const train::DegradationKind& kind : train::degradation_kinds()) {
    const std::string type = kind.type;
    if (type == "any_order") continue;
    Settings settings = Settings::parse("{operations: [{type: " + type + "}]}", "bench");
    const DegradationChain chain(train::read_operations(settings, "operations"));
    try {
      rate(kind.type, seconds, [&](uint64_t seed) {
        Random random{seed};
        FloatImage changed = picture;
        chain.apply(changed, {side / scale, side / scale}, random);
      });
    } catch (const Error& error) {
      std::printf("| %s | %s |\n", kind.type, error.what());
    }
  }
  rate("sharpened target", seconds, [&](uint64_t) { train::sharpen(picture); });
  Settings settings = Settings::parse("{}", "bench");
  const auto published = train::read_degradation(settings);
  rate("Real-ESRGAN, all of it", 4 * seconds, [&](uint64_t seed) {
    Random random{seed};
    published->degrade(train::sharpen(picture), scale, random);
  });
}

}  // namespace
}  // namespace esrgan::bench

int main(int argc, char** argv) {
  return esrgan::bench::guarded([&] { esrgan::bench::measure(argc > 1 ? std::stod(argv[1]) : 2); });
}
