// Every format with everything that a picture can be: through an identity network, what comes out is what
// went in.
#include <esrgan/error.h>
#include <esrgan/upscaler.h>

#include <algorithm>
#include <cmath>

#include "image/codecs/table.h"
#include "image/float_image.h"
#include "image/reader.h"
#include "image/samples.h"
#include "image/writer.h"
#include "support.h"
#include "weights/safetensors.h"

namespace esrgan {
namespace {

/// A compact network of scale 1 whose convolutions are all 0: what is left is the input itself.
StateDict identity_network(std::mt19937& random) {
  StateDict weights = test::small_network(random, 8, 1, 1);
  for (auto& [name, tensor] : weights.tensors)
    if (name.starts_with("body.4.")) std::fill(tensor.values.begin(), tensor.values.end(), 0.0F);
  return weights;
}

class Formats : public test::RandomTest {
 protected:
  void SetUp() override {
    write_safetensors(identity_network(random_), ElementType::f32, folder_ / "identity.safetensors");
  }

  static std::vector<const Codec*> writable() {
    std::vector<const Codec*> found;
    for (const Codec& codec : codecs())
      if (!codec.holds.channels.empty() && !codec.holds.of_its_kind && is_available(codec))
        found.push_back(&codec);  // the others: dicom_test, nifti_test
    return found;
  }

  /// Flat patches, so that lossy formats show no ringing: the alpha is 0.5 in one half, or 1.
  Image picture(int channels, SampleType type, bool half_transparent) const {
    Image image{{48, 32, channels, type, {}, nullptr}, {}};
    image.samples.resize(image.info.bytes());
    std::vector<float> values(image.info.row_samples() * 32);
    for (size_t y = 0; y < 32; ++y)
      for (size_t x = 0; x < 48; ++x)
        for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
          float value = (x < 16 ? 0.25F : (x < 32 ? 0.5F : 0.75F)) - 0.06F * static_cast<float>(c);
          if (image.info.has_alpha() && c + 1 == static_cast<size_t>(channels))
            value = half_transparent && y < 16 ? 128.0F / 255 : 1.0F;
          values[(y * 48 + x) * static_cast<size_t>(channels) + c] = value;
        }
    pack_samples(values.data(), values.size(), type, image.samples.data());
    return image;
  }

  test::TemporaryFolder folder_;
};

/// How much a sample may differ, as a share of white: half a step of the coarsest type on the way.
float tolerance(const Codec& codec, SampleType from, SampleType stored) {
  if (codec.holds.lossy) return 3.0F / 255;
  if (codec.name == "Radiance HDR") return 1.0F / 255;  // eight bits and an exponent
  if (from == SampleType::u8 || stored == SampleType::u8) return 0.51F / 255;
  return 1.0F / 1024;  // half floats have ten bits, and so have some pictures with 16
}

/// Colours and alpha of `back` beside those of `image`: gray may have become RGB, transparency may lie over
/// white.
void compare(const Image& image, const Image& back, float tolerance) {
  const FloatImage a = to_float_image(image), b = to_float_image(back);
  const bool alpha = image.info.has_alpha(), back_alpha = back.info.has_alpha();
  float largest = 0;
  for (int y = 0; y < a.height; ++y)
    for (int x = 4; x < a.width - 4; ++x) {
      if (x % 16 < 4 || x % 16 > 11 || y % 16 < 4 || y % 16 > 11) continue;  // the patches, not their edges
      const float opacity = alpha ? a.at(x, y, a.channels - 1) : 1;
      for (int c = 0; c < back.info.colours(); ++c) {
        float expected = a.at(x, y, image.info.colours() == 1 ? 0 : c);
        if (alpha && !back_alpha) expected = expected * opacity + (1 - opacity);
        float found = b.at(x, y, c);
        if (!back.info.range.is_default())
          found = static_cast<float>(back.info.range.lo +
                                     (back.info.range.hi - back.info.range.lo) * static_cast<double>(found));
        largest = std::max(largest, std::fabs(found - expected));
      }
      if (alpha && back_alpha) largest = std::max(largest, std::fabs(b.at(x, y, b.channels - 1) - opacity));
    }
  EXPECT_LE(largest, tolerance);
}

TEST_F(Formats, EveryCellKeepsItsColours) {
  UpscaleOptions options;
  options.precision = Precision::full;
  options.threads = 1;
  Upscaler upscaler(folder_ / "identity.safetensors", options);
  int cells = 0;
  for (const Codec* codec : writable())
    for (const int channels : {1, 2, 3, 4})
      for (const SampleType type : {SampleType::u8, SampleType::u16, SampleType::f32})
        for (const bool half : {false, true}) {
          if (half && channels % 2 != 0) continue;
          const std::string extension(codec->extensions.front());
          const std::string cell = extension + ", " + std::to_string(channels) + " channels, " +
                                   name_of(type) + (half ? ", half transparent" : ", opaque");
          SCOPED_TRACE(cell);
          const Image image = picture(channels, type, half);
          write_image(image, folder_ / "in.tif");
          const std::string out = folder_ / ("out." + extension);
          if (extension == "pgm" && channels > 2) {
            EXPECT_THROW(upscaler.upscale_file(folder_ / "in.tif", out), Error);
            continue;
          }
          upscaler.upscale_file(folder_ / "in.tif", out);
          const Image back = read_image(out);
          ASSERT_EQ(back.info.width, 48);
          ASSERT_EQ(back.info.height, 32);
          // WebP leaves out an alpha that says nothing.
          const bool held =
              codec->holds.channels.find(static_cast<char>('0' + channels)) != std::string::npos;
          EXPECT_TRUE(!held || back.info.channels == channels || (extension == "webp" && !half));
          compare(image, back, tolerance(*codec, type, back.info.type));
          ++cells;
        }
  RecordProperty("cells", cells);
  EXPECT_GE(cells, 150);
}

TEST_F(Formats, NumbersKeepTheirScale) {
  for (const SampleType type : {SampleType::i8, SampleType::i16, SampleType::u32, SampleType::i32}) {
    SCOPED_TRACE(name_of(type));
    Image image = test::make_picture(40, 30, 1, SampleType::f32);
    image.info.range.whole = type;
    image.info.range.lo = type == SampleType::u32 ? 0 : -100;
    image.info.range.hi = type == SampleType::i8 ? 100 : (type == SampleType::i16 ? 4000 : 3e6);
    write_image(image, folder_ / "a.tif");
    const Image back = read_image(folder_ / "a.tif");
    ASSERT_EQ(back.info.range.whole, type);
    const double span = image.info.range.hi - image.info.range.lo,
                 back_span = back.info.range.hi - back.info.range.lo;
    for (size_t i = 0; i < 1200; ++i) {
      const double value = image.info.range.lo + span * static_cast<double>(image.data<float>()[i]);
      const double found = back.info.range.lo + back_span * static_cast<double>(back.data<float>()[i]);
      EXPECT_NEAR(found, value, 0.5 + 1e-6 * span);
    }
    EXPECT_THROW(write_image(image, folder_ / "a.png"), Error);
    WriteOptions spread;
    spread.bit_depth = 16;
    EXPECT_NO_THROW(write_image(image, folder_ / "b.png", spread));
  }
}

TEST_F(Formats, WhatIsTooLargeIsRefusedBeforeAnythingIsWritten) {
  for (const Codec* codec : writable()) {
    if (codec->holds.largest_side == 0 || codec->holds.largest_side > 100'000) continue;
    const std::string path = folder_ / ("wide." + std::string(codec->extensions.front()));
    const ImageInfo info{static_cast<int>(codec->holds.largest_side) + 1, 1, 3, SampleType::u8, {}, nullptr};
    EXPECT_THROW(PictureWriter::create(path, {})->picture(info), Error) << codec->name;
    EXPECT_FALSE(std::filesystem::exists(path));
  }
}

TEST_F(Formats, ProgressNeverFallsAndEndsAtOne) {
  for (const int channels : {1, 2, 3, 4})
    for (const bool opaque : {false, true}) {
      UpscaleOptions options;
      options.tile = 16;
      Upscaler upscaler(folder_ / "identity.safetensors", options);
      double last = 0;
      bool fell = false;
      write_image(picture(channels, SampleType::u8, !opaque), folder_ / "in.tif");
      const auto progress = [&](double share) {
        fell = fell || share < last;
        last = share;
      };
      upscaler.upscale_file(folder_ / "in.tif", folder_ / "out.png", {}, {progress, {}});
      EXPECT_FALSE(fell) << channels;
      EXPECT_EQ(last, 1) << channels;
    }
}

TEST_F(Formats, AllPagesAreUpscaled) {
  const auto writer = PictureWriter::create(folder_ / "pages.tif", {}, 3);
  std::vector<Image> pages;
  for (const int channels : {3, 1, 4}) {
    pages.push_back(test::make_picture(20 + channels, 10, channels));
    const auto source = make_source(std::make_shared<Image>(pages.back()));
    const auto sink = writer->picture(pages.back().info);
    std::vector<float> rows(pages.back().info.row_samples() * 10);
    source->read(0, 10, rows.data());
    sink->write(rows.data(), 10);
    sink->finish();
  }
  Upscaler(folder_ / "identity.safetensors").upscale_file(folder_ / "pages.tif", folder_ / "large.tif");
  PictureReader reader(folder_ / "large.tif");
  ASSERT_EQ(reader.pictures(), 3);
  for (const Image& page : pages) {
    const auto source = reader.next(true, HiddenColours::bled, 1U << 30U).source;
    ASSERT_NE(source, nullptr);
    EXPECT_EQ(source->info().width, page.info.width);
    EXPECT_EQ(source->info().channels, page.info.channels);
  }
  EXPECT_EQ(reader.next(true, HiddenColours::bled, 1U << 30U).source, nullptr);
}

}  // namespace
}  // namespace esrgan
