#include <esrgan/error.h>
#include <esrgan/models.h>
#include <esrgan/upscaler.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "base/text.h"
#include "cli/progress_bar.h"
#include "cli/session.h"
#include "image/comparison_sheet.h"
#include "image/metadata/metadata.h"
#include "image/resize.h"
#include "image/writer.h"

namespace esrgan::cli {
namespace {

constexpr const char* explanation =
    R"(Each model enlarges the piece and a little around it; the seconds are those of that, without loading. Models of
another enlargement than the sheet's are brought to it by Lanczos, as 'esrgan upscale --scale' does.

Examples:
  esrgan compare photo.jpg -o sheet.png                 all models that are installed, on the middle of the photo
  esrgan compare photo.jpg -m realesrgan-x4plus -m mine.pth --crop 200x150+640+80 -o sheet.png
)";

constexpr int usual_width = 160, usual_height = 120;  // of the piece: a sheet of it fits a screen
constexpr int context = 32;                           // pixels around the piece that the network sees too

struct Piece {
  int left = 0, top = 0, width = 0, height = 0;

  std::string place() const {
    return std::to_string(width) + "x" + std::to_string(height) + "+" + std::to_string(left) + "+" +
           std::to_string(top);
  }
};

/// "WxH+X+Y", or "WxH" of the middle; empty for the usual one.
Piece read_piece(const std::string& text, const ImageInfo& picture) {
  Piece piece{0, 0, std::min(usual_width, picture.width), std::min(usual_height, picture.height)};
  int used = 0, read = 0;
  if (!text.empty()) {
    read = std::sscanf(text.c_str(), "%7dx%7d%n+%7d+%7d%n", &piece.width, &piece.height, &used, &piece.left,
                       &piece.top, &used);
    if ((read != 2 && read != 4) || static_cast<size_t>(used) != text.size() || piece.width < 1 ||
        piece.height < 1 || piece.left < 0 || piece.top < 0)
      throw Error(ErrorKind::invalid_argument, "", "--crop",
                  "WIDTHxHEIGHT+LEFT+TOP, or WIDTHxHEIGHT of the middle", "'" + text + "'");
  }
  if (read != 4) {
    piece.left = std::max(0, (picture.width - piece.width) / 2);
    piece.top = std::max(0, (picture.height - piece.height) / 2);
  }
  if (piece.left + piece.width > picture.width || piece.top + piece.height > picture.height)
    throw Error(ErrorKind::invalid_argument, "", "--crop",
                "a piece within " + std::to_string(picture.width) + "x" + std::to_string(picture.height),
                piece.place());
  return piece;
}

Piece with_context(const Piece& piece, const ImageInfo& picture) {
  const int left = std::max(0, piece.left - context), top = std::max(0, piece.top - context);
  return {left, top, std::min(picture.width, piece.left + piece.width + context) - left,
          std::min(picture.height, piece.top + piece.height + context) - top};
}

FloatImage cut(const FloatImage& from, const Piece& piece) {
  return esrgan::cut(from, piece.left, piece.top, piece.width, piece.height);
}

std::string seconds_text(double seconds) {
  return fixed_text_of(seconds, seconds < 10 ? 2 : 1) + " s";
}

/// What a model made of the piece.
struct Result {
  std::string model, file, network, kernels, error;
  int scale = 0;
  double load_seconds = 0, seconds = 0;
  FloatImage picture;  // at the network's own scale

  std::string title() const { return file.empty() ? model : std::filesystem::path(file).stem().string(); }
};

struct CompareCommand {
  std::string picture, output, crop;
  std::vector<std::string> models;
  double scale = 0;
  bool json = false, overwrite = false;
  UpscaleOptions options;

  void describe(CLI::App& app) {
    app.footer(explanation);
    app.add_option("picture", picture, "Picture to take a piece of; - is standard input")
        ->required()
        ->type_name("PICTURE");
    app.add_option("-m,--model,--model-path", models,
                   "Model by name or file, as often as there are; without it, all that are installed")
        ->type_name("MODEL")
        ->allow_extra_args(false);
    app.add_option("-o,--output", output, "Picture to write the sheet to; - is standard output")
        ->required()
        ->type_name("FILE");
    app.add_option("--crop", crop, "The piece, in pixels; without it, at most 160x120 of the middle")
        ->type_name("WxH+X+Y");
    app.add_option("-s,--scale", scale, "Enlargement of the sheet; without it, the largest of the models'")
        ->type_name("S")
        ->check(CLI::Range(0.01, 64.0));
    app.add_flag("-x,--self-ensemble", options.self_ensemble, "Mean over 8 flips and rotations");
    add_strengths(app, options.denoise, options.deblur);
    add_precision(app, options.precision);
    app.add_option("-j,--threads", options.threads, "Worker threads; without it, one per processor")
        ->type_name("N")
        ->check(CLI::Range(1, 4096));
    app.add_flag("--overwrite", overwrite, "Replace the output when it exists");
    app.add_flag("--json", json, "Print the seconds and so on as JSON");
  }

  int run() {
    check_output();
    const Image whole = read_image(picture);
    const Piece piece = read_piece(crop, whole.info), seen = with_context(piece, whole.info);
    const FloatImage samples = to_float_image(whole);
    const Image input = from_float_image(cut(samples, seen), whole.info.type, whole.info);
    const Piece inside{piece.left - seen.left, piece.top - seen.top, piece.width, piece.height};

    std::vector<Result> results;
    for (const std::string& model : chosen_models()) {
      Result result{model, "", "", "", "", 0, 0, 0, {}};
      try_input([&] { upscale(input, inside, result); }, result.error);
      if (!json && result.error.empty()) print(result);
      results.push_back(std::move(result));
    }
    write_sheet(over_white(cut(samples, piece)), piece, results, whole.info);
    if (json) report(piece, input.info, results);
    const bool all = std::all_of(results.begin(), results.end(),
                                 [](const Result& result) { return result.error.empty(); });
    return all ? all_done : some_failed;
  }

 private:
  void check_output() const {
    if (output == "-" && json)
      throw Error(ErrorKind::invalid_argument, "", "--json", "an output that is a file", "standard output");
    if (output == "-") return;
    if (!can_write(std::filesystem::path(output).extension().string()))
      throw Error(ErrorKind::invalid_argument, "", "--output",
                  "the name of a picture ('esrgan formats' lists the kinds)", "'" + output + "'");
    if (std::error_code absent; !overwrite && std::filesystem::exists(output, absent))
      throw Error(ErrorKind::io, output, "exists already (--overwrite replaces it)");
  }

  std::vector<std::string> chosen_models() const {
    if (!models.empty()) return models;
    std::vector<std::string> installed;
    for (const KnownModel& model : list_models())
      if (model.installed) installed.push_back(model.name);
    return installed;
  }

  void upscale(const Image& input, const Piece& inside, Result& result) const {
    using Clock = std::chrono::steady_clock;
    const auto seconds_since = [](Clock::time_point start) {
      return std::chrono::duration<double>(Clock::now() - start).count();
    };
    ProgressBar bar(result.model, 0);
    const auto start = Clock::now();
    result.file = find_model(result.model);
    Upscaler upscaler(result.file, options);
    result.network = upscaler.summary();
    result.scale = upscaler.network_scale();
    // The network is made ready for the first picture, which therefore is a small one.
    const FloatImage all = to_float_image(input);
    const FloatImage corner = esrgan::cut(all, 0, 0, std::min(8, all.width), std::min(8, all.height));
    upscaler.upscale(from_float_image(corner, input.info.type, input.info), {{}, stop_token()});
    result.load_seconds = seconds_since(start);

    const auto begin = Clock::now();
    const Image upscaled = upscaler.upscale(input, {[&](double share) { bar.show(share); }, stop_token()});
    result.seconds = seconds_since(begin);
    result.kernels = upscaler.kernels();
    const int s = result.scale;
    result.picture = over_white(cut(to_float_image(upscaled),
                                    {inside.left * s, inside.top * s, inside.width * s, inside.height * s}));
  }

  static void print(const Result& result) {
    print_message(result.title() + ": x" + std::to_string(result.scale) + ", " +
                  seconds_text(result.seconds));
  }

  double sheet_scale(const std::vector<Result>& results) const {
    if (scale > 0) return scale;
    int largest = 0;
    for (const Result& result : results) largest = std::max(largest, result.scale);
    return largest > 0 ? largest : 4;
  }

  void write_sheet(const FloatImage& original, const Piece& piece, std::vector<Result>& results,
                   const ImageInfo& from) const {
    const double factor = sheet_scale(results);
    const auto side = [&](int extent) { return std::max(1, static_cast<int>(std::lround(extent * factor))); };
    const auto fitted = [&](FloatImage part) {
      if (part.width == side(piece.width) && part.height == side(piece.height)) return part;
      return resize_lanczos(part, side(piece.width), side(piece.height));
    };
    const SheetTile reference{"input, x" + text_of(factor, 6) + " by Lanczos", piece.place(),
                              fitted(original), ""};
    std::vector<SheetTile> tiles;
    for (Result& result : results) {
      if (result.error.empty())
        tiles.push_back({result.title(),
                         "x" + std::to_string(result.scale) + ", " + seconds_text(result.seconds),
                         fitted(std::move(result.picture)), ""});
      else
        tiles.push_back({result.title(), "failed", {}, result.error});
    }
    ImageInfo like;
    if (from.metadata && from.colours() == 3) {
      auto colours = std::make_shared<ImageMetadata>();
      colours->icc = from.metadata->icc;
      like.metadata = std::move(colours);
    }
    WriteOptions write;
    if (output == "-") write.format = "png";
    const Image sheet = from_float_image(draw_sheet(reference, tiles), SampleType::u8, like);
    write_image(sheet, output, write);
    if (!json)
      print_message(output + ": " + std::to_string(sheet.info.width) + "x" +
                    std::to_string(sheet.info.height));
  }

  void report(const Piece& piece, const ImageInfo& input, const std::vector<Result>& results) const {
    nlohmann::ordered_json document{
        {"picture", picture},
        {"output", output},
        {"piece",
         {{"left", piece.left}, {"top", piece.top}, {"width", piece.width}, {"height", piece.height}}},
        {"scale", sheet_scale(results)}};
    const double megapixels = 1e-6 * input.width * input.height;
    document["models"] = nlohmann::ordered_json::array();
    for (const Result& result : results) {
      nlohmann::ordered_json entry{{"model", result.model}};
      if (!result.file.empty()) entry["file"] = result.file;
      entry["status"] = result.error.empty() ? "done" : "failed";
      if (result.error.empty())
        entry.update({{"network", result.network},
                      {"kernels", result.kernels},
                      {"scale", result.scale},
                      {"seconds", result.seconds},
                      {"seconds_per_megapixel", result.seconds / megapixels},
                      {"load_seconds", result.load_seconds}});
      else
        entry["error"] = result.error;
      document["models"].push_back(std::move(entry));
    }
    print_json(document);
  }
};

}  // namespace

void add_compare(CLI::App& app, Action& action) {
  auto command = std::make_shared<CompareCommand>();
  CLI::App* sub = app.add_subcommand("compare", "Show what several models make of a piece of a picture");
  command->describe(*sub);
  sub->callback([command, &action] { action = [command] { return command->run(); }; });
}

}  // namespace esrgan::cli
