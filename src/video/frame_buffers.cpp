#include "video/frame_buffers.h"

extern "C" {
#include <libavutil/imgutils.h>
}

#include <new>

namespace esrgan::video {

FrameBuffers::~FrameBuffers() {
  av_buffer_pool_uninit(&pool_);
}

FramePtr FrameBuffers::take(const FrameShape& shape) {
  constexpr int alignment = 64;  // bytes, of rows
  std::call_once(made_, [&] {
    const int bytes = av_image_get_buffer_size(shape.format, shape.width, shape.height, alignment);
    check(bytes, "", "a frame cannot be allocated");
    pool_ = av_buffer_pool_init(static_cast<size_t>(bytes) + AV_INPUT_BUFFER_PADDING_SIZE, nullptr);
    if (pool_ == nullptr) throw std::bad_alloc();
  });
  FramePtr frame = make_frame();
  frame->format = shape.format;
  frame->width = shape.width;
  frame->height = shape.height;
  frame->buf[0] = av_buffer_pool_get(pool_);
  if (frame->buf[0] == nullptr) throw std::bad_alloc();
  check(av_image_fill_arrays(frame->data, frame->linesize, frame->buf[0]->data, shape.format, shape.width,
                             shape.height, alignment),
        "", "a frame cannot be allocated");
  return frame;
}

}  // namespace esrgan::video
