#include "video/planes.h"

#include <esrgan/error.h>

#include <array>
#include <cstdlib>
#include <new>
#include <string>

namespace esrgan::video {
namespace {

constexpr size_t alignment = 64;  // zimg's for 512-bit vectors

struct FreeGraph {
  void operator()(zimg_filter_graph* graph) const { zimg_filter_graph_free(graph); }
};

struct Free {
  void operator()(std::byte* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<std::byte, Free>;

size_t aligned(size_t bytes) {
  return (bytes + alignment - 1) / alignment * alignment;
}

Memory allocate(size_t bytes) {
  Memory memory(static_cast<std::byte*>(std::aligned_alloc(alignment, aligned(std::max<size_t>(bytes, 1)))));
  if (!memory) throw std::bad_alloc();
  return memory;
}

size_t sample_size(zimg_pixel_type_e type) {
  if (type == ZIMG_PIXEL_BYTE) return 1;
  return type == ZIMG_PIXEL_FLOAT ? 4 : 2;
}

[[noreturn]] void refuse(const std::string& problem) {
  std::array<char, 256> text{};
  zimg_get_last_error(text.data(), text.size());
  throw Error(ErrorKind::internal, "", problem + ": " + text.data());
}

/// The few rows of a picture that zimg works on at a time.
class Ring {
 public:
  Ring(const zimg_image_format& format, unsigned rows) : format_(format) {
    planes_ = (format.color_family == ZIMG_COLOR_GREY ? 1 : 3);
    const unsigned mask = zimg_select_buffer_mask(rows);
    buffer_.version = ZIMG_API_VERSION;
    for (int p = 0; p < planes_; ++p) {
      auto& plane = buffer_.plane[p];
      const unsigned across = p > 0 ? format.subsample_w : 0, down = p > 0 ? format.subsample_h : 0;
      const size_t width = (format.width + (1U << across) - 1) >> across;
      const size_t height = (format.height + (1U << down) - 1) >> down;
      plane.mask = mask == ZIMG_BUFFER_MAX ? ZIMG_BUFFER_MAX : mask >> down;
      plane.stride = static_cast<ptrdiff_t>(aligned(width * sample_size(format.pixel_type)));
      const size_t count = plane.mask == ZIMG_BUFFER_MAX ? height : size_t{plane.mask} + 1;
      memory_[p] = allocate(count * static_cast<size_t>(plane.stride));
      plane.data = memory_[p].get();
    }
  }

  const zimg_image_buffer& buffer() const { return buffer_; }
  zimg_image_buffer_const const_buffer() const {
    zimg_image_buffer_const result{};
    result.version = ZIMG_API_VERSION;
    for (int p = 0; p < planes_; ++p)
      result.plane[p] = {buffer_.plane[p].data, buffer_.plane[p].stride, buffer_.plane[p].mask};
    return result;
  }

  /// All rows of all planes that belong to the rows from `line` on that zimg asks for at once.
  void visit(unsigned line, unsigned left, unsigned right,
             const PlaneConversion::RowFunction& function) const {
    const bool same_size = format_.subsample_w == 0 && format_.subsample_h == 0;
    for (int p = 0; p < planes_;) {
      const unsigned across = p > 0 ? format_.subsample_w : 0, down = p > 0 ? format_.subsample_h : 0;
      const int count = p > 0 || same_size ? planes_ - p : 1;
      const unsigned end =
          (std::min(line + (1U << format_.subsample_h), format_.height) + (1U << down) - 1) >> down;
      for (unsigned row = line >> down; row < end; ++row) {
        PlaneRows rows{p,
                       count,
                       static_cast<int>(row),
                       static_cast<int>(left >> across),
                       static_cast<int>((right + (1U << across) - 1) >> across),
                       {}};
        for (int i = 0; i < count; ++i) {
          const auto& plane = buffer_.plane[p + i];
          rows.samples[static_cast<size_t>(i)] =
              static_cast<std::byte*>(plane.data) + static_cast<ptrdiff_t>(row & plane.mask) * plane.stride;
        }
        function(rows);
      }
      p += count;
    }
  }

 private:
  zimg_image_format format_;
  int planes_ = 1;
  std::array<Memory, 3> memory_;
  zimg_image_buffer buffer_{};
};

struct Callback {
  const Ring& ring;
  const PlaneConversion::RowFunction& function;

  static int call(void* user, unsigned line, unsigned left, unsigned right) {
    const auto& self = *static_cast<const Callback*>(user);
    self.ring.visit(line, left, right, self.function);
    return 0;
  }
};

}  // namespace

struct PlaneConversion::State {
  std::unique_ptr<zimg_filter_graph, FreeGraph> graph;
  std::unique_ptr<Ring> in, out;
  Memory scratch;
};

PlaneConversion::PlaneConversion(const zimg_image_format& from, const zimg_image_format& to, Dither dither)
    : state_(std::make_unique<State>()) {
  zimg_graph_builder_params params;
  zimg_graph_builder_params_default(&params, ZIMG_API_VERSION);
  params.resample_filter = ZIMG_RESIZE_LANCZOS;
  params.filter_param_a = 3;
  params.resample_filter_uv = ZIMG_RESIZE_BICUBIC;
  params.dither_type = dither == Dither::ordered     ? ZIMG_DITHER_ORDERED
                       : dither == Dither::diffusion ? ZIMG_DITHER_ERROR_DIFFUSION
                                                     : ZIMG_DITHER_NONE;
  params.cpu_type = ZIMG_CPU_AUTO_64B;
  state_->graph.reset(zimg_filter_graph_build(&from, &to, &params));
  if (!state_->graph) refuse("zimg cannot convert these colours");
  unsigned in_rows = 0, out_rows = 0;
  size_t scratch = 0;
  if (zimg_filter_graph_get_input_buffering(state_->graph.get(), &in_rows) != ZIMG_ERROR_SUCCESS ||
      zimg_filter_graph_get_output_buffering(state_->graph.get(), &out_rows) != ZIMG_ERROR_SUCCESS ||
      zimg_filter_graph_get_tmp_size(state_->graph.get(), &scratch) != ZIMG_ERROR_SUCCESS)
    refuse("zimg cannot convert these colours");
  state_->in = std::make_unique<Ring>(from, in_rows);
  state_->out = std::make_unique<Ring>(to, out_rows);
  state_->scratch = allocate(scratch);
}

PlaneConversion::~PlaneConversion() = default;
PlaneConversion::PlaneConversion(PlaneConversion&&) noexcept = default;
PlaneConversion& PlaneConversion::operator=(PlaneConversion&&) noexcept = default;

void PlaneConversion::run(const RowFunction& load, const RowFunction& store) {
  const zimg_image_buffer_const in = state_->in->const_buffer();
  Callback loading{*state_->in, load}, storing{*state_->out, store};
  if (zimg_filter_graph_process(state_->graph.get(), &in, &state_->out->buffer(), state_->scratch.get(),
                                &Callback::call, &loading, &Callback::call, &storing) != ZIMG_ERROR_SUCCESS)
    refuse("zimg failed to convert a picture");
}

zimg_image_format plane_format(int width, int height) {
  zimg_image_format format;
  zimg_image_format_default(&format, ZIMG_API_VERSION);
  format.width = static_cast<unsigned>(width);
  format.height = static_cast<unsigned>(height);
  return format;
}

}  // namespace esrgan::video
