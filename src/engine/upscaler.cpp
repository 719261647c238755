#include <esrgan/error.h>
#include <esrgan/upscaler.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/log.h"
#include "base/memory.h"
#include "engine/strip_upscaler.h"
#include "image/bleed.h"
#include "image/denoise_tv.h"
#include "image/resize.h"
#include "model/architecture.h"
#include "weights/read_weights.h"

namespace esrgan {
namespace {

// Beside what is counted: buffers of codecs and the allocator.
constexpr uint64_t memory_margin = uint64_t{48} << 20U;

void check(const UpscaleOptions& options) {
  const auto refuse = [](const std::string& option, const std::string& expected, const std::string& found) {
    throw Error("", option, expected, found);
  };
  if (!(options.scale >= 0 && options.scale <= 64))
    refuse("--scale", "a number up to 64", std::to_string(options.scale));
  if (options.tile < UpscaleOptions::automatic_tile || (options.tile > 0 && options.tile < 8))
    refuse("--tile", "auto, 0 or at least 8 pixels", std::to_string(options.tile));
  if (options.halo < 0 || options.halo > 1024)
    refuse("--halo", "0 to 1024 pixels", std::to_string(options.halo));
  if (options.input_size < 0 || options.input_size > 1'000'000)
    refuse("--input-size", "a number of pixels", std::to_string(options.input_size));
  if (!(options.denoise_tv >= 0 && options.denoise_tv <= 100))
    refuse("--denoise-tv", "a weight such as 0.05", std::to_string(options.denoise_tv));
  if (options.threads < 0 || options.threads > 4096)
    refuse("--threads", "0 to 4096", std::to_string(options.threads));
}

/// `extent` times `factor`, at least one pixel.
int scaled(int extent, double factor) {
  return std::max(1, static_cast<int>(std::lround(extent * factor)));
}

}  // namespace

struct Upscaler::State {
  UpscaleOptions options;
  std::string summary;
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Network> network;
  std::string model_file;
  std::unique_ptr<Network> full_network;  // when half precision failed
  uint64_t resident = 0;                  // of the process, when the network was loaded
  Progress progress;
  const std::atomic<bool>* stop = nullptr;

  State(const std::string& file, const UpscaleOptions& given) : options(given), model_file(file) {
    check(options);
    backend = make_cpu_backend(chosen_isa(), options.precision == Precision::half);
    pool = std::make_unique<ThreadPool>(options.threads);
    const Model model = detect_model(read_weights(model_file));
    summary = model.architecture.summary();
    network = std::make_unique<Network>(build_graph(model), *backend, *pool);
    resident = resident_memory();
    if (options.max_memory == 0) options.max_memory = resident + available_memory() / 2;
  }

  uint64_t budget() const {
    const uint64_t used = resident + memory_margin;
    return options.max_memory > used ? options.max_memory - used : 0;
  }

  /// Reduces (or enlarges) the input to --input-size.
  std::unique_ptr<RowSource> resize_input(std::unique_ptr<RowSource> source) const {
    const ImageInfo& info = source->info();
    const int longer = std::max(info.width, info.height);
    if (options.input_size == 0 || options.input_size == longer) return source;
    const double factor = static_cast<double>(options.input_size) / longer;
    FloatImage picture(info.width, info.height, info.channels);
    source->read(0, info.height, picture.pixels.data());
    const FloatImage resized =
        resize_lanczos(picture, scaled(info.width, factor), scaled(info.height, factor));
    return make_source(std::make_shared<Image>(from_float_image(resized, SampleType::f32, info)));
  }

  /// What comes out for an input like `info`.
  ImageInfo output_info(const ImageInfo& info, SampleType type) const {
    ImageInfo out = info;
    const double factor = options.scale > 0 ? options.scale : network->scale();
    out.width = scaled(info.width, factor);
    out.height = scaled(info.height, factor);
    out.type = type;
    return out;
  }

  bool needs_whole_input() const { return options.edges == Edges::wrap || options.input_size > 0; }

  void run(RowSource& source, const ImageInfo& out, std::unique_ptr<RowSink> sink) {
    const ImageInfo& info = source.info();
    ImageInfo network_out = info;
    network_out.width *= network->scale();
    network_out.height *= network->scale();
    network_out.type = SampleType::f32;
    uint64_t held = source.memory();
    if (options.denoise_tv > 0) {
      sink = make_denoise_tv_sink(out, options.denoise_tv, std::move(sink));
      held += denoise_tv_sink_memory(out);
    }
    if (network_out.width != out.width || network_out.height != out.height) {
      sink = make_lanczos_sink(network_out, out.width, out.height, std::move(sink));
      held += lanczos_sink_memory(network_out, out.width, out.height);
    }
    TileRunner runner(*network, options.self_ensemble, fall_back());
    const TilePlan plan = plan_tiles(info, runner, held);
    upscale_strips(source, *sink, runner, plan, network->scale(), options.edges == Edges::wrap,
                   follow(plan, runner.passes(info.channels)));
    sink->finish();
  }

  /// The same network in full precision, if it is not that already.
  std::function<Network&()> fall_back() {
    if (options.precision != Precision::half || !has_half(chosen_isa())) return {};
    return [this]() -> Network& {
      if (!full_network)
        full_network = std::make_unique<Network>(build_graph(detect_model(read_weights(model_file))),
                                                 *make_cpu_backend(chosen_isa()), *pool);
      return *full_network;
    };
  }

  TilePlan plan_tiles(const ImageInfo& info, const TileRunner& runner, uint64_t held) const {
    const uint64_t memory = budget() > held ? budget() - held : 0;
    const TileLimits limits{
        info.width, info.height,
        // Pixels that are blended lie outside the tile and need their surroundings too.
        std::min(options.halo, network->receptive_radius() + largest_blend), network->input_multiple(),
        options.edges == Edges::wrap, memory,
        [&](const TilePlan& plan) { return strips_memory(info, runner, plan, network->scale()); }};
    if (options.tile == UpscaleOptions::automatic_tile) return choose_tiles(limits);
    TilePlan plan = fixed_tiles(limits, options.tile);
    if (limits.cost(plan) > memory)
      throw Error("", "--tile " + std::to_string(options.tile) + " needs more memory than the ceiling leaves",
                  "at most " + format_memory_size(memory) + " (see --max-memory)",
                  format_memory_size(limits.cost(plan)));
    return plan;
  }

  /// Turns the multiply-accumulates of single layers into a share of the whole.
  RunControl follow(const TilePlan& plan, int passes) const {
    double pixels_x = 0, pixels_y = 0;
    for (const TileSpan& span : plan.x.tiles) pixels_x += span.end - span.begin;
    for (const TileSpan& span : plan.y.tiles) pixels_y += span.end - span.begin;
    const double total = pixels_x * pixels_y * network->macs_per_pixel() * passes;
    RunControl control;
    control.stop = stop;
    if (progress)
      control.done = [this, total, done = 0.0](double macs) mutable {
        done += macs;
        progress(std::min(1.0, done / total));
      };
    return control;
  }
};

Upscaler::Upscaler(const std::string& model_file, const UpscaleOptions& options)
    : state_(std::make_unique<State>(model_file, options)) {}
Upscaler::~Upscaler() = default;
Upscaler::Upscaler(Upscaler&&) noexcept = default;
Upscaler& Upscaler::operator=(Upscaler&&) noexcept = default;

int Upscaler::network_scale() const {
  return state_->network->scale();
}
const std::string& Upscaler::summary() const {
  return state_->summary;
}
const char* Upscaler::kernels() const {
  return state_->backend->name();
}
void Upscaler::set_progress(Progress progress) {
  state_->progress = std::move(progress);
}
void Upscaler::set_stop(const std::atomic<bool>* stop) {
  state_->stop = stop;
}

Image Upscaler::upscale(const Image& image) {
  auto copy = std::make_shared<Image>(image);
  bleed_colours(*copy);
  const auto source = state_->resize_input(make_source(std::move(copy)));
  Image result{state_->output_info(source->info(), image.info.type), {}};
  state_->run(*source, result.info, make_sink(result));
  return result;
}

ImageInfo Upscaler::upscale_file(const std::string& input, const std::string& output,
                                 const WriteOptions& write) {
  auto source = open_image(input, state_->needs_whole_input(), state_->budget() / 2);
  const SampleType type = source->info().type;
  source = state_->resize_input(std::move(source));
  const ImageInfo out = state_->output_info(source->info(), type);
  try {
    state_->run(*source, out, create_image(output, out, write));
  } catch (const Cancelled&) {
    throw;
  } catch (const Error& error) {
    if (!error.file().empty()) throw;
    throw Error(input, error.problem(), error.expected(), error.found());
  }
  return out;
}

}  // namespace esrgan
