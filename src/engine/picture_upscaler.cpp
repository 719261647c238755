#include "engine/picture_upscaler.h"

#include <esrgan/error.h>
#include <esrgan/version.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/platform_memory.h"
#include "base/text.h"
#include "engine/strip_upscaler.h"
#include "engine/time_executor.h"
#include "image/denoise_tv.h"
#include "image/fading.h"
#include "image/metadata/georeference.h"
#include "image/metadata/metadata.h"
#include "image/resize.h"
#include "image/samples.h"
#include "model/family.h"
#include "model/model.h"
#include "model/tasks.h"

namespace esrgan {
namespace {

// Beside what is counted: buffers of codecs and the allocator.
constexpr uint64_t memory_margin = uint64_t{48} << 20U;

/// `extent` times `factor`, at least one pixel.
int scaled(int extent, double factor) {
  return std::max(1, static_cast<int>(std::lround(extent * factor)));
}

/// The picture as floats in memory.
std::unique_ptr<RowSource> loaded(RowSource& source) {
  auto image = std::make_shared<Image>(Image{source.info(), {}});
  image->info.type = SampleType::f32;
  image->samples.resize(image->info.bytes());
  source.read(0, image->info.height, image->data<float>());
  return make_source(std::move(image));
}

ImageInfo with_longer_side(ImageInfo info, int size) {
  const double factor = static_cast<double>(size) / std::max(info.width, info.height);
  const int width = scaled(info.width, factor), height = scaled(info.height, factor);
  return with_size(std::move(info), width, height);
}

/// Reduces (or enlarges) a picture, as it is read, so that its longer side has `size` pixels.
std::unique_ptr<RowSource> resized(RowSource& source, int size) {
  const ImageInfo& info = source.info();
  auto image = std::make_shared<Image>(Image{with_longer_side(info, size), {}});
  image->info.type = SampleType::f32;
  const auto sink = make_lanczos_sink(info, image->info.width, image->info.height, make_sink(*image));
  constexpr int rows = 16;
  std::vector<float> some(info.row_samples() * rows);
  for (int y = 0; y < info.height; y += rows) {
    const int end = std::min(info.height, y + rows);
    source.read(y, end, some.data());
    sink->write(some.data(), end - y);
  }
  sink->finish();
  return make_source(std::move(image));
}

/// As many even blocks as tell enough, each with what the network sees around it.
EvenParts even_parts(RowSource& source, const std::vector<GrainPlace>& places) {
  constexpr int most = 8, columns = 4, around = 16;
  const ImageInfo& info = source.info();
  const int width = std::min(info.width, grain_block + 2 * around),
            height = std::min(info.height, grain_block + 2 * around),
            count = std::min(most, static_cast<int>(places.size()));
  auto image = std::make_shared<Image>(Image{info, {}});
  image->info.width = width * std::min(count, columns);
  image->info.height = height * ((count + columns - 1) / columns);
  image->info.type = SampleType::f32;
  image->samples.resize(image->info.bytes());
  EvenParts parts;
  std::vector<float> rows(info.row_samples() * static_cast<size_t>(height));
  for (int i = 0; i < count; ++i) {
    const GrainPlace& place = places[static_cast<size_t>(i)];
    const int left = std::clamp(place.x - around, 0, info.width - width),
              top = std::clamp(place.y - around, 0, info.height - height), x = i % columns * width,
              y = i / columns * height;
    source.read(top, top + height, rows.data());
    for (int row = 0; row < height; ++row)
      std::copy_n(rows.data() + static_cast<size_t>(row) * info.row_samples() +
                      static_cast<size_t>(left * info.channels),
                  static_cast<size_t>(width) * static_cast<size_t>(info.channels),
                  image->data<float>() + static_cast<size_t>(y + row) * image->info.row_samples() +
                      static_cast<size_t>(x * info.channels));
    parts.blocks.push_back({x + place.x - left, y + place.y - top});
  }
  parts.picture = std::move(image);
  return parts;
}

/// The steps of a picture's numbers, as they are read, for each channel.
std::vector<float> quanta_of(const Input& input) {
  const ImageInfo& info = input.source->info();
  std::vector<float> quanta;
  for (size_t c = 0; c < static_cast<size_t>(info.channels); ++c)
    quanta.push_back(static_cast<float>(info.range.whole ? 1 / (info.range.hi_of(c) - info.range.lo_of(c))
                                                         : step_of(input.type)));
  return quanta;
}

/// What its numbers are confined to, as they are read: to those that can be stored and mean something.
std::vector<std::array<float, 2>> limits_of(const Input& input) {
  const ImageInfo& info = input.source->info();
  const bool shares = step_of(input.type) > 0;  // of the type's largest
  auto held = info.range.held;
  if (shares) held = ends_of(input.type);
  if (!held) return {};
  const double full = shares ? (*held)[1] : 1;
  if (info.no_data && info.no_data->contains((*held)[0])) (*held)[0] = info.no_data->most + 1;
  if (info.no_data && info.no_data->contains((*held)[1])) (*held)[1] = info.no_data->least - 1;
  if ((*held)[0] > (*held)[1]) return {};  // where all numbers are none
  std::vector<std::array<float, 2>> limits;
  for (size_t c = 0; c < static_cast<size_t>(info.channels); ++c) {
    const auto as_read = [&](double number) {
      const double lo = info.range.lo_of(c), hi = info.range.hi_of(c);
      return static_cast<float>((number / full - lo) / (hi - lo));
    };
    limits.push_back({as_read((*held)[0]), as_read((*held)[1])});
  }
  return limits;
}

bool needs_resizing(const UpscaleOptions& options, const ImageInfo& info) {
  return options.input_size != 0 && options.input_size != std::max(info.width, info.height);
}

/// How many times larger each side is, where that is a whole number; 0 elsewhere.
int whole_factor(const ImageInfo& from, const ImageInfo& to) {
  const int factor = to.width / from.width;
  return factor * from.width == to.width && factor * from.height == to.height ? factor : 0;
}

bool same_size(const ImageInfo& a, const ImageInfo& b) {
  return a.width == b.width && a.height == b.height;
}

}  // namespace

std::pair<double, double> result_size(const UpscaleOptions& options, double width, double height,
                                      double scale) {
  const auto by = [&](double factor) { return std::pair(width * factor, height * factor); };
  if (options.longest > 0) return by(options.longest / std::max(width, height));
  if (options.width > 0 && options.height > 0 && options.fit)
    return by(std::min(options.width / width, options.height / height));
  if (options.width > 0 && options.height > 0) return {options.width, options.height};
  if (options.width > 0) return by(options.width / width);
  if (options.height > 0) return by(options.height / height);
  return by(options.scale > 0 ? options.scale : scale);
}

void check_options(const UpscaleOptions& options) {
  const auto refuse = [](const std::string& option, const std::string& expected, const std::string& found) {
    throw Error(ErrorKind::invalid_argument, "", option, expected, found);
  };
  if (!(options.scale >= 0 && options.scale <= 64))
    refuse("--scale", "a number up to 64", text_of(options.scale));
  if (options.tile < UpscaleOptions::automatic_tile || (options.tile > 0 && options.tile < 8))
    refuse("--tile", "auto, 0 or at least 8 pixels", std::to_string(options.tile));
  if (options.halo < 0 || options.halo > 1024)
    refuse("--halo", "0 to 1024 pixels", std::to_string(options.halo));
  if (options.input_size < 0 || options.input_size > 1'000'000)
    refuse("--input-size", "a number of pixels", std::to_string(options.input_size));
  for (const int side : {options.width, options.height, options.longest})
    if (side < 0 || side > limits::picture_side)
      refuse("size of the result", "up to " + std::to_string(limits::picture_side) + " pixels each way",
             std::to_string(side));
  const auto check_share = [&](const char* option, float share) {
    if (!(share >= 0 && share <= 1)) refuse(option, "0 to 1", text_of(share));
  };
  check_share("--strength", options.strength);
  check_share("--fading", options.fading);
  check_share("--denoise", options.denoise);
  check_share("--deblur", options.deblur);
  if (!(options.denoise_tv >= 0 && options.denoise_tv <= 100))
    refuse("--denoise-tv", "a weight such as 0.05", text_of(options.denoise_tv));
  if (options.consistent == true && options.edges == Edges::wrap)
    refuse("--consistent", "--edges border", "wrap");
  if (options.threads < 0 || options.threads > 4096)
    refuse("--threads", "0 to 4096", std::to_string(options.threads));
}

PictureUpscaler::PictureUpscaler(std::string model_file, UpscaleOptions options)
    : options_(std::move(options)), model_file_(std::move(model_file)) {
  check_options(options_);
  const Model model = read_own_model();
  frames_ = model.architecture.frames;
  network_in_ = model.architecture.in_channels;
  network_out_ = model.architecture.out_channels;
  if (!takes_pictures(network_in_, network_out_) || (frames_ > 1 && (network_in_ != 3 || network_out_ != 3)))
    throw Error(ErrorKind::unsupported, model_file_, "channels of the network",
                "1, 3 or 4 in and as many out, or 1 in and 3 out", model.architecture.channels_text());
  if ((options_.keep_colours || options_.consistent == true || options_.strength < 1) &&
      network_in_ < network_out_)
    throw Error(ErrorKind::invalid_argument, model_file_,
                std::string(options_.keep_colours         ? "--keep-colours"
                            : options_.consistent == true ? "--consistent"
                                                          : "--strength") +
                    " with a network that makes colours");
  half_is_vouched_for_ = model.architecture.family->half_is_vouched_for;
  summary_ = model.architecture.summary();
  graph_ = build_graph(model);
  scale_ = graph_->output_density() / graph_->input_density();
  pool_ = std::make_unique<ThreadPool>(options_.threads, options_.runner);
  device_ = open_device(options_.device, *pool_);
  if (options_.precision == Precision::half && device_->half() == HalfPrecision::slower)
    log_info("half precision is slower than full on this processor");
  half_ = wants_half(SampleType::u8);
}

/// With the strengths of the options.
Model PictureUpscaler::read_own_model() const {
  Model model = read_model(model_file_);
  if (!model.architecture.tasks && options_.denoise == 0 && options_.deblur == 0) return model;
  const bool at_its_size = options_.scale == 1 && model.architecture.tasks;
  return with_tasks(std::move(model), {options_.denoise, options_.deblur}, at_its_size);
}

std::string PictureUpscaler::derivation() const {
  return std::filesystem::path(model_file_).stem().string() + " (" + summary_ + "), esrgan " + version();
}

void PictureUpscaler::check_channels(const PictureChannels& channels) const {
  const int window = frames_ * network_in_;
  if (channels.count <= 4 || channels.count == window || channels.bands > 0) return;
  throw Error(ErrorKind::invalid_argument, "", "channels of a picture",
              frames_ > 1 ? "1 to 4, or " + std::to_string(window) + " of a window" : "1 to 4",
              std::to_string(channels.count));
}

bool PictureUpscaler::wants_half(SampleType stored) const {
  if (options_.precision == Precision::full) return false;
  if (options_.precision == Precision::half) return device_->half() != HalfPrecision::none;
  // What docs/precision.md vouches for.
  return stored == SampleType::u8 && half_is_vouched_for_ && device_->half() == HalfPrecision::faster;
}

void PictureUpscaler::prepare(SampleType stored) {
  const bool half = wants_half(stored);
  if (network_ == nullptr || half != half_) load(half);
}

std::unique_ptr<Executor> PictureUpscaler::compile(bool half) {
  std::optional<Graph> graph = std::exchange(graph_, std::nullopt);
  if (frames_ > 1) return compile_in_time(*device_, read_own_model(), half, *pool_);
  return device_->compile(graph ? std::move(*graph) : build_graph(read_own_model()), half);
}

void PictureUpscaler::load(bool half) {
  network_ = {};
  half_ = half;
  network_ = compile(half);
  resident_ = resident_memory();
  ceiling_ = options_.max_memory != 0 ? options_.max_memory : resident_ + available_memory() / 2;
}

uint64_t PictureUpscaler::budget() const {
  const uint64_t used = resident_ + memory_margin;
  return ceiling_ > used ? ceiling_ - used : 0;
}

uint64_t PictureUpscaler::device_memory() const {
  const uint64_t given = options_.max_memory_device, there = device_->memory();
  return given == 0 ? there : std::min(given, there);
}

Input PictureUpscaler::next(PictureReader& file, uint64_t memory_limit) const {
  auto [source, gaps] =
      file.next(options_.edges == Edges::wrap || measures(), hidden_colours(), memory_limit);
  Input input{std::move(source), {}};
  if (!input.source) return input;
  input.gaps = std::move(gaps);
  check_bands(input.source->info());
  input.type = input.source->info().type;
  return input;
}

/// What goes through the network together.
void PictureUpscaler::check_bands(const ImageInfo& info) const {
  if (info.bands == 0) return;
  if (network_in_ < network_out_)
    throw Error(ErrorKind::unsupported, "", "a picture with bands", "a network that makes no colours",
                model_file_);
  if (options_.keep_colours || options_.keep_grain || options_.fading > 0)
    throw Error(ErrorKind::invalid_argument, "",
                "--keep-colours, --grain and --fading are for photographs, and this picture has bands");
  const std::string count = std::to_string(info.bands);
  log_info(info.bands == info.channels ? count + " bands, each goes through the network by itself"
                                       : "the three colours go through the network together, " + count +
                                             (info.bands == 1 ? " band by itself" : " bands each by itself"));
}

Input PictureUpscaler::next(PictureReader& file) const {
  const uint64_t ceiling = options_.max_memory != 0 ? options_.max_memory : available_memory() / 2;
  Input input = next(file, ceiling / 2);
  if (!input.source) return input;
  if (needs_resizing(options_, input.source->info()))
    input.source = resized(*input.source, options_.input_size);
  measure(input);
  return input;
}

Input PictureUpscaler::next_ahead(PictureReader& file) const {
  if (file.bytes_as_floats() > ahead_memory / 4) return {};
  Input input = next(file, ahead_memory / 2);
  input.source = needs_resizing(options_, input.source->info()) ? resized(*input.source, options_.input_size)
                                                                : loaded(*input.source);
  measure(input);
  return input;
}

/// Asked for, or measured.
bool PictureUpscaler::must_be_consistent(const Input& input) const {
  const auto& metadata = input.source->info().metadata;
  const bool possible = network_in_ >= network_out_ && options_.edges != Edges::wrap;
  return options_.consistent.value_or(possible && metadata && metadata->is_measured());
}

void PictureUpscaler::measure(Input& input) const {
  if (options_.fading > 0) {
    Levels levels = measure_levels(*input.source);
    input.source = make_unfaded_source(std::move(input.source), std::move(levels), options_.fading);
  }
  if (options_.keep_grain) measure_noise(input);
  if (must_be_consistent(input)) {
    input.rows = std::make_shared<PassedRows>();
    input.source = make_passing_source(std::move(input.source), input.rows);
  }
  if (!options_.keep_colours) return;
  const ImageInfo& info = input.source->info();
  const auto blocks = [](int extent) { return (extent + kept_block - 1) / kept_block; };
  input.means = std::make_shared<BlockMeans>(info, blocks(info.width), blocks(info.height));
  input.source = make_measured_source(std::move(input.source), input.means);
}

void PictureUpscaler::measure_noise(Input& input) const {
  input.grain = std::make_shared<Grain>(measure_grain(*input.source));
  if (!input.grain->places.empty()) {
    input.even = even_parts(*input.source, input.grain->places);
    return;
  }
  log_info("no part of the picture is even enough to tell its grain from what it shows; it gets none");
  input.grain = {};
}

/// What the network, and what follows it, have left of the noise is not laid over again.
void PictureUpscaler::settle_grain(Input& input, uint64_t held, const std::stop_token& stop) {
  const ImageInfo whole = output_info(input);
  const ImageInfo &from = input.source->info(), &parts = input.even.picture->info;
  const double across = static_cast<double>(whole.width) / from.width,
               down = static_cast<double>(whole.height) / from.height;
  Input seen{make_source(input.even.picture), input.type};
  Image image{network_info(seen), {}};
  image.info.width = scaled(parts.width, across);
  image.info.height = scaled(parts.height, down);
  const auto sink = with_filters(seen, image.info, make_sink(image));
  upscale(seen, *sink, held, {}, stop);
  sink->finish();
  std::vector<GrainPlace> places;
  for (const GrainPlace& block : input.even.blocks) {
    const auto end = [](int begin, double factor) {
      return static_cast<int>((begin + grain_block) * factor);
    };
    for (int y = scaled(block.y, down); y + grain_block <= end(block.y, down); y += grain_block)
      for (int x = scaled(block.x, across); x + grain_block <= end(block.x, across); x += grain_block)
        places.push_back({x, y});
  }
  const GrainSpectrum there = spectrum_of_blocks(to_float_image(image), places);
  input.grain->spectrum = missing_grain(input.grain->spectrum, there, input.type);
}

Input PictureUpscaler::open(std::shared_ptr<const Image> image) const {
  const SampleType type = image->info.type;
  check_bands(image->info);
  auto [source, gaps] = fill_gaps(make_source(std::move(image)));
  Input input{std::move(source), type};
  input.gaps = std::move(gaps);
  if (needs_resizing(options_, input.source->info()))
    input.source = resized(*input.source, options_.input_size);
  measure(input);
  return input;
}

/// With the channels of the result; a profile for gray does not fit colours.
ImageInfo PictureUpscaler::coloured(ImageInfo info) const {
  const int channels = upscaled_channels(network_in_, network_out_, channels_of(info));
  if (channels == info.channels) return info;
  info.channels = channels;
  if (info.metadata) {
    auto metadata = std::make_shared<ImageMetadata>(*info.metadata);
    metadata->icc.clear();
    info.metadata = std::move(metadata);
  }
  return info;
}

ImageInfo PictureUpscaler::output_info(const Input& input) const {
  return upscaled(input.source->info(), input.type);
}

ImageInfo PictureUpscaler::result_info(const ImageInfo& image) const {
  return upscaled(needs_resizing(options_, image) ? with_longer_side(image, options_.input_size) : image,
                  image.type);
}

ImageInfo PictureUpscaler::upscaled(ImageInfo out, SampleType type) const {
  const auto [width, height] = result_size(options_, out.width, out.height, scale_);
  out = with_size(std::move(out), scaled(1, width), scaled(1, height));
  out.type = type;
  return coloured(std::move(out));
}

ImageInfo PictureUpscaler::network_info(const Input& input) const {
  ImageInfo info = input.source->info();
  info.width *= scale_;
  info.height *= scale_;
  info.type = SampleType::f32;
  return coloured(std::move(info));
}

std::unique_ptr<RowSink> PictureUpscaler::with_filters(const Input& input, const ImageInfo& out,
                                                       std::unique_ptr<RowSink> sink) const {
  const ImageInfo info = network_info(input);
  if (input.gaps) sink = make_gap_sink(out, input.gaps, std::move(sink));
  if (input.grain) sink = make_grain_sink(out, input.grain, std::move(sink));
  if (options_.denoise_tv > 0) sink = make_denoise_tv_sink(out, options_.denoise_tv, std::move(sink));
  const int factor = whole_factor(input.source->info(), out);
  const auto consistent = [&](const ImageInfo& enlarged, int scale) {
    return make_consistent_sink(enlarged, scale, input.rows, {quanta_of(input), limits_of(input)},
                                std::move(sink));
  };
  if (input.rows && factor > 1) sink = consistent(out, factor);
  if (!same_size(info, out)) sink = make_lanczos_sink(info, out.width, out.height, std::move(sink));
  if (input.means) sink = make_keep_colours_sink(info, input.means, std::move(sink));
  if (input.rows && factor <= 1) sink = consistent(info, scale_);
  return sink;
}

uint64_t PictureUpscaler::filter_memory(const Input& input, const ImageInfo& out) const {
  const ImageInfo info = network_info(input);
  const int factor = whole_factor(input.source->info(), out);
  return (options_.denoise_tv > 0 ? denoise_tv_sink_memory(out) : 0) +
         (input.grain ? grain_sink_memory(out) : 0) +
         (input.rows ? consistent_sink_memory(factor > 1 ? out : info, factor > 1 ? factor : scale_) : 0) +
         (input.means ? keep_colours_memory(info, *input.means) : 0) +
         (same_size(info, out) ? 0 : lanczos_sink_memory(info, out.width, out.height));
}

/// The same network in full precision, if it is not that already.
std::function<Executor&()> PictureUpscaler::fall_back() {
  if (!half_) return {};
  return [this]() -> Executor& {
    if (!full_network_) full_network_ = compile(false);
    return *full_network_;
  };
}

TileRunner PictureUpscaler::make_runner() {
  return {*network_, *pool_, options_.self_ensemble, fall_back(), options_.strength};
}

TilePlan PictureUpscaler::plan(const ImageInfo& info, const TileRunner& runner, uint64_t held) const {
  const uint64_t memory = budget() > held ? budget() - held : 0;
  const TileLimits limits{info.width,
                          info.height,
                          // Pixels that are blended lie outside the tile and need their surroundings too.
                          std::min(options_.halo, network_->receptive_radius() + largest_blend),
                          network_->input_multiple(),
                          options_.edges == Edges::wrap,
                          {memory, device_memory()},
                          [&](const TilePlan& plan) { return strips_memory(info, runner, plan, scale_); }};
  if (options_.tile == UpscaleOptions::automatic_tile) return choose_tiles(limits);
  TilePlan plan = fixed_tiles(limits, options_.tile);
  if (const MemoryNeed need = limits.cost(plan); !limits.fits(need))
    throw Error(ErrorKind::out_of_resources, "",
                "--tile " + std::to_string(options_.tile) + " needs more memory than the ceiling leaves",
                "at most " + limits.text_of_ceiling(need), limits.text_of_need(need));
  return plan;
}

/// Turns the multiply-accumulates of single layers into a share of the whole.
RunControl PictureUpscaler::follow(const TilePlan& plan, int passes, const Progress& progress,
                                   const std::stop_token& stop) const {
  double pixels_x = 0, pixels_y = 0;
  for (const TileSpan& span : plan.x.tiles) pixels_x += span.end - span.begin;
  for (const TileSpan& span : plan.y.tiles) pixels_y += span.end - span.begin;
  const double total = pixels_x * pixels_y * network_->macs_per_pixel() * passes;
  RunControl control;
  control.stop = stop;
  if (progress)
    control.done = [progress, total, done = 0.0](double macs) mutable {
      done += macs;
      progress(std::min(1.0, done / total));
    };
  return control;
}

void PictureUpscaler::upscale(Input& input, RowSink& sink, uint64_t held, const Progress& progress,
                              const std::stop_token& stop) {
  if (input.grain) settle_grain(input, held, stop);
  RowSource& source = *input.source;
  TileRunner runner = make_runner();
  const TilePlan tiles = plan(source.info(), runner, held + source.memory());
  StripMemory memory;
  upscale_strips(source, sink, runner, tiles, scale_, options_.edges == Edges::wrap, memory,
                 follow(tiles, runner.passes(channels_of(source.info())), progress, stop));
  if (progress) progress(1);
}

}  // namespace esrgan
