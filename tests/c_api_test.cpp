// The C interface: the same pictures and errors as the C++ one.
#include <esrgan/esrgan.h>
#include <esrgan/version.h>

#include <cstring>
#include <thread>

#include "engine_fixture.h"

namespace esrgan {
namespace {

class CApi : public test::Engine {
 protected:
  ~CApi() override { esrgan_close(upscaler_); }

  void open() {
    esrgan_options options;
    esrgan_options_init(&options);
    options.threads = 2;
    options.tile = 0;
    ASSERT_EQ(esrgan_open(model().c_str(), &options, &upscaler_), ESRGAN_OK) << esrgan_last_error();
  }

  static esrgan_picture picture_of(Image& image, int32_t type) {
    return {image.info.width, image.info.height, image.info.channels, type, image.samples.data(), 0};
  }

  esrgan_upscaler* upscaler_ = nullptr;
};

TEST_F(CApi, GivesTheSamePictureForAllTypesAndChannelsWithAndWithoutGaps) {
  open();
  constexpr std::pair<SampleType, int32_t> types[] = {
      {SampleType::u8, ESRGAN_U8}, {SampleType::u16, ESRGAN_U16}, {SampleType::f32, ESRGAN_F32}};
  for (const auto& [type, name] : types)
    for (const int channels : {1, 2, 3, 4}) {
      Image image = test::make_picture(between(1, 40), between(1, 40), channels, type);
      const Image expected = upscale(image);
      esrgan_picture in = picture_of(image, name), out{};
      ASSERT_EQ(esrgan_result(upscaler_, &in, &out), ESRGAN_OK);
      EXPECT_EQ(out.width, expected.info.width);
      EXPECT_EQ(out.height, expected.info.height);
      EXPECT_EQ(out.channels, channels);
      EXPECT_EQ(out.type, name);
      const size_t row = expected.info.row_samples() * size_of(type);
      for (const size_t gap : {size_t{0}, size_t{7}}) {
        out.row_bytes = gap == 0 ? 0 : row + gap;
        std::vector<std::byte> memory(esrgan_picture_bytes(&out), std::byte{0x5A});
        ASSERT_EQ(memory.size(), static_cast<size_t>(out.height) * (row + gap) - gap);
        out.samples = memory.data();
        ASSERT_EQ(esrgan_upscale(upscaler_, &in, &out, nullptr, nullptr), ESRGAN_OK) << esrgan_last_error();
        for (size_t y = 0; y < static_cast<size_t>(out.height); ++y) {
          ASSERT_EQ(std::memcmp(memory.data() + y * (row + gap), expected.samples.data() + y * row, row), 0);
          for (size_t i = row; i < row + gap && y + 1 < static_cast<size_t>(out.height); ++i)
            ASSERT_EQ(memory[y * (row + gap) + i], std::byte{0x5A});
        }
      }
    }
}

TEST_F(CApi, RefusesWhatCannotBeMeantAndSaysWhy) {
  EXPECT_STREQ(esrgan_version(), ESRGAN_VERSION);
  EXPECT_EQ(esrgan_open("no-such-model", nullptr, &upscaler_), ESRGAN_NOT_FOUND);
  EXPECT_NE(std::string(esrgan_last_error()).find("no-such-model"), std::string::npos);
  EXPECT_EQ(upscaler_, nullptr);
  test::write_bytes(folder_ / "damaged.safetensors", {1, 2, 3});
  EXPECT_EQ(esrgan_open((folder_ / "damaged.safetensors").c_str(), nullptr, &upscaler_), ESRGAN_BAD_DATA);
  esrgan_options options{};
  EXPECT_EQ(esrgan_open(model().c_str(), &options, &upscaler_), ESRGAN_INVALID_ARGUMENT);
  esrgan_options_init(&options);
  options.threads = -3;
  EXPECT_EQ(esrgan_open(model().c_str(), &options, &upscaler_), ESRGAN_INVALID_ARGUMENT);
  options.threads = 0;
  options.device = "abacus";
  EXPECT_NE(esrgan_open(model().c_str(), &options, &upscaler_), ESRGAN_OK);
  EXPECT_NE(std::string(esrgan_last_error()).find("abacus"), std::string::npos);
  std::thread([] { EXPECT_STREQ(esrgan_last_error(), ""); }).join();

  open();
  Image image = test::make_picture(5, 4, 3);
  const esrgan_picture in = picture_of(image, ESRGAN_U8);
  esrgan_picture out{};
  for (const auto& [width, channels, type, row] :
       {std::tuple{0, 3, 1, 0}, {5, 5, 1, 0}, {5, 3, 9, 0}, {5, 3, 1, 14}}) {
    const esrgan_picture wrong{width, 4, channels, type, image.samples.data(), static_cast<size_t>(row)};
    EXPECT_EQ(esrgan_result(upscaler_, &wrong, &out), ESRGAN_INVALID_ARGUMENT);
    EXPECT_EQ(esrgan_picture_bytes(&wrong), 0U);
  }
  ASSERT_EQ(esrgan_result(upscaler_, &in, &out), ESRGAN_OK);
  EXPECT_EQ(esrgan_upscale(upscaler_, &in, &out, nullptr, nullptr), ESRGAN_INVALID_ARGUMENT);  // no samples
  std::vector<std::byte> memory(esrgan_picture_bytes(&out));
  out.samples = memory.data();
  --out.width;
  EXPECT_EQ(esrgan_upscale(upscaler_, &in, &out, nullptr, nullptr), ESRGAN_INVALID_ARGUMENT);
  EXPECT_EQ(esrgan_upscale(nullptr, &in, &out, nullptr, nullptr), ESRGAN_INVALID_ARGUMENT);
}

TEST_F(CApi, TheCallbackFollowsAndEndsACall) {
  open();
  Image image = test::make_picture(64, 48, 3);
  const esrgan_picture in = picture_of(image, ESRGAN_U8);
  esrgan_picture out{};
  ASSERT_EQ(esrgan_result(upscaler_, &in, &out), ESRGAN_OK);
  std::vector<std::byte> memory(esrgan_picture_bytes(&out), std::byte{0x5A});
  const std::vector<std::byte> untouched = memory;
  out.samples = memory.data();
  const auto stop_at_once = [](void* calls, double) { return ++*static_cast<int*>(calls); };
  int calls = 0;
  EXPECT_EQ(esrgan_upscale(upscaler_, &in, &out, stop_at_once, &calls), ESRGAN_CANCELLED);
  EXPECT_GE(calls, 1);
  EXPECT_EQ(memory, untouched);
  double last = 0;
  const auto follow = [](void* user, double share) {
    double& before = *static_cast<double*>(user);
    EXPECT_GE(share, before);
    before = share;
    return 0;
  };
  EXPECT_EQ(esrgan_upscale(upscaler_, &in, &out, follow, &last), ESRGAN_OK);
  EXPECT_EQ(last, 1);
  EXPECT_NE(memory, untouched);
}

}  // namespace
}  // namespace esrgan
