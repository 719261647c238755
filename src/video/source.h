// Where frames come from: a film, or pictures.
#pragma once

#include <esrgan/video.h>

#include <cmath>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "video/decoder.h"
#include "video/device_frames.h"
#include "video/encoder.h"
#include "video/muxer.h"
#include "video/pipeline.h"

namespace esrgan::video {

/// What there is to know before the first frame is enlarged.
struct SourceFacts {
  Plan plan;
  AVRational time_base{1, 25};  ///< of the frames' times
  AVRational frame_rate{25, 1}, sample_aspect{0, 1};
  int width = 0, height = 0;               ///< of the first frame
  AVPixelFormat format = AV_PIX_FMT_NONE;  ///< that a film made of the frames should have
  Colour colour;
  double frames_of_each = 1;  ///< frames that are handed over for each that the plan expects
  bool fields = false;        ///< frames come as fields where they are interlaced
  bool interlaced = false, top_field_first = false;  ///< how the film is to be marked
  bool from_pictures = false;          ///< an animation such as GIF: its RGB is to be shown by all players
  std::optional<AVPixelFormat> exact;  ///< that a lossless encoder should have instead: of pictures
  HighDynamicRange hdr;
  /// Frames that are handed over for so many of the plan's.
  int64_t made_of(int64_t frames) const { return std::llround(static_cast<double>(frames) * frames_of_each); }
  std::optional<FrameKind> stored;  ///< kind of most frames, where FrameChoice::as_stored is asked
  MuxRequest others;                ///< what goes along with the frames; without an output
};

class FrameSource {
 public:
  FrameSource() = default;
  FrameSource(const FrameSource&) = delete;
  FrameSource& operator=(const FrameSource&) = delete;
  FrameSource(FrameSource&&) = delete;
  FrameSource& operator=(FrameSource&&) = delete;
  virtual ~FrameSource() = default;

  const SourceFacts& facts() const { return facts_; }
  /// Tells it from others, wherever it lies.
  virtual nlohmann::json identity() const = 0;
  /// Whether its frames can be had once only.
  virtual bool is_read_once() const { return false; }
  /// Its frames; this must outlive them.
  virtual std::unique_ptr<FrameInput> frames(FrameChoice choice) const = 0;

 protected:
  SourceFacts facts_;
};

/// What matters of a film's output for reading it.
struct OutputKind {
  bool keeps_rotation = false;  ///< it says by itself how it is turned
  bool keeps_start = false;     ///< its clock begins anywhere
  bool is_even = false;         ///< it has no times but a frame rate
};

/// Work of the network for a frame, by its size and the way its samples are stored.
using FrameWork = std::function<double(int width, int height, SampleType stored)>;

/// The wanted frames of a source as a network wants them: each by itself, or with `radius` frames to both
/// sides; where the film or the shot ends, its nearest frame stands for those. The source must outlive what
/// is returned.
std::unique_ptr<FrameInput> frames_for_network(const FrameSource& source, int radius,
                                               const VideoOptions& options, FrameChoice wanted);

/// Opens a film, a pipe, a folder of pictures or a pattern, and chooses how it is cut, for which a film is
/// read to its end. Throws Error; Cancelled when `stop` asks for it.
std::unique_ptr<FrameSource> open_source(const std::string& input, const VideoOptions& options,
                                         OutputKind kind, const FrameWork& work, const std::stop_token& stop);

/// The files of a folder or a pattern, in order; empty when `input` is neither. Throws Error when there is
/// none.
std::vector<std::string> list_pictures(const std::string& input);

/// Name of the file beside pictures that tells their times.
constexpr const char* side_file = "frames.json";

std::unique_ptr<FrameSource> open_film(const std::string& input, const VideoOptions& options, OutputKind kind,
                                       const FrameWork& work, const std::stop_token& stop);
bool is_animated_webp(const std::string& path);
std::unique_ptr<FrameSource> open_animated_webp(const std::string& path, const VideoOptions& options,
                                                const FrameWork& work);
std::unique_ptr<FrameSource> open_pictures(const std::vector<std::string>& files, const VideoOptions& options,
                                           const FrameWork& work);

/// Frames between points where a job can go on, for this much work a frame.
int choose_segment_frames(const VideoOptions& options, double work);

/// Size and checksums of a file's ends. Throws Error when it cannot be read.
nlohmann::json file_identity(const std::string& path);
nlohmann::json identity_of(std::span<const uint8_t> bytes);

}  // namespace esrgan::video
