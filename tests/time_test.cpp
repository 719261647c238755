// Networks that see a window of frames: what is kept from one window to the next changes nothing.
#include <esrgan/error.h>
#include <esrgan/upscaler.h>

#include <cstring>

#include "device/reference/reference_device.h"
#include "engine/time_executor.h"
#include "image/shot.h"
#include "support.h"
#include "torch_cases.h"

namespace esrgan {
namespace {

constexpr int window_frames = 5, channels = 3;

class Time : public test::RandomTest {
 protected:
  using Frame = std::vector<float>;

  Frame frame(int width, int height) { return reals(static_cast<size_t>(width * height * channels)); }

  /// Frames one behind the other.
  static std::vector<float> window(const std::vector<Frame>& frames, size_t first) {
    std::vector<float> all;
    for (size_t pixel = 0; pixel < frames[first].size(); pixel += channels)
      for (size_t i = first; i < first + window_frames; ++i)
        all.insert(all.end(), frames[i].begin() + static_cast<ptrdiff_t>(pixel),
                   frames[i].begin() + static_cast<ptrdiff_t>(pixel) + channels);
    return all;
  }

  static std::vector<float> run(Executor& executor, const std::vector<float>& in, int width, int height) {
    std::vector<float> out(
        static_cast<size_t>(width * height * executor.scale() * executor.scale() * channels));
    executor.run(in.data(), width, height, out.data(), {});
    return out;
  }

  static std::vector<std::filesystem::path> networks() {
    std::vector<std::filesystem::path> files = test::torch_cases();
    std::erase_if(files, [](const auto& file) { return !test::sees_frames(file); });
    EXPECT_EQ(files.size(), 2U);
    return files;
  }

  ThreadPool pool_{2};
};

TEST_F(Time, WhatIsKeptChangesNotABit) {
  const auto device = make_reference_device();
  for (const auto& file : networks()) {
    const Model model = read_model(file);
    const auto kept = compile_in_time(*device, model, false, pool_);
    const auto whole = device->compile(build_graph(model), false);
    EXPECT_EQ(kept->in_channels(), window_frames * channels);
    // Two strands of windows beside each other, as of two tiles; frames that repeat, and jumps.
    constexpr int width[] = {9, 7}, height[] = {6, 8};
    std::vector<std::vector<Frame>> strands(2);
    for (int strand = 0; strand < 2; ++strand)
      for (int i = 0; i < 14; ++i) {
        std::vector<Frame>& frames = strands[static_cast<size_t>(strand)];
        if (i > 4 && between(0, 3) == 0)
          frames.push_back(frames.back());
        else
          frames.push_back(frame(width[strand], height[strand]));
      }
    size_t first = 0;
    for (int turn = 0; turn < 12; ++turn) {
      for (size_t strand = 0; strand < 2; ++strand) {
        const std::vector<float> in = window(strands[strand], first);
        const std::vector<float> found = run(*kept, in, width[strand], height[strand]);
        const auto fresh = compile_in_time(*device, model, false, pool_);
        EXPECT_EQ(found, run(*fresh, in, width[strand], height[strand])) << file << ", window " << first;
        const std::vector<float> expected = run(*whole, in, width[strand], height[strand]);
        for (size_t i = 0; i < found.size(); ++i)
          ASSERT_NEAR(found[i], expected[i], 1e-4 * (1 + std::abs(expected[i])));
      }
      first = between(0, 4) == 0 ? static_cast<size_t>(between(0, 9)) : std::min<size_t>(9, first + 1);
    }
  }
}

TEST_F(Time, AStoppedRunLeavesNothingWrongBehind) {
  const auto device = make_reference_device();
  const Model model = read_model(networks().front());
  const auto kept = compile_in_time(*device, model, false, pool_);
  std::vector<Frame> frames;
  for (int i = 0; i < 7; ++i) frames.push_back(frame(8, 8));
  run(*kept, window(frames, 0), 8, 8);
  std::stop_source source;
  source.request_stop();
  RunControl control;
  control.stop = source.get_token();
  std::vector<float> out(8 * 8 * 16 * channels);
  EXPECT_THROW(kept->run(window(frames, 1).data(), 8, 8, out.data(), control), Cancelled);
  const auto fresh = compile_in_time(*device, model, false, pool_);
  for (const size_t first : {size_t{1}, size_t{2}})
    EXPECT_EQ(run(*kept, window(frames, first), 8, 8), run(*fresh, window(frames, first), 8, 8));
}

/// A picture is a film that stands still; a window goes through tiles as through one.
TEST_F(Time, PicturesAndTiles) {
  const std::string model = networks().front().string();
  UpscaleOptions options;
  options.precision = Precision::full;
  Upscaler whole(model, options);
  options.tile = 24;
  options.halo = 48;
  Upscaler tiles(model, options);
  Image picture = test::make_picture(40, 33, 3), still = picture, moving;
  picture.info.type = still.info.type = SampleType::f32;
  std::vector<Frame> frames(window_frames, reals(40 * 33 * 3));
  const auto image_of = [](const std::vector<float>& values, int samples) {
    Image image;
    image.info.width = 40;
    image.info.height = 33;
    image.info.channels = samples;
    image.info.type = SampleType::f32;
    image.samples.resize(image.info.bytes());
    std::memcpy(image.samples.data(), values.data(), image.samples.size());
    return image;
  };
  const Image one = whole.upscale(image_of(frames[0], 3)),
              five = whole.upscale(image_of(window(frames, 0), 15));
  EXPECT_EQ(one.info.channels, 3);
  EXPECT_EQ(one.samples, five.samples);
  for (Frame& each : frames) each = reals(each.size());
  const Image plain = whole.upscale(image_of(window(frames, 0), 15)),
              tiled = tiles.upscale(image_of(window(frames, 0), 15));
  ASSERT_EQ(plain.samples.size(), tiled.samples.size());
  for (size_t i = 0; i < plain.info.row_samples() * static_cast<size_t>(plain.info.height); ++i)
    ASSERT_NEAR(plain.data<float>()[i], tiled.data<float>()[i], 1e-3);
  EXPECT_NE(test::error_of([&] { whole.upscale(image_of(reals(40 * 33 * 6), 6)); }).find("15 of a window"),
            std::string::npos);
}

TEST_F(Time, CutsAreTold) {
  const size_t pixels = 64 * 48;
  Frame dark = reals(pixels * 3, 0, 0.4F), bright = reals(pixels * 3, 0.6F, 1);
  EXPECT_TRUE(looks_like_cut(dark, bright, 3));
  EXPECT_FALSE(looks_like_cut(dark, dark, 3));
  // Noise changes all pixels and no tones; a lamp that goes on in a corner changes tones, and few pixels.
  EXPECT_FALSE(looks_like_cut(dark, reals(pixels * 3, 0, 0.4F), 3));
  Frame lamp = dark;
  std::fill_n(lamp.begin(), lamp.size() / 4, 1.0F);
  EXPECT_FALSE(looks_like_cut(dark, lamp, 3));
}

}  // namespace
}  // namespace esrgan
