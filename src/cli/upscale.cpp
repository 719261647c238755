#include <esrgan/error.h>
#include <esrgan/upscaler.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <vector>

#include "base/errors.h"
#include "base/platform_process.h"
#include "base/text.h"
#include "cli/jobs.h"
#include "cli/network_options.h"
#include "cli/progress_bar.h"
#include "cli/session.h"
#include "cli/share.h"
#include "image/codecs/table.h"
#include "image/reader.h"

namespace esrgan::cli {
namespace {

constexpr const char* examples = R"(Examples:
  esrgan upscale photo.jpg                      photo_x4.jpg, four times as large
  esrgan upscale photo.jpg -o large.png         into a file of your choice
  esrgan upscale photos/ -o large/ --recursive  a folder; what is already there is skipped
  esrgan upscale photo.jpg --scale 2.5          any size; or --width, --height, --fit 1920x1080, --longest 4000
  esrgan upscale a.gif -o a.webp                an animation
  esrgan upscale - <in.png >out.png             in a pipe
  esrgan upscale texture.png --edges wrap       a texture that repeats
  esrgan upscale old.tif --restore --fading     an old photograph
  esrgan upscale photos/ -o large/ --shard 2/4  one of four machines
  esrgan upscale scan.tif --max-memory 1G       a large picture, in little memory
)";

struct UpscaleCommand {
  JobRequest request;
  NetworkOptions network;
  WriteOptions write;
  std::string shard, fit_text, background;
  bool overwrite = false, json = false;

  std::optional<Upscaler> upscaler;
  std::vector<nlohmann::ordered_json> results;  // of each job
  int failures = 0;

  void describe(CLI::App& app) {
    app.footer(examples);
    app.add_option("input,-i,--input", request.inputs,
                   "Pictures and folders of pictures; - is standard input")
        ->required()
        ->type_name("FILE...");
    app.add_option("-o,--output", request.output, "File or folder to write to; - is standard output")
        ->type_name("PATH");
    network.describe(app);
    describe_sizes(app);
    app.add_option("--edges", network.upscale.edges,
                   "What lies beyond the edges; wrap suits textures that repeat")
        ->transform(CLI::CheckedTransformer(
            std::map<std::string, Edges>{{"border", Edges::border}, {"wrap", Edges::wrap}}))
        ->type_name("border|wrap");
    app.add_flag("--keep-colours", network.upscale.keep_colours,
                 "Areas of 32 input pixels keep their mean colour, which networks move a little");
    app.add_flag_callback(
        "--consistent", [this] { network.upscale.consistent = true; },
        "For measurements: the mean of what becomes of a pixel is the pixel; even parts and ramps stay so. "
        "The usual thing for DICOM, NIfTI and GeoTIFF");
    app.add_flag_callback(
        "--inconsistent", [this] { network.upscale.consistent = false; }, "Not so");
    app.add_flag("--cog", write.cloud_optimised,
                 "TIFF for use over a network: tiles, smaller copies, all of its directories first");
    app.add_flag("--not-for-diagnosis", write.not_for_diagnosis,
                 "It is understood that enlarged medical pictures (DICOM) are not for diagnosis");
    app.add_flag("--fading{1}", network.upscale.fading,
                 "Stretch each colour to its full range first; --fading=0.5 goes half the way")
        ->type_name("0-1");
    app.add_option("--grain", network.upscale.keep_grain,
                   "keep: lay the picture's noise, where the network took it away, over the result")
        ->transform(CLI::CheckedTransformer(std::map<std::string, bool>{{"keep", true}, {"none", false}}))
        ->type_name("keep|none");
    describe_files(app);
    app.add_option("--shard", shard, "Do a share of the pictures; auto: by the launcher's variables")
        ->type_name("I/N|auto|auto/N");
    app.add_flag("--overwrite", overwrite, "Replace outputs that exist, instead of skipping them");
    app.add_flag("--json", json, "Print a report as JSON");
  }

  int run() {
    network.read();
    for (const std::string& format : network.upscale.formats)
      if (!can_read(format))
        throw Error(ErrorKind::invalid_argument, "", "--formats",
                    "extensions that can be read ('esrgan formats')", format);
    read_fit(fit_text, network.upscale);
    if (!background.empty()) write.background = read_colour(background);
    request.suffix_always = !request.suffix.empty();
    if (network.model.empty() && !network.objective && has_measurements())
      network.objective = Objective::psnr;
    const std::string model_file = network.model_file();
    request.model_name = std::filesystem::path(model_file).stem().string();
    // The default name says the enlargement, which only the model knows when nothing else was given.
    if (network.upscale.scale == 0 && !has_size()) load(model_file);
    const double scale =
        network.upscale.scale > 0 || has_size() ? network.upscale.scale : upscaler->network_scale();
    request.scale_text = has_size() ? "" : text_of(scale, 6);
    if (request.suffix.empty()) request.suffix = has_size() ? "_large" : "_x" + request.scale_text;
    const Plan plan = plan_jobs(request);
    for (const std::string& remark : plan.remarks) print_message(remark);
    const std::vector<FileJob> jobs = share_of(plan.jobs);
    results.resize(jobs.size());
    for (const FailedInput& input : plan.failed) {
      results.push_back({{"input", input.input}});
      failed(results.size() - 1,
             std::make_exception_ptr(Error(ErrorKind::not_found, input.input, input.reason)));
    }
    const bool to_stream =
        std::any_of(jobs.begin(), jobs.end(), [](const FileJob& job) { return job.output == "-"; });
    if (to_stream) {
      if (json)
        throw Error(ErrorKind::invalid_argument, "", "--json", "an output other than standard output",
                    "-o -");
      if (output_is_terminal())
        throw Error(ErrorKind::invalid_argument, "", "-o -", "a pipe or a file behind '>'", "a terminal");
      write.format = request.format.empty() ? "png" : request.format;
    }
    const std::vector<size_t> open = open_jobs(jobs);
    if (!open.empty()) {
      load(model_file);
      process(jobs, open, plan.jobs);
    }
    carry_side_file();
    if (json) report(model_file);
    return failures > 0 ? some_failed : all_done;
  }

 private:
  /// Networks that invent detail are taken for measurements only by name.
  bool has_measurements() const {
    namespace fs = std::filesystem;
    const auto is_one = [](const fs::path& path) { return holds_measurements(path.string()); };
    for (const std::string& input : request.inputs) {
      if (is_one(input)) return true;
      std::error_code ignored;
      const auto among = [&](auto entries) {
        return std::any_of(begin(entries), end(entries),
                           [&](const auto& entry) { return is_one(entry.path()); });
      };
      if (request.recursive ? among(fs::recursive_directory_iterator(input, ignored))
                            : among(fs::directory_iterator(input, ignored)))
        return true;
    }
    return false;
  }

  void describe_sizes(CLI::App& app) {
    auto& upscale = network.upscale;
    add_sizes(app, upscale, fit_text);
    app.add_option("--input-size", upscale.input_size, "Bring the longer side of the input to N pixels first")
        ->type_name("N")
        ->check(CLI::Range(1, 1'000'000));
  }

  void describe_files(CLI::App& app) {
    app.add_option("-f,--format", request.format, "Write this kind of file ('esrgan formats' lists them)")
        ->type_name("EXT");
    app.add_option("--suffix", request.suffix, "Put this behind the name of every output")->type_name("TEXT");
    app.add_option("--name", request.name,
                   "Names of outputs; {name} {ext} {scale} {model} {n} {n:4} are filled in")
        ->type_name("PATTERN");
    app.add_option("--quality", write.quality, "Of JPEG, WebP, AVIF, HEIF and JPEG XL")
        ->type_name("1-100")
        ->check(CLI::Range(1, 100))
        ->capture_default_str();
    app.add_flag("--lossless", write.lossless, "Of WebP, AVIF and JPEG XL");
    app.add_option("--compression", write.compression, "Effort for files without loss, 0 to 9")
        ->type_name("N")
        ->check(CLI::Range(0, 9));
    app.add_option("--bit-depth", write.bit_depth, "Bits of a sample; without it, as in the input")
        ->type_name("8|16|32")
        ->check(CLI::IsMember({8, 16, 32}));
    app.add_option("--background", background, "What transparency is laid over where the format has none")
        ->type_name("white|black|#RRGGBB");
    app.add_option("--dpi", write.dpi, "Pixels per inch, to be written into the file")
        ->type_name("N")
        ->check(CLI::Range(1.0, 60000.0));
    app.add_option("--metadata", write.keep_metadata,
                   "EXIF, XMP, IPTC and texts; colour profiles are always kept")
        ->transform(CLI::CheckedTransformer(std::map<std::string, bool>{{"keep", true}, {"strip", false}}))
        ->type_name("keep|strip");
    app.add_option("--formats", network.upscale.formats,
                   "Formats that may be read, such as png,jpg; all without it")
        ->type_name("EXT,...")
        ->delimiter(',');
    app.add_flag("-r,--recursive", request.recursive, "Folders with their sub-folders");
  }

  bool has_size() const {
    const UpscaleOptions& upscale = network.upscale;
    return upscale.width > 0 || upscale.height > 0 || upscale.longest > 0;
  }

  /// A folder that 'esrgan video' has split a film into says when its frames are shown.
  void carry_side_file() const {
    namespace fs = std::filesystem;
    for (const std::string& input : request.inputs) {
      const fs::path side = fs::path(input) / "frames.json";
      std::error_code ignored;
      if (fs::is_directory(input, ignored) && fs::exists(side, ignored))
        fs::copy_file(side, fs::path(output_folder(request, input)) / "frames.json",
                      fs::copy_options::skip_existing, ignored);
    }
  }

  std::vector<FileJob> share_of(const std::vector<FileJob>& jobs) const {
    if (shard.empty()) return jobs;
    const Share share = read_share(shard, "--shard");
    std::vector<FileJob> mine;
    for (size_t i = 0; i < jobs.size(); ++i)
      if (i % static_cast<size_t>(share.count) + 1 == static_cast<size_t>(share.number))
        mine.push_back(jobs[i]);
    return mine;
  }

  void load(const std::string& model_file) {
    if (upscaler) return;
    upscaler.emplace(model_file, network.upscale);
  }

  /// The jobs that are to be done, with their folders made; the others are told of.
  std::vector<size_t> open_jobs(const std::vector<FileJob>& jobs) {
    std::vector<size_t> open;
    for (size_t i = 0; i < jobs.size(); ++i) {
      results[i] = {{"input", jobs[i].input}, {"output", jobs[i].output}};
      std::error_code ignored;
      if (!overwrite && jobs[i].output != "-" && std::filesystem::exists(jobs[i].output, ignored)) {
        print_message(jobs[i].output + " exists, skipped (--overwrite replaces it)");
        results[i]["status"] = "skipped";
        continue;
      }
      const std::filesystem::path folder = std::filesystem::path(jobs[i].output).parent_path();
      std::error_code error;
      if (!folder.empty()) std::filesystem::create_directories(folder, error);
      if (error)
        failed(i, std::make_exception_ptr(file_error(folder.string(), "cannot be made", error.value())));
      else
        open.push_back(i);
    }
    return open;
  }

  /// `all`: of every process that shares the work, done or not.
  void process(const std::vector<FileJob>& jobs, const std::vector<size_t>& open,
               const std::vector<FileJob>& all) {
    using Clock = std::chrono::steady_clock;
    std::vector<FileJob> chosen;
    chosen.reserve(open.size());
    for (const size_t job : open) chosen.push_back(jobs[job]);
    std::vector<Clock::time_point> starts(chosen.size());
    const std::vector<BatchPlace> places = places_of(chosen);
    ProgressBar bar("", 0);
    FileEvents events;
    events.progress = [&](double share) { bar.show(share); };
    events.stop = stop_token();
    events.started = [&](size_t i) {
      starts[i] = Clock::now();
      bar.begin(chosen[i].input, places[i]);
    };
    events.written = [&](size_t i, const ImageInfo& info) {
      const double seconds = std::chrono::duration<double>(Clock::now() - starts[i]).count();
      written(open[i], chosen[i].output, info, seconds);
    };
    events.failed = [&](size_t i, const std::exception_ptr& error) { failed(open[i], error); };
    std::vector<std::string> inputs;
    inputs.reserve(all.size());
    for (const FileJob& job : all) inputs.push_back(job.input);
    upscaler->upscale_files(chosen, write, events, inputs);
  }

  /// How the work is shared out, as far as the sizes of files tell.
  static std::vector<BatchPlace> places_of(const std::vector<FileJob>& jobs) {
    std::vector<BatchPlace> places(jobs.size());
    double total = 0;
    for (size_t i = 0; i < jobs.size(); ++i) {
      std::error_code unknown;
      const auto bytes = std::filesystem::file_size(jobs[i].input, unknown);
      places[i] = {i + 1, jobs.size(), total, unknown ? 1.0 : std::max(1.0, static_cast<double>(bytes))};
      total += places[i].share;
    }
    for (BatchPlace& place : places) {
      place.done /= total;
      place.share /= total;
    }
    return places;
  }

  void written(size_t job, const std::string& output, const ImageInfo& info, double seconds) {
    results[job]["width"] = info.width;
    results[job]["height"] = info.height;
    results[job]["status"] = "done";
    results[job]["seconds"] = seconds;
    if (!json)
      print_message((output == "-" ? "standard output" : output) + ": " + std::to_string(info.width) + "x" +
                    std::to_string(info.height) + ", " + format_duration(seconds));
  }

  void failed(size_t job, const std::exception_ptr& error) {
    std::string text;
    try_input([&] { std::rethrow_exception(error); }, text);
    results[job]["status"] = "failed";
    results[job]["error"] = text;
    ++failures;
  }

  void report(const std::string& model_file) {
    nlohmann::ordered_json document{{"model", model_file}};
    if (upscaler) {
      document["network"] = upscaler->summary();
      document["kernels"] = upscaler->kernels();
    }
    document["results"] = results;
    print_json(document);
  }
};

}  // namespace

void add_upscale(CLI::App& app, Action& action) {
  auto command = std::make_shared<UpscaleCommand>();
  CLI::App* sub = app.add_subcommand("upscale", "Enlarge pictures");
  command->describe(*sub);
  sub->callback([command, &action] { action = [command] { return command->run(); }; });
}

}  // namespace esrgan::cli
