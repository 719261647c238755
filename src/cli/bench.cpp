#include <esrgan/error.h>
#include <esrgan/models.h>
#include <esrgan/upscaler.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>

#include "base/file.h"
#include "base/memory.h"
#include "base/platform_memory.h"
#include "cli/session.h"
#include "image/float_image.h"

namespace esrgan::cli {
namespace {

constexpr const char* explanation =
    R"(Runs the network alone on a picture that is in memory, and prints the median of the seconds; with
--precision auto in full and, where the processor has it, in half precision.

Example:
  esrgan bench -m realesrgan-x4plus --size 256 --precision half
)";

struct BenchCommand {
  std::string model = "realesrgan-x4plus", input, raw;
  int size = 128, repeat = 5;
  bool json = false;
  UpscaleOptions options;

  Image picture() const {
    if (!input.empty()) {
      const Image read = read_image(input);
      if (read.info.channels == 3 && read.info.type == SampleType::u8)
        return from_float_image(to_float_image(read), SampleType::f32, read.info);
      throw Error(ErrorKind::unsupported, input, "picture to measure with", "8-bit RGB", "another kind");
    }
    Image image{{size, size, 3, SampleType::f32, {}, nullptr}, {}};
    image.samples.resize(image.info.bytes());
    std::mt19937 random(1);  // every machine measures the same picture
    std::uniform_real_distribution<float> uniform(0, 1);
    std::generate_n(image.data<float>(), image.samples.size() / sizeof(float),
                    [&] { return uniform(random); });
    return image;
  }

  int run() {
    options.tile = 0;
    const Image in = picture();
    std::vector<Precision> precisions{options.precision};
    if (options.precision == Precision::automatic) {
      precisions = {Precision::full};
      if (devices().front().half) precisions.push_back(Precision::half);
    }
    nlohmann::ordered_json runs = nlohmann::ordered_json::array();
    for (const Precision precision : precisions) {
      options.precision = precision;
      runs.push_back(measure(in));
      if (!json) print(runs.back());
    }
    if (json)
      print_json({{"model", model}, {"width", in.info.width}, {"height", in.info.height}, {"runs", runs}});
    return all_done;
  }

  nlohmann::ordered_json measure(const Image& in) const {
    using Clock = std::chrono::steady_clock;
    const auto seconds_since = [](Clock::time_point start) {
      return std::chrono::duration<double>(Clock::now() - start).count();
    };
    const auto start = Clock::now();
    Upscaler upscaler(find_model(model), options);
    std::vector<double> seconds;
    double first = 0;
    for (int i = 0; i <= repeat; ++i) {
      const auto begin = Clock::now();
      const Image out = upscaler.upscale(in, {{}, stop_token()});
      if (i == 0)  // to warm up
        first = seconds_since(start);
      else
        seconds.push_back(seconds_since(begin));
      if (i == repeat && !raw.empty())
        write_file(raw, {reinterpret_cast<const uint8_t*>(out.samples.data()), out.samples.size()});
    }
    std::sort(seconds.begin(), seconds.end());
    const double median = seconds[seconds.size() / 2];
    return {{"precision", options.precision == Precision::half ? "half" : "full"},
            {"kernels", upscaler.kernels()},
            {"seconds", median},
            {"all_seconds", seconds},
            {"load_seconds", std::max(0.0, first - median)},
            {"peak_bytes", peak_resident_memory()}};
  }

  void print(const nlohmann::ordered_json& run) const {
    const auto& seconds = run["all_seconds"];
    std::printf(
        "%s, %s precision, %s kernels: median %.3f s of %d (%.3f to %.3f); loading %.2f s, peak memory %s\n",
        model.c_str(), run["precision"].get<std::string>().c_str(), run["kernels"].get<std::string>().c_str(),
        run["seconds"].get<double>(), repeat, seconds.front().get<double>(), seconds.back().get<double>(),
        run["load_seconds"].get<double>(), format_memory_size(run["peak_bytes"].get<uint64_t>()).c_str());
    std::fflush(stdout);
  }
};

}  // namespace

void add_bench(CLI::App& app, Action& action) {
  auto command = std::make_shared<BenchCommand>();
  CLI::App* sub = app.add_subcommand("bench", "Measure how fast a network runs here");
  sub->add_option("-m,--model,--model-path", command->model, "Model by name or file")
      ->type_name("MODEL")
      ->capture_default_str();
  sub->add_option("--size", command->size, "Side of a random input")
      ->type_name("N")
      ->check(CLI::Range(8, 4096))
      ->capture_default_str();
  sub->add_option("--input", command->input, "A picture instead (8-bit RGB)")->type_name("FILE");
  sub->add_option("--repeat", command->repeat, "Runs to take the median of")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_precision(*sub, command->options.precision);
  sub->add_option("-j,--threads", command->options.threads, "Worker threads; without it, one per processor")
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
  sub->add_option("--raw", command->raw, "Write the result as plain floats, to compare")->type_name("FILE");
  sub->add_flag("--json", command->json, "Print as JSON");
  sub->footer(explanation);
  sub->callback([command, &action] { action = [command] { return command->run(); }; });
}

}  // namespace esrgan::cli
