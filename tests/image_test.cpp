// Reading and writing pictures.
#include <esrgan/error.h>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/limits.h"
#include "base/memory_sink.h"
#include "base/memory_source.h"
#include "image/background_sink.h"
#include "image/bleed.h"
#include "image/codecs/png_chunks.h"
#include "image/comparison_sheet.h"
#include "image/exif.h"
#include "image/float_image.h"
#include "image/metadata/exif_tree.h"
#include "image/reader.h"
#include "image/text_drawing.h"
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
    if (fails_ >= 0 && rows_.size() > static_cast<size_t>(fails_) * 5)
      throw Error(ErrorKind::io, "disk", "is full");
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
      if (between(0, 3) == 0) {  // its memory is taken, not copied
        std::vector<float> picture(rows.begin() + static_cast<ptrdiff_t>(at),
                                   rows.begin() + static_cast<ptrdiff_t>(at + count));
        sink.write_all(picture, static_cast<int>(count / 5));
        EXPECT_TRUE(picture.empty());
        EXPECT_GE(sink.memory(), count * sizeof(float));
      } else {
        sink.write(rows.data() + at, static_cast<int>(count / 5));
      }
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
    BackgroundSink whole(std::make_unique<RecordingSink>(arrived, finished, fails), 5, 40);
    std::vector<float> picture(100 * 5);
    whole.write_all(picture, 100);
    EXPECT_THROW(whole.finish(), Error);
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
  for (const char* name : {"a.png", "a.jpg", "a.tif", "a.webp", "a.bmp", "a.ppm", "a.pam", "a.pfm"}) {
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

TEST_F(Images, AJpegFileWithoutItsLastScanIsDamagedAndOneWithoutItsEndMarkIsNot) {
  // Gray, 8x8, progressive: the mean in one scan, everything else in another. ITU-T T.81, annex B.
  std::vector<uint8_t> bytes{0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0};
  bytes.insert(bytes.end(), 64, 1);                                                   // quantization
  const std::vector<uint8_t> frame{0xFF, 0xC2, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0};  // size, components
  std::vector<uint8_t> code_of_zero{0xFF, 0xC4, 0, 20, 0, 1};                         // one code, of one bit
  code_of_zero.insert(code_of_zero.end(), 16, 0);                                     // for the value 0
  const std::vector<uint8_t> mean{0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, 0, 0x7F};          // coefficient 0
  const std::vector<uint8_t> others{0xFF, 0xDA, 0, 8, 1, 1, 0, 1, 63, 0, 0x7F};       // and 1 to 63
  const auto add = [&](const std::vector<uint8_t>& part) {
    bytes.insert(bytes.end(), part.begin(), part.end());
  };
  add(frame);
  add(code_of_zero);
  add(mean);
  test::write_bytes(folder_ / "a.jpg", bytes);
  EXPECT_NE(message(folder_ / "a.jpg"), "");
  code_of_zero[4] = 0x10;  // for coefficients other than the first
  add(code_of_zero);
  add(others);
  test::write_bytes(folder_ / "a.jpg", bytes);
  EXPECT_EQ(message(folder_ / "a.jpg"), "");
}

TEST_F(Images, ASmallPngFileUnpacksToBoundedMetadata) {
  const std::vector<uint8_t> zeros(size_t{60} << 20U);
  std::vector<uint8_t> text{'k', 'e', 'y', 0, 1, 0, 0, 0};
  uLongf packed = compressBound(static_cast<uLong>(zeros.size()));
  const size_t head = text.size();
  text.resize(head + packed);
  ASSERT_EQ(compress(text.data() + head, &packed, zeros.data(), static_cast<uLong>(zeros.size())), Z_OK);
  text.resize(head + packed);
  MemorySink sink("hostile");
  sink.write(png::signature);
  for (int i = 0; i < 6; ++i) png::write_chunk(sink, "iTXt", text);
  ImageMetadata metadata;
  uint32_t frames = 0;
  png::read_chunks(MemorySource(sink.bytes()), metadata, frames);
  uint64_t unpacked = 0;
  for (const TextEntry& entry : metadata.texts) unpacked += entry.text.size();
  EXPECT_GE(unpacked, zeros.size());
  EXPECT_LE(unpacked, limits::metadata_total);
}

TEST(Exif, PropertiesOfALongPacketAreAllSet) {  // in a time that grows like the packet
  ImageMetadata metadata;
  constexpr size_t count = 300'000;
  for (size_t i = 0; i < count; ++i)
    metadata.xmp += i % 2 == 0 ? "<a tiff:Orientation=\"6\"/>" : "<tiff:Orientation>10</";
  reset_orientation(metadata, 6);
  EXPECT_EQ(metadata.xmp.find('6'), std::string::npos);
  EXPECT_EQ(metadata.xmp.find("10"), std::string::npos);
  EXPECT_EQ(static_cast<size_t>(std::count(metadata.xmp.begin(), metadata.xmp.end(), '1')), count);
}

TEST(Exif, ABlockHasNoEmptyDirectories) {
  ExifTree tree;
  constexpr uint16_t long8 = 16, tag = 40961;
  constexpr uint64_t too_large = uint64_t{1} << 40U;  // for a number of 32 bits
  tree.image = tree.exif = tree.gps =
      tree.interoperability = {numbers_entry(tag, long8, std::array{too_large})};
  EXPECT_TRUE(write_exif_block(tree).empty());
  tree.gps = {numbers_entry(tag, long8, std::array{uint64_t{7}})};
  const std::vector<uint8_t> block = write_exif_block(tree);
  const auto read = read_exif_tree(MemorySource(block));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->gps.size(), 1U);
  EXPECT_TRUE(read->exif.empty());
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

/// A text on black, so wide that all of it fits.
FloatImage drawn(const std::string& text, int magnification = 1) {
  FloatImage picture((characters_in(text) * glyph_advance + 2) * magnification,
                     (glyph_height + 2) * magnification, 3);
  draw_text(picture, text, magnification, magnification, magnification, 1);
  return picture;
}

TEST(Text, EveryCharacterLooksUnlikeAllOthers) {
  std::map<std::vector<float>, char> seen;
  for (char c = ' '; c <= '~'; ++c) {
    const auto [place, fresh] = seen.emplace(drawn(std::string(1, c)).pixels, c);
    EXPECT_TRUE(fresh) << c << " and " << place->second;
  }
}

TEST(Text, CharactersKeepToTheirCellsAndAreMagnifiedWhole) {
  for (char c = '!'; c <= '~'; ++c) {
    const FloatImage small = drawn(std::string(1, c)), large = drawn(std::string(1, c), 3);
    for (int y = 0; y < small.height; ++y)
      for (int x = 0; x < small.width; ++x) {
        if (x < 1 || x > glyph_width || y < 1 || y > glyph_height) {
          ASSERT_EQ(small.at(x, y, 0), 0) << c;
        }
        ASSERT_EQ(large.at(3 * x, 3 * y, 2), small.at(x, y, 1)) << c;
        ASSERT_EQ(large.at(3 * x + 2, 3 * y + 2, 0), small.at(x, y, 1)) << c;
      }
  }
}

TEST(Text, WhatAsciiHasNotIsAQuestionMarkForEachCharacter) {
  EXPECT_EQ(drawn("a\xC3\xBC\xE6\xBC\xA2z").pixels, drawn("a??z").pixels);
  EXPECT_EQ(drawn("\xFF\n\x7F").pixels, drawn("???").pixels);  // no UTF-8, and controls
  EXPECT_EQ(first_characters("a\xC3\xBCz", 2), "a\xC3\xBC");
}

TEST_F(Images, TextIsCutOffAtTheEdgesOfThePicture) {
  // Sanitizers watch the memory around the picture; here it is another picture's rows.
  const FloatImage whole = drawn("Bgy@", 2);
  for (int round = 0; round < 200; ++round) {
    FloatImage picture(between(1, 40), between(1, 20), between(1, 4));
    const int left = between(-60, 50), top = between(-30, 30);
    draw_text(picture, "Bgy@", left, top, 2, 1);
    for (int y = 0; y < picture.height; ++y)
      for (int x = 0; x < picture.width; ++x) {
        const int from_x = x - left + 2, from_y = y - top + 2;
        const bool within = from_x >= 0 && from_x < whole.width && from_y >= 0 && from_y < whole.height;
        for (int c = 0; c < picture.channels; ++c)
          ASSERT_EQ(picture.at(x, y, c), within ? whole.at(from_x, from_y, 0) : 0.0F);
      }
  }
}

TEST(Sheet, EveryRowBeginsWithTheReferenceAndFailuresAreWritten) {
  const auto tile = [](float value, const std::string& failure = "") {
    SheetTile result{"name", "note", FloatImage(200, 60, 3), failure};
    std::fill(result.picture.pixels.begin(), result.picture.pixels.end(), value);
    if (!failure.empty()) result.picture = {};
    return result;
  };
  std::vector<SheetTile> others;
  for (int i = 0; i < 5; ++i) others.push_back(tile(0.5F + 0.05F * static_cast<float>(i)));
  others.push_back(tile(0, "a reason that is longer than the line and so goes on in the next one"));
  const FloatImage sheet = draw_sheet(tile(0.3F), others);
  const int column = (sheet.width + 8) / 5, row = (sheet.height + 8) / 2;
  EXPECT_EQ(column, 208);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(sheet.at(10, i * row + 10, 1), 0.3F);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(sheet.at(column * (1 + i % 4) + 10, i / 4 * row + 10, 2), 0.5F + 0.05F * static_cast<float>(i));
  int ink = 0;
  for (int y = 0; y < 60; ++y)
    for (int x = 0; x < 200; ++x) ink += sheet.at(2 * column + x, row + y, 0) == 1.0F ? 1 : 0;
  EXPECT_GT(ink, 300);
  EXPECT_EQ(draw_sheet(tile(0.3F), {}).width, 200);
}

}  // namespace
}  // namespace esrgan
