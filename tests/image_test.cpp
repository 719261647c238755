// Reading and writing pictures.
#include <esrgan/error.h>

#include <cmath>

#include "image/background_sink.h"
#include "image/bleed.h"
#include "image/float_image.h"
#include "image/rows.h"
#include "support.h"

namespace esrgan {
namespace {

class Images : public test::RandomTest {
 protected:
  std::string message(const std::string& path) const {
    try {
      read_image(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.file(), path);
      return error.what();
    }
    return "";
  }
  test::TemporaryFolder folder_;
};

/// Keeps the rows; the row numbered `fails` cannot be written, -1 for none.
class RecordingSink : public RowSink {
 public:
  RecordingSink(std::vector<float>& rows, bool& finished, int fails)
      : rows_(rows), finished_(finished), fails_(fails) {}
  void write(const float* rows, int count) override {
    for (int i = 0; i < count * 5; ++i) rows_.push_back(rows[i]);
    if (fails_ >= 0 && rows_.size() > static_cast<size_t>(fails_) * 5) throw Error("disk", "is full");
  }
  void finish() override { finished_ = true; }

 private:
  std::vector<float>& rows_;
  bool& finished_;
  int fails_;
};

TEST_F(Images, RowsWrittenInTheBackgroundArriveWholeAndInOrder) {
  for (int round = 0; round < 200; ++round) {
    const std::vector<float> rows = reals(5 * static_cast<size_t>(between(0, 100)));
    std::vector<float> arrived;
    bool finished = false;
    BackgroundSink sink(std::make_unique<RecordingSink>(arrived, finished, -1), 5,
                        static_cast<size_t>(between(1, 2000)));
    for (size_t at = 0; at < rows.size();) {
      const size_t count = std::min<size_t>(rows.size() - at, 5 * static_cast<size_t>(between(1, 30)));
      sink.write(rows.data() + at, static_cast<int>(count / 5));
      at += count;
    }
    sink.finish();
    EXPECT_TRUE(finished);
    EXPECT_TRUE(sink.settled());
    EXPECT_EQ(arrived, rows);
  }
}

TEST_F(Images, WhatFailsInTheBackgroundIsToldAndAnUnfinishedPictureDiscarded) {
  const std::vector<float> row(5, 0.5F);
  for (int fails = 0; fails < 4; ++fails) {
    std::vector<float> arrived;
    bool finished = false;
    BackgroundSink sink(std::make_unique<RecordingSink>(arrived, finished, fails), 5, 40);
    EXPECT_THROW(
        {
          for (int y = 0; y < 100; ++y) sink.write(row.data(), 1);
          sink.finish();
        },
        Error);
    EXPECT_FALSE(finished);
  }
  std::vector<float> arrived;
  bool finished = false;
  { BackgroundSink(std::make_unique<RecordingSink>(arrived, finished, -1), 5, 40).write(row.data(), 1); }
  EXPECT_FALSE(finished);
}

TEST_F(Images, LosslessFormatsKeepEverySampleAndTheDepth) {
  for (const auto& [name, type] : std::vector<std::pair<std::string, SampleType>>{{"a.png", SampleType::u8},
                                                                                  {"b.png", SampleType::u16},
                                                                                  {"c.tif", SampleType::u8},
                                                                                  {"d.tif", SampleType::u16},
                                                                                  {"e.tif", SampleType::f32}})
    for (const int channels : {1, 2, 3, 4}) {
      const Image image = test::make_picture(between(1, 50), between(1, 50), channels, type);
      write_image(image, folder_ / name);
      const Image back = read_image(folder_ / name);
      EXPECT_EQ(back.info.type, type) << name;
      EXPECT_EQ(back.info.channels, channels) << name;
      EXPECT_EQ(back.samples, image.samples) << name << ", " << channels << " channels";
    }
}

TEST_F(Images, LinearFloatComesBack) {
  Image image = test::make_picture(20, 10, 3, SampleType::f32);
  image.data<float>()[5] = 7.5F;  // brighter than white
  image.info.range.linear = false;
  write_image(image, folder_ / "a.exr");
  const Image once = read_image(folder_ / "a.exr");
  EXPECT_TRUE(once.info.range.linear);
  write_image(once, folder_ / "b.exr");
  const Image twice = read_image(folder_ / "b.exr");
  for (size_t i = 0; i < once.samples.size() / 4; ++i)
    EXPECT_NEAR(once.data<float>()[i], twice.data<float>()[i], 1e-5F);
  for (size_t i = 0; i < once.samples.size() / 4; ++i) EXPECT_LE(once.data<float>()[i], 1.0F);
}

TEST_F(Images, TransparencyIsLaidOverWhiteWhereAFormatHasNone) {
  Image image = test::make_picture(16, 16, 4);
  for (size_t i = 3; i < image.samples.size(); i += 4) image.data<uint8_t>()[i] = 0;
  write_image(image, folder_ / "a.jpg");
  const Image back = read_image(folder_ / "a.jpg");
  EXPECT_EQ(back.info.channels, 3);
  for (size_t i = 0; i < back.samples.size(); ++i) EXPECT_GE(back.data<uint8_t>()[i], 253);
}

TEST_F(Images, DamagedFilesAreNamed) {
  const Image image = test::make_picture(60, 40, 3);
  for (const char* name : {"a.png", "a.jpg", "a.tif"}) {
    write_image(image, folder_ / name);
    const std::vector<uint8_t> bytes = test::read_bytes(folder_ / name);
    EXPECT_EQ(message(folder_ / name), "");
    for (const double share : {0.001, 0.1, 0.5, 0.9}) {
      const auto size = static_cast<ptrdiff_t>(share * static_cast<double>(bytes.size()));
      test::write_bytes(folder_ / name, {bytes.begin(), bytes.begin() + size});
      EXPECT_NE(message(folder_ / name), "") << name << " cut to " << share;
    }
    for (int round = 0; round < 40; ++round) {  // changed bytes may or may not be noticed, but do no harm
      std::vector<uint8_t> changed = bytes;
      for (int i = 0; i < 5; ++i)
        changed[static_cast<size_t>(between(0, static_cast<int>(changed.size()) - 1))] =
            static_cast<uint8_t>(between(0, 255));
      test::write_bytes(folder_ / name, changed);
      message(folder_ / name);
    }
  }
  test::write_bytes(folder_ / "text.png", {'h', 'e', 'l', 'l', 'o'});
  EXPECT_NE(message(folder_ / "text.png"), "");
  EXPECT_NE(message(folder_ / "absent.png"), "");
  EXPECT_NE(message(folder_.path().string()), "");
}

TEST_F(Images, AnUnknownFormatOrAMissingFolderLeavesNothing) {
  const Image image = test::make_picture(8, 8, 3);
  EXPECT_THROW(write_image(image, folder_ / "a.xyz"), Error);
  EXPECT_THROW(write_image(image, folder_ / "absent/a.png"), Error);
  EXPECT_EQ(folder_.files(), 0U);
}

TEST_F(Images, RowsReadOneByOneAreThePicture) {
  const Image image = test::make_picture(33, 27, 3, SampleType::u16);
  write_image(image, folder_ / "a.png");
  const auto source = open_image(folder_ / "a.png", false, 1 << 30);
  EXPECT_FALSE(source->random_access());
  const FloatImage expected = to_float_image(image);
  std::vector<float> rows(source->info().row_samples() * 27);
  for (int y = 0; y < 27;) {
    const int next = std::min(27, y + between(1, 6));
    source->read(y, next, rows.data() + static_cast<size_t>(y) * source->info().row_samples());
    y = next;
  }
  EXPECT_EQ(rows, expected.pixels);
  EXPECT_THROW(open_image(folder_ / "a.png", true, 100), Error);
}

TEST(Bleed, VisiblePixelsStayAndHiddenOnesTakeColoursOfTheirSurroundings) {
  Image image = test::make_picture(37, 23, 4);
  auto* p = image.data<uint8_t>();
  for (int i = 0; i < 37 * 23; ++i) {
    const bool visible = i % 37 < 12;
    p[4 * i] = visible ? 200 : 0;
    p[4 * i + 3] = visible ? 255 : 0;
  }
  const Image before = image;
  bleed_colours(image);
  for (int i = 0; i < 37 * 23; ++i) {
    EXPECT_EQ(image.data<uint8_t>()[4 * i], 200) << i;
    EXPECT_TRUE(i % 37 >= 12 || image.data<uint8_t>()[4 * i + 1] == before.data<uint8_t>()[4 * i + 1]);
    EXPECT_EQ(image.data<uint8_t>()[4 * i + 3], before.data<uint8_t>()[4 * i + 3]);
  }
}

}  // namespace
}  // namespace esrgan
