// Enlarging films: every frame, with its time, and everything else in the file as it was. In the library
// esrgan-video (CMake: esrgan::video).
//
//   esrgan::VideoOptions options;
//   esrgan::upscale_video(esrgan::find_model("realesr-animevideov3-x4"), "film.mkv", "film4x.mkv", options);
#pragma once

#include <esrgan/export.h>
#include <esrgan/upscaler.h>

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace esrgan {

/// What becomes of interlaced frames.
enum class Interlaced {
  keep,         ///< each field is enlarged by itself, and they are woven again
  deinterlace,  ///< one progressive frame of each
  double_rate,  ///< one progressive frame of each field
  film          ///< inverse telecine: four frames of each five of which fields were woven
};

/// How samples of 8 bits are rounded.
enum class Dither {
  none,      ///< to the nearest value
  ordered,   ///< by a fixed pattern, which hides steps in skies and the like
  diffusion  ///< by what was rounded away of the neighbours (Floyd and Steinberg)
};

/// A part of a job that one of several machines does.
struct Share {
  int number = 1, count = 1;  ///< 1 <= number <= count
};

struct VideoOptions {
  UpscaleOptions upscale;  ///< input_size, edges, consistent, fading and keep_grain are not used

  int video_stream = -1;  ///< number among the film's video streams, from 0; -1: the one that players take
  bool keep_start =
      false;         ///< keep the clock's first time; without it, the output begins at 0 unless it is MPEG-TS
  double start = 0;  ///< seconds of the input from its beginning
  double duration = 0;                         ///< seconds; 0 for all
  int fps_numerator = 0, fps_denominator = 1;  ///< another frame rate; 0 keeps every frame and its time
  Interlaced interlaced = Interlaced::keep;
  bool reuse =
      false;  ///< take regions whose input did not change from the frame before, bit for bit the same
  std::string
      cuts;  ///< file of the frames that begin a shot, for a network that sees several; empty: they are found
  std::string hardware;  ///< FFmpeg's name of a device that decodes ("cuda", "vaapi"), "auto", or empty

  std::string encoder;  ///< FFmpeg's name; empty chooses by the container and the picture
  double crf = -1;      ///< constant quality, of the encoder's own scale; negative takes a default for it
  std::vector<std::pair<std::string, std::string>> encoder_options;
  Dither dither = Dither::none;  ///< where the encoder takes 8 bits
  std::string audio_encoder;     ///< FFmpeg's name; empty copies sound as it is
  std::vector<std::pair<std::string, std::string>> container_options;  ///< of FFmpeg's muxer
  std::string pixel_format;          ///< FFmpeg's name; empty takes the one that is nearest to the input's
  std::string image_format = "png";  ///< extension of frames that go to a folder
  std::string others_from;  ///< file whose sound, subtitles and so on go with frames from a folder; empty:
                            ///< the one that the folder's frames.json names, if it is there

  bool skip_unsupported = false;  ///< leave out streams that the output's container cannot hold

  int segment_frames = 0;  ///< frames between points where a stopped job can go on; 0 chooses
  bool restart = false;    ///< discard what an earlier, unfinished job left
  Share share;             ///< of the segments; with more than one share, join_video() makes the file
};

struct VideoProgress {
  int64_t frames = 0;            ///< done, those of an earlier run among them
  int64_t total = 0;             ///< frames to do; 0 when not known
  double frames_per_second = 0;  ///< of this run
  double seconds_left = -1;      ///< negative when not known
  uint64_t bytes = 0;            ///< size of the enlarged video so far
};

struct VideoReport {
  int width = 0, height = 0;
  std::string encoder;
  int64_t frames = 0;          ///< written
  int64_t resumed = 0;         ///< of them, those that were there from an earlier run
  int64_t repeated = 0;        ///< equal to the frame before, therefore not computed
  double reused = 0;           ///< share of the area of the others that was taken from the frame before
  int64_t damaged = 0;         ///< decoded in part, the rest concealed
  int64_t lost = 0;            ///< could not be decoded
  double network_seconds = 0;  ///< time that the network took
  double seconds = 0;          ///< time of all
  uint64_t bytes = 0;          ///< size of the output; 0 when it is not made yet
  bool complete = false;       ///< the output holds all of the film: false also where the film itself was cut
  std::vector<std::string> remarks;  ///< streams that were left out and the like
};

struct VideoEvents {
  /// Called now and then, from a thread of the job, one call at a time. May be empty.
  std::function<void(const VideoProgress&)> progress;
  /// On request, the call ends with Cancelled; finished segments are kept for the next run.
  std::stop_token stop;
};

/// Enlarges a film. `model_file` may be empty: frames are then taken as they are (to split a film into
/// pictures, or to join them). `input` is a file, a folder of pictures, a pattern such as "frames/%08d.png"
/// or "frames/*.png", or a pipe with YUV4MPEG2 ("-" or a named one); `output` is a file, or a folder (an
/// existing one, or a name that ends in "/") for pictures, which gets a file frames.json with their times, or
/// a pipe, which gets YUV4MPEG2. Work in progress lies in a folder beside the output, work_folder_of(); the
/// same call goes on with what is there, except where a pipe is read or YUV4MPEG2 is written. Throws Error.
ESRGAN_API VideoReport upscale_video(const std::string& model_file, const std::string& input,
                                     const std::string& output, const VideoOptions& options,
                                     const VideoEvents& events = {});

/// Where unfinished work for an output lies.
ESRGAN_API std::string work_folder_of(const std::string& output);

/// Makes the file of the segments that all shares have left in `output` + ".parts". Throws Error when some
/// are missing, and names them. others_from: the film whose sound and so on go along; empty: where the
/// machine that planned had it.
ESRGAN_API VideoReport join_video(const std::string& output, const std::string& others_from = {},
                                  const VideoEvents& events = {});

struct FilmComparison {
  int crop = 0;      ///< pixels cut from each side for PSNR and SSIM
  bool rgb = false;  ///< all colours instead of luma
};

/// How far a film is from the true one.
struct FilmQuality {
  struct Frame {
    double psnr = 0, ssim = 0;  ///< as of pictures; PSNR is infinite for equal frames
    double flicker = -1;        ///< towards the frame before; negative where it cannot be told
  };
  std::vector<Frame> frames;
  /// Change of luma from frame to frame along the true film's motion, in levels of 255 (root of the mean
  /// square over all blocks whose motion was found, docs/evaluation.md): of the film, and of the true one.
  double flicker = 0, true_flicker = 0;
  bool same_length = false;

  /// Means over the frames.
  ESRGAN_API double psnr() const;
  ESRGAN_API double ssim() const;
};

/// Compares two films (files, or folders of frames) of one size, frame by frame in their order, as far as
/// both go. Interlaced frames are made whole. Throws Error.
ESRGAN_API FilmQuality compare_films(const std::string& truth, const std::string& film,
                                     const FilmComparison& comparison = {}, const VideoEvents& events = {});

/// Writes a picture with some frames of the film, each as it is (enlarged by Lanczos) beside what the network
/// makes of it; of large frames the middle.
ESRGAN_API void preview_video(const std::string& model_file, const std::string& input,
                              const std::string& picture, int frames, const VideoOptions& options,
                              const VideoEvents& events = {});

}  // namespace esrgan
