#include <esrgan/error.h>
#include <esrgan/upscaler.h>

#include <algorithm>
#include <future>
#include <map>
#include <set>
#include <utility>

#include "base/errors.h"
#include "engine/picture_upscaler.h"
#include "image/background_sink.h"
#include "image/bleed.h"
#include "image/writer.h"

namespace esrgan {

struct Upscaler::State {
  PictureUpscaler upscaler;
};

namespace {

/// Type of the samples as they will be stored, as far as precision is concerned.
SampleType stored_type(SampleType type, const WriteOptions& write) {
  return write.bit_depth > 8 ? std::max(type, SampleType::u16) : type;
}

/// Reads, enlarges and writes files, each step beside the others' of its neighbours.
class FileLine {
 public:
  FileLine(PictureUpscaler& upscaler, const std::vector<FileJob>& jobs, WriteOptions write,
           const FileEvents& events, const std::vector<std::string>& beside)
      : upscaler_(upscaler), jobs_(jobs), write_(std::move(write)), events_(events) {
    write_.threads = upscaler.threads();
    if (write_.derivation.empty()) write_.derivation = upscaler.derivation();
    std::set<std::string> files(beside.begin(), beside.end());
    for (const FileJob& job : jobs_) files.insert(job.input);
    if (files.size() > 1) measure_series(files);
  }

  void run() {
    for (size_t job = 0; job < jobs_.size(); ++job) {
      if (events_.stop.stop_requested()) throw Cancelled();
      if (events_.started) events_.started(job);
      try {
        upscale(job);
      } catch (const Cancelled&) {
        throw;
      } catch (...) {
        settle(true);  // its turn to be told of
        fail(job);
      }
    }
    settle(true);
  }

 private:
  /// A file whose rows are all there, though not all written.
  struct Written {
    size_t job;
    ImageInfo info;
    std::unique_ptr<BackgroundSink> sink;
    uint64_t memory;
  };

  /// From the least to the largest of what single files would be seen with.
  void measure_series(const std::set<std::string>& files) {
    for (const std::string& path : files) {
      if (events_.stop.stop_requested()) throw Cancelled();
      if (!may_be_in_series(path)) continue;
      try {
        const auto series = PictureReader(path, upscaler_.formats()).series();
        if (!series) continue;
        auto& [lo, hi] = ranges_.try_emplace(series->name, series->lo, series->hi).first->second;
        lo = std::min(lo, series->lo);
        hi = std::max(hi, series->hi);
      } catch (const Error&) {  // told of when its turn comes
      }
    }
  }

  std::unique_ptr<PictureReader> open_file(const std::string& path) const {
    auto file = std::make_unique<PictureReader>(path, upscaler_.formats());
    if (ranges_.empty()) return file;
    if (const auto series = file->series())
      if (const auto range = ranges_.find(series->name); range != ranges_.end())
        file->show(range->second.first, range->second.second);
    return file;
  }

  void fail(size_t job) const {
    if (!events_.failed) return;
    try {
      rethrow_as_error();
    } catch (const Error& error) {
      if (!error.file().empty()) return events_.failed(job, std::current_exception());
      events_.failed(job, std::make_exception_ptr(Error(error.kind(), jobs_[job].input, error.problem(),
                                                        error.expected(), error.found())));
    } catch (...) {
      events_.failed(job, std::current_exception());
    }
  }

  /// Tells of the last file once it is written.
  void settle(bool wait) {
    if (!last_ || (!wait && !last_->sink->settled())) return;
    const Written done = std::move(*last_);
    last_.reset();
    try {
      done.sink->finish();
    } catch (...) {
      return fail(done.job);
    }
    if (events_.written) events_.written(done.job, done.info);
  }

  /// A file, and its first picture where that was read ahead.
  struct Opened {
    std::unique_ptr<PictureReader> file;
    Input first;
  };

  /// Opens a file beside the network's work; without a file when that fails, which is told of when its turn
  /// comes.
  Opened open_ahead(const std::string& path) const {
    Opened opened;
    try {
      opened.file = open_file(path);
      opened.first = upscaler_.next_ahead(*opened.file);
    } catch (const Error&) {
      opened = {};
    }
    return opened;
  }

  /// The input of a job, read ahead if it was small; starts to read the next.
  Opened open(size_t job) {
    Opened opened = ahead_.valid() ? ahead_.get() : Opened{};
    if (job + 1 < jobs_.size())
      ahead_ = std::async(std::launch::async, [this, job] { return open_ahead(jobs_[job + 1].input); });
    if (!opened.file) opened.file = open_file(jobs_[job].input);
    if (!opened.first.source) opened.first = upscaler_.next(*opened.file);
    return opened;
  }

  void upscale(size_t job) {
    Opened opened = open(job);
    const auto writer = PictureWriter::create(jobs_[job].output, write_, opened.file->pictures());
    const int pictures = writer->pictures();
    for (int picture = 0; picture < pictures; ++picture) {
      Input input = picture == 0 ? std::move(opened.first) : upscaler_.next(*opened.file);
      upscale(job, input, *writer, [this, picture, pictures](double share) {
        settle(false);
        if (events_.progress) events_.progress((picture + share) / pictures);
      });
      if (picture + 1 == pictures) continue;
      last_->sink->finish();  // before the next picture of the file is begun
      last_.reset();
    }
  }

  void upscale(size_t job, Input& input, PictureWriter& writer, const Progress& progress) {
    upscaler_.prepare(stored_type(input.type, write_));
    const ImageInfo out = upscaler_.output_info(input), between = upscaler_.network_info(input);
    const uint64_t budget = upscaler_.budget();
    // Enough for what the network emits at once, where memory allows it.
    const size_t queue = std::min<uint64_t>(between.bytes(), budget / 8);
    const uint64_t others = upscaler_.filter_memory(input, out) + writer.memory(out);
    const uint64_t ahead = ahead_.valid() ? PictureUpscaler::ahead_memory : 0;
    if (last_ && last_->memory > budget / 4) settle(true);
    auto sink = std::make_unique<BackgroundSink>(upscaler_.with_filters(input, out, writer.picture(out)),
                                                 between.row_samples(), queue);
    upscaler_.upscale(input, *sink, others + queue + ahead + (last_ ? last_->memory : 0), progress,
                      events_.stop);
    sink->end();
    settle(true);
    const uint64_t memory = others + sink->memory();
    last_ = Written{job, out, std::move(sink), memory};
  }

  PictureUpscaler& upscaler_;
  const std::vector<FileJob>& jobs_;
  WriteOptions write_;
  const FileEvents& events_;
  std::map<std::string, std::pair<double, double>> ranges_;  // of series
  std::future<Opened> ahead_;
  std::optional<Written> last_;
};

}  // namespace

Upscaler::Upscaler(const std::string& model_file, const UpscaleOptions& options)
    : state_(with_errors([&] { return new State{PictureUpscaler(model_file, options)}; })) {}
Upscaler::~Upscaler() = default;
Upscaler::Upscaler(Upscaler&&) noexcept = default;
Upscaler& Upscaler::operator=(Upscaler&&) noexcept = default;

int Upscaler::network_scale() const {
  return state_->upscaler.scale();
}
const std::string& Upscaler::summary() const {
  return state_->upscaler.summary();
}
const char* Upscaler::kernels() const {
  return state_->upscaler.kernels();
}

std::vector<DeviceInfo> devices() {
  return with_errors([] {
    ThreadPool pool(1);  // nothing is computed
    std::vector<DeviceInfo> found;
    for (const std::string& name : device_names()) {
      const auto device = open_device(name, pool);
      found.push_back({name, device->description(), device->half() != HalfPrecision::none,
                       device->half() == HalfPrecision::faster, device->memory()});
    }
    return found;
  });
}

ImageInfo Upscaler::result_info(const ImageInfo& image) const {
  return with_errors([&] { return state_->upscaler.result_info(image); });
}

Image Upscaler::upscale(const Image& image, const UpscaleEvents& events) {
  return with_errors([&] {
    check_samples(image);
    state_->upscaler.check_channels(channels_of(image.info));
    PictureUpscaler& upscaler = state_->upscaler;
    auto copy = std::make_shared<Image>(image);
    if (upscaler.hidden_colours() == HiddenColours::bled) bleed_colours(*copy);
    Input input = upscaler.open(std::move(copy));
    upscaler.prepare(input.type);
    Image result{upscaler.output_info(input), {}};
    const auto sink = upscaler.with_filters(input, result.info, make_sink(result));
    upscaler.upscale(input, *sink, upscaler.filter_memory(input, result.info), events.progress, events.stop);
    sink->finish();
    return result;
  });
}

ImageInfo Upscaler::upscale_file(const std::string& input, const std::string& output,
                                 const WriteOptions& write, const UpscaleEvents& events) {
  ImageInfo info;
  FileEvents of_file;
  of_file.written = [&](size_t, const ImageInfo& written) { info = written; };
  of_file.failed = [](size_t, const std::exception_ptr& error) { std::rethrow_exception(error); };
  of_file.progress = events.progress;
  of_file.stop = events.stop;
  upscale_files({{input, output}}, write, of_file);
  return info;
}

void Upscaler::upscale_files(const std::vector<FileJob>& jobs, const WriteOptions& write,
                             const FileEvents& events, const std::vector<std::string>& beside) {
  with_errors([&] { FileLine(state_->upscaler, jobs, write, events, beside).run(); });
}

}  // namespace esrgan
