#include <esrgan/error.h>

extern "C" {
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>

#include "base/errors.h"
#include "base/file.h"
#include "base/log.h"
#include "base/platform_memory.h"
#include "image/reader.h"
#include "video/ffmpeg_compat.h"
#include "video/picture_frames.h"
#include "video/pixel_formats.h"
#include "video/source.h"

namespace esrgan::video {
namespace {

namespace fs = std::filesystem;

/// What a folder's frames.json tells, or stands for it.
struct SideFacts {
  AVRational time_base{1, 25}, frame_rate{25, 1}, sample_aspect{0, 1};
  std::vector<int64_t> times;
  std::optional<AVPixelFormat> format;
  std::optional<Colour> colour;
  bool interlaced = false, top_field_first = false;
  HighDynamicRange hdr;
  MuxRequest others;
};

/// Every second line of a picture.
Pixels field_of(const Pixels& picture, size_t row, size_t first, PixelsPool& pool) {
  const size_t samples = (picture.size() / row + 1 - first) / 2 * row;
  Pixels field = pool.take(samples);
  field.clear();
  field.reserve(samples);
  for (size_t begin = first * row; begin < picture.size(); begin += 2 * row)
    field.insert(field.end(), picture.begin() + static_cast<ptrdiff_t>(begin),
                 picture.begin() + static_cast<ptrdiff_t>(begin + row));
  return field;
}

std::optional<SideFacts> read_side_file(const fs::path& folder) {
  const fs::path path = folder / side_file;
  if (!fs::exists(path)) return {};
  std::ifstream file(path);
  const nlohmann::json json = nlohmann::json::parse(file, nullptr, false);
  try {
    SideFacts facts;
    facts.time_base = rational_from_json(json.at("time_base"));
    facts.frame_rate = rational_from_json(json.at("frame_rate"));
    facts.sample_aspect = rational_from_json(json.at("sample_aspect"));
    facts.times = json.at("times").get<std::vector<int64_t>>();
    facts.interlaced = json.at("interlaced");
    facts.top_field_first = json.at("top_field_first");
    facts.others = mux_request_from_json(json.at("others"));
    facts.hdr = hdr_from_json(json.at("hdr"));
    const AVPixelFormat format = av_get_pix_fmt(json.at("pixel_format").get<std::string>().c_str());
    if (format != AV_PIX_FMT_NONE) facts.format = format;
    const nlohmann::json& c = json.at("colour");
    facts.colour =
        Colour{static_cast<AVColorSpace>(c.at(0).get<int>()), static_cast<AVColorRange>(c.at(1).get<int>()),
               static_cast<AVColorPrimaries>(c.at(2).get<int>()),
               static_cast<AVColorTransferCharacteristic>(c.at(3).get<int>()),
               static_cast<AVChromaLocation>(c.at(4).get<int>())};
    if (facts.time_base.num <= 0 || facts.time_base.den <= 0)
      throw Error(ErrorKind::bad_data, "no time base");
    return facts;
  } catch (const std::exception& problem) {
    throw Error(ErrorKind::bad_data, path.string(),
                std::string("is not what 'esrgan video' writes beside frames: ") + problem.what());
  }
}

/// Pixels of a picture file, and a frame without data that describes them.
FramePtr read_picture(const std::string& path, Pixels* pixels) {
  const auto source = open_image(path, true, available_memory() / 4);
  const ImageInfo& info = source->info();
  FramePtr frame = frame_like(info);
  if (pixels != nullptr) {
    pixels->resize(info.row_samples() * static_cast<size_t>(info.height));
    source->read(0, info.height, pixels->data());
  }
  return frame;
}

/// The number at the end of a file's name without its extension; negative when there is none.
int64_t number_of(const std::string& file) {
  constexpr size_t most = 15;
  const std::string name = fs::path(file).stem().string();
  const size_t last = name.find_last_not_of("0123456789");
  const std::string digits = last == std::string::npos ? name : name.substr(last + 1);
  return digits.empty() || digits.size() > most ? -1 : std::stoll(digits);
}

/// Frames from the first picture to each. Where names count by ones and some are missing, their time stays.
std::vector<int64_t> places_of(const std::vector<std::string>& files) {
  std::vector<int64_t> places, plain;
  int64_t ones = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    places.push_back(number_of(files[i]) - number_of(files.front()));
    plain.push_back(static_cast<int64_t>(i));
    if (i > 0 && places[i] <= places[i - 1]) return plain;
    ones += i > 0 && places[i] == places[i - 1] + 1 ? 1 : 0;
  }
  const auto steps = static_cast<int64_t>(files.size()) - 1;
  const int64_t missing = places.back() - steps;
  if (number_of(files.front()) < 0 || missing == 0 || 5 * ones < 4 * steps || 5 * missing > steps + 5)
    return plain;
  const auto gap = std::adjacent_find(places.begin(), places.end(),
                                      [](int64_t before, int64_t after) { return after != before + 1; });
  log_warning(std::to_string(missing) + " of the numbered pictures are missing, the first behind " +
              files[static_cast<size_t>(gap - places.begin())] +
              ": what is before is shown for their time, too");
  return places;
}

class PictureInput : public PictureFrames {
 public:
  PictureInput(const std::vector<std::string>& files, const std::vector<int64_t>& times,
               const SourceFacts& facts, FrameChoice choice)
      : PictureFrames(times, facts.plan, std::move(choice)),
        files_(files),
        interlaced_(facts.interlaced),
        top_field_first_(facts.top_field_first) {}

 protected:
  bool read(size_t number, PixelsPool& pool, FrameItem& item) override {
    Pixels pixels = pool.take(samples_);
    item.source = read_picture(files_[number], &pixels);
    samples_ = pixels.size();
    if (!interlaced_) {
      item.parts.push_back(std::move(pixels));
      return true;
    }
    set_interlaced(*item.source, top_field_first_);
    const size_t row = pixels.size() / static_cast<size_t>(item.source->height);
    for (const size_t first : {size_t{0}, size_t{1}})
      item.parts.push_back(field_of(pixels, row, first, pool));
    pool.give(std::move(pixels));
    return true;
  }

 private:
  const std::vector<std::string>& files_;
  bool interlaced_, top_field_first_;
  size_t samples_ = 0;  // of the picture before
};

class PictureSource : public FrameSource {
 public:
  PictureSource(std::vector<std::string> files, const VideoOptions& options, const FrameWork& work)
      : files_(std::move(files)) {
    const fs::path folder = fs::path(files_.front()).parent_path();
    SideFacts side = read_side_file(folder).value_or(SideFacts{});
    take_times(side, folder, options);
    const FramePtr first = read_picture(files_.front(), nullptr);
    const auto format = static_cast<AVPixelFormat>(first->format);
    facts_.width = first->width;
    facts_.height = first->height;
    if (!side.format) facts_.exact = format;
    facts_.format = side.format ? *side.format : film_format(channels_of(format), depth_of(format) > 8);
    facts_.colour = side.colour ? *side.colour : Colour{};
    facts_.hdr = side.hdr;
    facts_.interlaced = facts_.fields =
        side.interlaced && options.interlaced == Interlaced::keep && first->height % 4 == 0;
    facts_.top_field_first = side.top_field_first;
    facts_.sample_aspect = side.sample_aspect;
    facts_.others = side.others;
    facts_.others.skip_unsupported = options.skip_unsupported;
    FilmFile& film = facts_.others.others;
    if (!options.others_from.empty()) film.path = fs::absolute(options.others_from).string();
    if (!film.path.empty() && !fs::exists(film.path)) {
      log_warning(film.path +
                  " is not there: its sound and so on are left out (--others-from names another file)");
      film.path.clear();
    }
    const double frame_work = work(first->width, first->height, stored_type(format));
    PlanRequest request;
    request.start = options.start;
    request.duration = options.duration;
    request.segment_frames = choose_segment_frames(options, frame_work);
    facts_.plan = plan_pictures(times_, facts_.time_base, request);
    MuxRequest& others = facts_.others;
    if (others.time_base.num == 0) others.time_base = facts_.time_base;
    if (side.others.last_duration == 0 || options.fps_numerator > 0)
      others.last_duration = std::max<int64_t>(1, av_rescale_q(1, facts_.time_base, others.time_base));
    if (options.start > 0 || options.duration > 0) {
      const auto in_others = [&](int64_t time) {
        return av_rescale_q(time, facts_.time_base, others.time_base);
      };
      others.origin = others.begin = in_others(facts_.plan.origin);
      if (options.duration > 0)
        others.end = others.origin + std::llround(options.duration / av_q2d(others.time_base));
    }
  }

  nlohmann::json identity() const override {
    return {{"pictures", files_.size()},
            {"first", file_identity(files_.front())},
            {"last", file_identity(files_.back())},
            {"times", times_}};
  }

  std::unique_ptr<FrameInput> frames(FrameChoice choice) const override {
    return std::make_unique<PictureInput>(files_, times_, facts_, std::move(choice));
  }

 private:
  void take_times(SideFacts& side, const fs::path& folder, const VideoOptions& options) {
    if (options.fps_numerator > 0) {
      facts_.frame_rate = {options.fps_numerator, options.fps_denominator};
      facts_.time_base = av_inv_q(facts_.frame_rate);
      const int64_t first = side.others.time_base.num > 0
                                ? av_rescale_q(side.others.origin, side.others.time_base, facts_.time_base)
                                : 0;
      for (const int64_t place : places_of(files_)) times_.push_back(first + place);
      return;
    }
    if (side.times.empty())
      throw Error(ErrorKind::not_found, folder.string(), "the times of its pictures are not known",
                  std::string("--fps, or the ") + side_file + " that 'esrgan video' writes beside frames");
    if (side.times.size() != files_.size())
      throw Error(ErrorKind::bad_data, (folder / side_file).string(), "does not fit the pictures",
                  std::to_string(side.times.size()) + " pictures", std::to_string(files_.size()));
    facts_.frame_rate = side.frame_rate;
    facts_.time_base = side.time_base;
    times_ = std::move(side.times);
  }

  std::vector<std::string> files_;
  std::vector<int64_t> times_;
};

/// A printf-like or shell-like pattern as a regular expression for names.
std::string expression_of(const std::string& pattern) {
  std::string text;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    std::smatch match;
    const std::string rest = pattern.substr(i);
    if (std::regex_search(rest, match, std::regex("^%0?([0-9]*)d"))) {
      text += "[0-9]+";
      i += static_cast<size_t>(match.length()) - 1;
    } else if (c == '*') {
      text += ".*";
    } else if (c == '?') {
      text += ".";
    } else {
      text += std::string(std::isalnum(static_cast<unsigned char>(c)) != 0 ? "" : "\\") + c;
    }
  }
  return text;
}

/// "a9" before "a10": runs of digits count as numbers.
bool comes_before(const std::string& a, const std::string& b) {
  const auto digits = [](const std::string& text, size_t& at) {
    const size_t begin = std::min(text.find_first_not_of('0', at), text.size());
    size_t end = at;
    while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end])) != 0) ++end;
    at = end;
    return end > begin ? text.substr(begin, end - begin) : std::string();
  };
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (std::isdigit(static_cast<unsigned char>(a[i])) != 0 &&
        std::isdigit(static_cast<unsigned char>(b[j])) != 0) {
      const std::string x = digits(a, i), y = digits(b, j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
    } else if (a[i] != b[j]) {
      return a[i] < b[j];
    } else {
      ++i;
      ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

}  // namespace

std::vector<std::string> list_pictures(const std::string& input) {
  const fs::path path(input);
  const bool folder = fs::is_directory(path);
  const std::string name = path.filename().string();
  const bool pattern = !fs::exists(path) && name.find_first_of("*?%") != std::string::npos;
  if (!folder && !pattern) return {};
  const fs::path where = folder ? path : (path.has_parent_path() ? path.parent_path() : fs::path("."));
  if (!fs::is_directory(where)) throw Error(ErrorKind::not_found, where.string(), "there is no such folder");
  const std::regex expression(pattern ? expression_of(name) : ".*");
  std::vector<std::string> files;
  std::error_code failure;
  for (const fs::path& found : paths_in(where, failure)) {
    const std::string file = found.filename().string();
    std::error_code gone;
    if (!file.starts_with('.') && can_read(found.extension().string()) &&
        std::regex_match(file, expression) && fs::is_regular_file(found, gone))
      files.push_back(found.string());
  }
  if (failure) throw file_error(where.string(), "cannot be listed", failure.value());
  if (files.empty())
    throw Error(ErrorKind::not_found, input,
                pattern ? "no picture has such a name" : "there is no picture in this folder");
  std::sort(files.begin(), files.end(), comes_before);
  return files;
}

std::unique_ptr<FrameSource> open_pictures(const std::vector<std::string>& files, const VideoOptions& options,
                                           const FrameWork& work) {
  return std::make_unique<PictureSource>(files, options, work);
}

}  // namespace esrgan::video
