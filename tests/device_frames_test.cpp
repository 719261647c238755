// Frames of films that the device converts: what it is told of their formats, and the network stage that
// leaves them to it.
#include "video/device_frames.h"

#include <esrgan/error.h>

extern "C" {
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "device/device.h"
#include "device/reference/frames.h"
#include "support.h"
#include "video/frame_assembler.h"
#include "video/frame_network.h"
#include "weights/safetensors.h"

namespace esrgan::video {
namespace {

class DeviceFrames : public test::RandomTest {
 protected:
  /// Full precision on the first GPU, if there is one.
  static UpscaleOptions gpu_options() {
    const std::vector<std::string> devices = device_names();
    const auto gpu = std::find_if(devices.begin(), devices.end(),
                                  [](const std::string& name) { return name.starts_with("gpu"); });
    UpscaleOptions options;
    options.device = gpu == devices.end() ? "" : *gpu;
    options.precision = Precision::full;
    return options;
  }

  test::TemporaryFolder folder_;
};

/// What a device is told of a frame's format is what zimg does: samples of any value, edges too.
TEST_F(DeviceFrames, DevicesAreToldWhatFramesMean) {
  for (const AVPixelFormat format :
       {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV422P10, AV_PIX_FMT_YUV444P, AV_PIX_FMT_YUV440P,
        AV_PIX_FMT_YUV411P, AV_PIX_FMT_YUV410P, AV_PIX_FMT_YUV420P16, AV_PIX_FMT_GBRP, AV_PIX_FMT_GBRP12})
    for (const AVColorSpace matrix : {AVCOL_SPC_BT709, AVCOL_SPC_SMPTE170M, AVCOL_SPC_BT2020_NCL})
      for (const AVChromaLocation chroma : {AVCHROMA_LOC_LEFT, AVCHROMA_LOC_CENTER, AVCHROMA_LOC_TOPLEFT}) {
        const auto& desc = *av_pix_fmt_desc_get(format);
        const int few = between(3, 20), many = between(70, 150);
        const bool wide = between(0, 1) == 0;
        const int width = (wide ? many : few) << desc.log2_chroma_w, height = (wide ? few : many)
                                                                              << desc.log2_chroma_h;
        const FramePtr frame = empty_frame(width, height, format), made = empty_frame(width, height, format);
        frame->colorspace = (desc.flags & AV_PIX_FMT_FLAG_RGB) != 0 ? AVCOL_SPC_RGB : matrix;
        frame->color_range = between(0, 1) == 0 ? AVCOL_RANGE_MPEG : AVCOL_RANGE_JPEG;
        frame->chroma_location = chroma;
        const Colour colour = colour_of(*frame);
        const auto formats = device_formats(kind_of(*frame), {format, width, height, colour});
        ASSERT_TRUE(formats) << desc.name;
        const FramePlanes planes = planes_of(*frame);
        for (size_t plane = 0; plane < 3; ++plane)
          for (int y = 0; y < formats->in.plane_height(plane); ++y)
            for (int x = 0; x < formats->in.plane_width(plane); ++x)
              set_sample(formats->in, planes, plane, x, y, between(0, (1 << formats->in.bits) - 1));
        const std::string text = std::string(desc.name) + ", " + std::to_string(width) + "x" +
                                 std::to_string(height) + ", matrix " + std::to_string(matrix) + ", range " +
                                 std::to_string(frame->color_range) + ", chroma " + std::to_string(chroma);
        Pixels pixels;
        FrameReader(*frame, Lines::all).read(*frame, pixels);
        const Pixels told = read_frame(formats->in, planes);
        ASSERT_EQ(told.size(), pixels.size());
        float largest = 0;
        for (size_t i = 0; i < told.size(); ++i) largest = std::max(largest, std::abs(told[i] - pixels[i]));
        EXPECT_LE(largest, 1e-4F) << text;

        pixels = reals(pixels.size(), -0.1F, 1.1F);
        FrameWriter(FrameWriter::From{width, height, 3, 1}, *made, colour, Lines::all).write(pixels, *made);
        OwnFrame expected(formats->out);
        write_frame(formats->out, pixels, expected.planes());
        EXPECT_LE(largest_distance(formats->out, planes_of(*made), expected.planes()), 1) << text;
      }
}

/// Other sizes, dither, samples that do not lie in planes, matrices that are not linear stay with zimg.
TEST_F(DeviceFrames, DevicesAreNotToldOfWhatTheyCannot) {
  const FrameKind usual{AV_PIX_FMT_YUV420P, 32, 16, {}};
  const FrameShape larger{AV_PIX_FMT_YUV420P, 64, 32, {}, 2};
  EXPECT_TRUE(device_formats(usual, larger));
  const auto refuses = [&](const FrameKind& kind, const FrameShape& shape) {
    EXPECT_FALSE(device_formats(kind, shape)) << kind.format << " to " << shape.format;
  };
  for (const AVPixelFormat format : {AV_PIX_FMT_NV12, AV_PIX_FMT_P010, AV_PIX_FMT_GRAY8, AV_PIX_FMT_YUVA420P,
                                     AV_PIX_FMT_RGB24, AV_PIX_FMT_PAL8, AV_PIX_FMT_GBRPF32}) {
    FrameKind kind = usual;
    kind.format = format;
    refuses(kind, larger);
    FrameShape shape = larger;
    shape.format = format;
    refuses(usual, shape);
  }
  refuses({AV_PIX_FMT_YUV420P, 31, 16, {}}, {AV_PIX_FMT_YUV420P, 62, 32, {}, 2});
  FrameShape shape = larger;
  shape.width = 60;
  refuses(usual, shape);
  shape = larger;
  shape.dither = Dither::ordered;
  refuses(usual, shape);
  shape.format = AV_PIX_FMT_YUV420P10;  // whose samples are not dithered
  EXPECT_TRUE(device_formats(usual, shape));
  FrameKind kind = usual;
  kind.colour.matrix = AVCOL_SPC_BT2020_CL;
  refuses(kind, larger);
}

/// The device makes frames of frames, and what it does not take goes the usual way; both give the same.
TEST_F(DeviceFrames, FramesMayBeConvertedByTheDevice) {
  if (gpu_options().device.empty()) GTEST_SKIP() << "no Vulkan here";
  const std::string model = folder_ / "model.safetensors";
  write_safetensors(test::small_network(random_), ElementType::f32, model);
  FrameNetwork network(model, gpu_options(), false), usual(model, gpu_options(), false);
  FrameAssembler assembler;
  const int width = 2 * between(10, 30), height = 2 * between(10, 30);
  const auto random_frame = [&](int of_width) {
    FramePtr frame = empty_frame(of_width, height, AV_PIX_FMT_YUV420P);
    frame->color_range = AVCOL_RANGE_JPEG;
    for (int plane = 0; plane < 3; ++plane)
      for (int y = 0; y < (plane == 0 ? height : height / 2); ++y)
        for (int x = 0; x < (plane == 0 ? of_width : of_width / 2); ++x)
          frame->data[plane][y * frame->linesize[plane] + x] = static_cast<uint8_t>(between(0, 255));
    return frame;
  };
  const FramePtr first = random_frame(width), second = random_frame(width), wider = random_frame(width + 2),
                 flipped = share(*first);
  for (int plane = 0; plane < 3; ++plane) {  // as FFmpeg's vflip hands it over
    flipped->data[plane] += ((plane == 0 ? height : height / 2) - 1) * flipped->linesize[plane];
    flipped->linesize[plane] = -flipped->linesize[plane];
  }
  const FrameShape shape{AV_PIX_FMT_YUV420P, 2 * width, 2 * height, colour_of(*first), 2};
  EXPECT_FALSE(network.converts(*first));
  network.convert_on_device(kind_of(*first), shape, assembler.buffers());
  ASSERT_TRUE(network.converts(*first));
  EXPECT_FALSE(network.converts(*wider));
  const FramePtr other_range = share(*first);
  other_range->color_range = AVCOL_RANGE_MPEG;
  EXPECT_FALSE(network.converts(*other_range));
  const FramePtr other_primaries = share(*first);
  other_primaries->color_primaries = AVCOL_PRI_BT2020;
  EXPECT_TRUE(network.converts(*other_primaries));

  PixelsPool pool;
  FrameAssembler other_assembler;
  const auto item_of = [&](const AVFrame& frame, bool with_pixels) {
    FrameItem item;
    item.source = share(frame);
    std::optional<FrameReader> reader;
    if (with_pixels) item.parts.push_back(read_pixels(frame, Lines::all, reader, pool));
    return item;
  };
  // Frames of both kinds in turns, each with the next one announced.
  const AVFrame* const frames[] = {first.get(), second.get(), wider.get(), flipped.get(), first.get()};
  for (size_t i = 0; i < std::size(frames); ++i) {
    const auto left_to_it = [&](size_t of) { return network.converts(*frames[of]); };
    FrameItem item = item_of(*frames[i], !left_to_it(i)), read = item_of(*frames[i], true), next;
    if (i + 1 < std::size(frames)) next = item_of(*frames[i + 1], !left_to_it(i + 1));
    network.upscale(item, next.source ? &next : nullptr, pool, {});
    usual.upscale(read, nullptr, pool, {});
    EXPECT_EQ(item.enlarged != nullptr, left_to_it(i)) << i;
    EXPECT_FALSE(read.enlarged);
    const FramePtr made = assembler.assemble(item, shape, pool),
                   expected = other_assembler.assemble(read, shape, pool);
    const FrameFormat format = device_formats(kind_of(*first), shape)->out;
    EXPECT_LE(largest_distance(format, planes_of(*made), planes_of(*expected)), 1) << i;
  }
}

/// After a few frames whose results are not finite the processor reads them all.
TEST_F(DeviceFrames, ADeviceThatConvertsBadlyIsNotAskedForLong) {
  if (gpu_options().device.empty()) GTEST_SKIP() << "no Vulkan here";
  StateDict weights = test::small_network(random_);
  for (auto& [name, tensor] : weights.tensors)
    for (float& value : tensor.values) value *= 1e30F;
  const std::string model = folder_ / "model.safetensors";
  write_safetensors(weights, ElementType::f32, model);
  FrameNetwork network(model, gpu_options(), false);
  FrameAssembler assembler;
  PixelsPool pool;
  const FramePtr frame = empty_frame(16, 16, AV_PIX_FMT_YUV420P);
  for (int plane = 0; plane < 3; ++plane)
    std::memset(frame->data[plane], 200, static_cast<size_t>(frame->linesize[plane] * (plane == 0 ? 16 : 8)));
  network.convert_on_device(kind_of(*frame), {AV_PIX_FMT_YUV420P, 32, 32, colour_of(*frame), 2},
                            assembler.buffers());
  for (int time = 0; time < 3; ++time) {
    EXPECT_TRUE(network.converts(*frame)) << time;
    FrameItem item;
    item.source = share(*frame);
    EXPECT_THROW(network.upscale(item, nullptr, pool, {}), Error);
  }
  EXPECT_FALSE(network.converts(*frame));
}

}  // namespace
}  // namespace esrgan::video
