// Pictures with and without colours and alpha in networks for other channels.
#include <esrgan/error.h>

#include "device/device.h"
#include "engine_fixture.h"
#include "graph/graph.h"

namespace esrgan {
namespace {

using test::Engine;

TEST_F(Engine, OpaqueAlphaStaysOpaqueAndHiddenColoursDoNotMatter) {
  Image image = test::make_picture(40, 30, 4);
  auto* samples = image.data<uint8_t>();
  for (int i = 0; i < 40 * 30; ++i) samples[4 * i + 3] = 255;
  const Image opaque = upscale(image);
  for (size_t i = 3; i < opaque.samples.size(); i += 4) ASSERT_EQ(opaque.data<uint8_t>()[i], 255);

  for (int i = 0; i < 40 * 15; ++i) samples[4 * i + 3] = 0;
  Image other = image;
  for (int i = 0; i < 40 * 15 * 4; ++i)
    if (i % 4 != 3) other.data<uint8_t>()[i] = static_cast<uint8_t>(between(0, 255));
  EXPECT_EQ(upscale(image).samples, upscale(other).samples);
}

/// What a network gives for pixels with the channels that it takes.
std::vector<float> network_result(const StateDict& weights, const std::vector<float>& pixels, int width,
                                  int height) {
  ThreadPool pool(2);
  const auto network = open_device("cpu", pool)->compile(build_graph(detect_model(weights)), false);
  std::vector<float> result(
      pixels.size() / static_cast<size_t>(network->in_channels()) *
      static_cast<size_t>(network->out_channels() * network->scale() * network->scale()));
  network->run(pixels.data(), width, height, result.data(), {});
  return result;
}

TEST_F(Engine, ANetworkWithAChannelForAlphaSeesThePicturesOwnOrOpaque) {
  const StateDict weights = small_rrdb(4, 4);
  write_safetensors(weights, ElementType::f32, model());
  const int width = between(1, 40), height = between(1, 40);
  for (const int channels : {1, 2, 3, 4}) {
    Image image = test::make_picture(width, height, channels, SampleType::f32);
    if (image.info.has_alpha())  // what is stored under it is meant
      for (int i = 0; i < width * height / 2; ++i) image.data<float>()[(i + 1) * channels - 1] = 0;
    std::vector<float> pixels;
    for (int i = 0; i < width * height; ++i) {
      const float* pixel = image.data<float>() + i * channels;
      for (int c = 0; c < 3; ++c) pixels.push_back(pixel[image.info.colours() == 3 ? c : 0]);
      pixels.push_back(image.info.has_alpha() ? pixel[channels - 1] : 1);
    }
    const std::vector<float> expected = network_result(weights, pixels, width, height);
    const Image found = upscale(image);
    ASSERT_EQ(found.info.channels, channels);
    for (size_t i = 0; i < expected.size() / 4; ++i) {
      const float *from = expected.data() + 4 * i,
                  *pixel = found.data<float>() + i * static_cast<size_t>(channels);
      if (channels >= 3)
        for (size_t c = 0; c < 3; ++c) ASSERT_EQ(pixel[c], from[c]);
      else
        ASSERT_NEAR(pixel[0], (from[0] + from[1] + from[2]) / 3, 1e-6F);
      if (found.info.has_alpha()) {
        ASSERT_EQ(pixel[channels - 1], from[3]);
      }
    }
  }
}

TEST_F(Engine, BandsAreEnlargedOneByOneAndColoursBeforeThemTogether) {
  const int width = between(1, 40), height = between(1, 40);
  const auto with_channels = [&](const Image& of, int first, int count) {
    Image some = of;
    some.info.channels = count;
    some.info.bands = 0;
    some.samples.resize(some.info.bytes());
    for (int i = 0; i < of.info.width * of.info.height; ++i)
      std::copy_n(of.data<float>() + i * of.info.channels + first, count, some.data<float>() + i * count);
    return some;
  };
  for (const auto& [channels, bands] : {std::pair{2, 2}, {4, 1}, {6, 6}, {9, 6}}) {
    Image image = test::make_picture(width, height, 1, SampleType::f32);
    image.info.channels = channels;
    image.info.bands = bands;
    const std::vector<float> pixels = reals(image.info.row_samples() * static_cast<size_t>(height));
    image.samples.resize(image.info.bytes());
    std::copy(pixels.begin(), pixels.end(), image.data<float>());
    const Image found = upscale(image);
    ASSERT_EQ(found.info.channels, channels);
    ASSERT_EQ(found.info.bands, bands);
    const int colours = channels - bands;
    if (colours > 0) {
      EXPECT_EQ(with_channels(found, 0, colours).samples, upscale(with_channels(image, 0, colours)).samples);
    }
    for (int c = colours; c < channels; ++c)
      EXPECT_EQ(with_channels(found, c, 1).samples, upscale(with_channels(image, c, 1)).samples) << c;
  }
}

TEST_F(Engine, ANetworkFromGrayToColoursGivesColours) {
  const StateDict weights = small_rrdb(1, 3);
  write_safetensors(weights, ElementType::f32, model());
  const int width = between(1, 40), height = between(1, 40);
  for (const int channels : {1, 2, 3, 4}) {
    const Image image = test::make_picture(width, height, channels, SampleType::f32);
    const bool alpha = image.info.has_alpha();
    std::vector<float> seen, opacity;
    for (int i = 0; i < width * height; ++i) {
      const float* pixel = image.data<float>() + i * channels;
      seen.push_back(channels >= 3 ? 0.299F * pixel[0] + 0.587F * pixel[1] + 0.114F * pixel[2] : pixel[0]);
      if (alpha) opacity.push_back(pixel[channels - 1]);
    }
    const std::vector<float> colours = network_result(weights, seen, width, height);
    const std::vector<float> planes =
        alpha ? network_result(weights, opacity, width, height) : std::vector<float>{};
    const auto check = [&](const Image& found, float tolerance) {
      const int out = alpha ? 4 : 3;
      ASSERT_EQ(found.info.channels, out);
      for (size_t i = 0; i < colours.size() / 3; ++i) {
        const float* pixel = found.data<float>() + i * static_cast<size_t>(out);
        for (size_t c = 0; c < 3; ++c) ASSERT_NEAR(pixel[c], colours[3 * i + c], tolerance);
        if (alpha) {
          ASSERT_NEAR(pixel[3], (planes[3 * i] + planes[3 * i + 1] + planes[3 * i + 2]) / 3, tolerance);
        }
      }
    };
    check(upscale(image), 1e-6F);
    check(upscale(image,
                  [](UpscaleOptions& o) {
                    o.tile = 8;
                    o.halo = 64;
                  }),
          1e-5F);
  }
  EXPECT_THROW(upscale(test::make_picture(9, 9, 1), [](UpscaleOptions& o) { o.keep_colours = true; }), Error);

  // From file to file: colours need no more than their format, and a profile for gray is not theirs.
  write_image(test::make_picture(9, 8, 1), folder_ / "gray.png");
  const ImageInfo written = Upscaler(model()).upscale_file(folder_ / "gray.png", folder_ / "colours.png");
  EXPECT_EQ(written.channels, 3);
  EXPECT_EQ(read_image(folder_ / "colours.png").info.channels, 3);
}

TEST_F(Engine, ANetworkOfOtherChannelsIsRefusedByItsOwnName) {
  StateDict weights = test::small_network(random_);
  weights.tensors["body.0.weight"] = {{8, 2, 3, 3}, reals(8 * 2 * 9), ElementType::f32};
  weights.tensors["body.6.weight"] = {{8, 8, 3, 3}, reals(8 * 8 * 9), ElementType::f32};
  weights.tensors["body.6.bias"] = {{8}, reals(8), ElementType::f32};
  write_safetensors(weights, ElementType::f32, model());
  try {
    const Upscaler upscaler(model());
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.file(), model());
    EXPECT_EQ(error.found(), "2 in and 2 out");
  }
}

}  // namespace
}  // namespace esrgan
