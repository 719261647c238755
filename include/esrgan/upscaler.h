// Enlarging pictures with a network of the ESRGAN family.
//
//   esrgan::Upscaler upscaler(esrgan::find_model("realesrgan-x4plus"));
//   esrgan::Image large = upscaler.upscale(esrgan::read_image("photo.jpg"));
//   esrgan::write_image(large, "photo_x4.png");
#pragma once

#include <esrgan/export.h>
#include <esrgan/image.h>
#include <esrgan/parallel_runner.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace esrgan {

enum class Precision {
  automatic,  ///< half where it is faster, docs/precision.md states its fidelity for this kind of network and
              ///< the result has 8 bits, else full
  full,       ///< 32-bit floats throughout
  half        ///< 16-bit multiplications where the device has them; the same as full where it has not
};

/// What lies beyond the edges of the picture.
enum class Edges {
  border,  ///< nothing: as the network was trained
  wrap     ///< the opposite edge, for textures that repeat
};

struct UpscaleOptions {
  double scale = 0;  ///< final enlargement; 0 takes the network's own. Others are reached by Lanczos
  int width = 0,
      height = 0;      ///< final size in pixels instead of `scale`; one of them alone keeps the proportions
  bool fit = false;    ///< with both: the largest size within them that keeps the proportions
  int longest = 0;     ///< pixels of the longer side instead
  int input_size = 0;  ///< if set, the longer side of the input is first brought to this many pixels
  int tile = automatic_tile;  ///< side of a tile in input pixels, 0 for the whole picture at once
  int halo =
      default_halo;  ///< input pixels around a tile that the network sees besides it; no more than it can see
  bool self_ensemble = false;  ///< mean over the 8 flips and rotations
  Precision precision = Precision::automatic;
  Edges edges = Edges::border;
  bool keep_colours =
      false;  ///< areas of 32 input pixels keep their mean colour, which networks move a little
  std::optional<bool>
      consistent;      ///< the mean of what becomes of a pixel is the pixel, and even parts and ramps
                       ///< stay so: for measurements; without a value, of medical pictures (DICOM, NIfTI)
  float strength = 1;  ///< share of the network's result, the rest is the plain (bicubic) enlargement
  float fading = 0;    ///< how far each colour is stretched to its full range first, from 0 to 1
  bool keep_grain = false;  ///< the picture's noise, where the network took it away, is laid over the result
  float denoise = 0,
        deblur = 0;  ///< how strongly, from 0 to 1, a network does it that can be told; with `scale` 1 such
                     ///< a network restores the picture in its own size
  float denoise_tv = 0;  ///< weight of the total-variation filter on the result, 0 for none
  std::vector<std::string>
      formats;  ///< extensions of formats that input files may have; all when it is empty
  /// Where to compute: one of devices(), several with commas between them, or the best.
  std::string device = "auto";
  uint64_t max_memory = 0;  ///< ceiling in bytes for the whole process; 0 takes half of what is available
  uint64_t max_memory_device = 0;  ///< ceiling in bytes for a GPU's own memory; 0 takes what it has
  int threads = 0;                 ///< 0 for one per processor
  /// Threads of the caller's own for the network; `threads` is then how many it has. Files are still read and
  /// written beside it by threads of the library.
  ParallelRunner runner;

  static constexpr int automatic_tile = -1;
  static constexpr int default_halo = 64;
};

struct DeviceInfo {
  std::string name;         ///< for UpscaleOptions::device
  std::string description;  ///< for people
  bool half = false;        ///< whether Precision::half differs from full there
  bool half_is_faster = false;
  uint64_t memory = 0;  ///< bytes of its own; 0 when it uses the host's
};

/// What can compute on this machine, the best first.
ESRGAN_API std::vector<DeviceInfo> devices();

/// Called with the finished share in [0, 1], from the thread that upscales, or from the one on which a
/// ParallelRunner runs work(0).
using Progress = std::function<void(double share)>;

/// A file to enlarge, and where the result goes.
struct FileJob {
  std::string input, output;
};

/// How a caller follows and ends a call. Callbacks must not throw.
struct UpscaleEvents {
  Progress progress;     ///< may be empty
  std::stop_token stop;  ///< on request, the call ends with Cancelled and leaves nothing behind
};

/// What becomes of files; called in the order of the jobs, from the thread that upscales. May be empty, and
/// must not throw.
struct FileEvents {
  std::function<void(size_t job)> started;
  std::function<void(size_t job, const ImageInfo& info)> written;  ///< the output lies there, whole
  std::function<void(size_t job, std::exception_ptr error)> failed;
  Progress progress;     ///< of the job that was started last
  std::stop_token stop;  ///< on request, the call ends with Cancelled; what was written stays
};

/// Owns a network and worker threads. One picture at a time; use one Upscaler per thread for more.
class ESRGAN_API Upscaler {
 public:
  /// Loads safetensors, .pth or ncnn files. Throws Error.
  explicit Upscaler(const std::string& model_file, const UpscaleOptions& options = {});
  ~Upscaler();
  Upscaler(const Upscaler&) = delete;
  Upscaler& operator=(const Upscaler&) = delete;
  Upscaler(Upscaler&&) noexcept;
  Upscaler& operator=(Upscaler&&) noexcept;

  /// The network's own enlargement.
  int network_scale() const;
  /// One line that describes the network.
  const std::string& summary() const;
  /// Name of the kernels in use, "avx2" for example; of the next picture's before there was one.
  const char* kernels() const;

  /// Size, channels and type of the result for a picture like that.
  ImageInfo result_info(const ImageInfo& image) const;

  /// Throws Error, also when the samples do not fit the size. A network that sees several frames takes a
  /// window of them, too, with the channels of all one behind the other.
  Image upscale(const Image& image, const UpscaleEvents& events = {});

  /// From file to file, strip by strip where the formats allow it, below the memory ceiling. Returns what was
  /// written. The output appears whole or not at all.
  ImageInfo upscale_file(const std::string& input, const std::string& output, const WriteOptions& write = {},
                         const UpscaleEvents& events = {});

  /// The same for many: while one is enlarged, the next is read and the last one written. A job that fails
  /// does not end the others; Cancelled does. What networks see as black and white is one for all files of a
  /// DICOM series, the inputs and those named `beside` (which are not enlarged).
  void upscale_files(const std::vector<FileJob>& jobs, const WriteOptions& write, const FileEvents& events,
                     const std::vector<std::string>& beside = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace esrgan
