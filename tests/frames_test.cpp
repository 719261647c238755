// One frame after another: memory that is used again, regions that are taken from the frame before.
#include <cstring>

#include "base/cpu_features.h"
#include "engine/frame_upscaler.h"
#include "support.h"
#include "weights/safetensors.h"

namespace esrgan {
namespace {

class Frames : public test::RandomTest {
 protected:
  /// A network of many features, so that the convolutions are those of large networks.
  Frames() { write_safetensors(test::small_network(random_, 16, 2), ElementType::f32, model()); }
  std::string model() const { return folder_ / "small.safetensors"; }

  void scatter(Pixels& frame, int width, int height, int count) {
    for (int i = 0; i < count; ++i) {
      const int w = between(1, 24), h = between(1, 24), left = between(0, width - 1),
                top = between(0, height - 1);
      for (int y = top; y < std::min(height, top + h); ++y)
        for (int x = left; x < std::min(width, left + w); ++x)
          for (int c = 0; c < 3; ++c) frame[static_cast<size_t>((y * width + x) * 3 + c)] = real();
    }
  }

  test::TemporaryFolder folder_;
};

TEST_F(Frames, ReusedRegionsDoNotChangeABit) {
  for (const Isa isa : supported_isas()) {
    ASSERT_EQ(setenv("ESRGAN_FORCE_ISA", name_of(isa), 1), 0);
    for (const Precision precision : {Precision::full, Precision::half}) {
      UpscaleOptions options;
      options.threads = between(1, 2);
      options.precision = precision;
      PictureUpscaler one(model(), options), two(model(), options);
      const int width = between(220, 330), height = between(120, 200);
      FrameUpscaler plain(one, width, height, 3, SampleType::u8, 0);
      FrameUpscaler reusing(two, width, height, 3, SampleType::u8, 0, true);
      ASSERT_TRUE(reusing.can_reuse());
      Pixels frame = reals(static_cast<size_t>(width * height * 3)), expected, found;
      double reused = 0;
      for (int number = 0; number < 12; ++number) {
        if (number != 5) scatter(frame, width, height, number == 7 ? 60 : between(1, 3));
        plain.run(frame, expected, {});
        reusing.run(frame, found, {});
        reused += reusing.reused();
        ASSERT_EQ(expected.size(), found.size());
        ASSERT_EQ(std::memcmp(expected.data(), found.data(), found.size() * sizeof(float)), 0)
            << one.kernels() << ", frame " << number << " of " << width << "x" << height;
        if (number == 5) {
          EXPECT_EQ(reusing.reused(), 1);
        }
      }
      EXPECT_GT(reused, 2) << "too few regions were reused for this test to say something";
    }
  }
  unsetenv("ESRGAN_FORCE_ISA");
}

TEST_F(Frames, NothingIsReusedWhereTheNetworkSeesTooFar) {
  PictureUpscaler upscaler(model(), {});
  EXPECT_FALSE(FrameUpscaler(upscaler, 40, 30, 3, SampleType::u8, 0, true).can_reuse());
  UpscaleOptions tiled;
  tiled.tile = 64;
  PictureUpscaler in_tiles(model(), tiled);
  EXPECT_FALSE(FrameUpscaler(in_tiles, 300, 200, 3, SampleType::u8, 0, true).can_reuse());
}

TEST_F(Frames, AFrameIsWhatTheUpscalerMakesOfThePicture) {
  for (const int tile : {0, 32}) {
    UpscaleOptions options;
    options.threads = 2;
    options.tile = tile;
    options.precision = Precision::full;
    PictureUpscaler for_frames(model(), options);
    Upscaler upscaler(model(), options);
    for (const int channels : {1, 3, 4}) {
      FrameUpscaler frames(for_frames, 50, 40, channels, SampleType::f32, 0);
      for (int round = 0; round < 3; ++round) {
        Image image = test::make_picture(50, 40, channels, SampleType::f32);
        for (size_t i = 0; i < image.samples.size() / 4; ++i) image.data<float>()[i] += real(0, 0.1F);
        Pixels out;
        frames.run({image.data<float>(), image.data<float>() + image.samples.size() / 4}, out, {});
        const Image expected = upscaler.upscale(image);
        ASSERT_EQ(out.size() * sizeof(float), expected.samples.size());
        EXPECT_EQ(std::memcmp(out.data(), expected.samples.data(), expected.samples.size()), 0);
      }
    }
  }
}

TEST(ChangedRegions, HoldEveryChange) {
  std::mt19937 random(test::seed());
  SCOPED_TRACE("ESRGAN_TEST_SEED=" + std::to_string(test::seed()));
  const auto between = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  for (int round = 0; round < 200; ++round) {
    const int width = between(1, 200), height = between(1, 150), channels = between(1, 4),
              margin = between(0, 60);
    Pixels before(static_cast<size_t>(width * height * channels), 0.25F), now = before;
    for (int i = between(0, 6); i > 0; --i)
      now[static_cast<size_t>(between(0, static_cast<int>(now.size()) - 1))] = 1;
    const auto regions = changed_regions(before, now, width, height, channels, margin);
    EXPECT_EQ(regions.empty(), before == now);
    double cost = 0;
    for (const Rectangle& region : regions) cost += region.grown(margin, 1, width, height).area();
    EXPECT_LE(cost, static_cast<double>(width) * height);
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        for (int c = 0; c < channels; ++c) {
          const auto i = static_cast<size_t>((y * width + x) * channels + c);
          if (before[i] == now[i]) continue;
          EXPECT_TRUE(std::any_of(regions.begin(), regions.end(), [&](const Rectangle& region) {
            return x >= region.left && x < region.right && y >= region.top && y < region.bottom;
          }));
        }
  }
}

}  // namespace
}  // namespace esrgan
