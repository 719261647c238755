// Places without measurements: filled for networks, and back where they were.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "image/gaps.h"
#include "image/samples.h"
#include "support.h"

namespace esrgan {
namespace {

constexpr float gap = std::numeric_limits<float>::quiet_NaN();

/// Serves the rows of another in order only.
class InOrder : public RowSource {
 public:
  explicit InOrder(std::unique_ptr<RowSource> source) : source_(std::move(source)) {}
  const ImageInfo& info() const override { return source_->info(); }
  bool random_access() const override { return false; }
  size_t memory() const override { return 0; }
  void read(int begin, int end, float* out) override {
    EXPECT_EQ(begin, next_);
    next_ = end;
    source_->read(begin, end, out);
  }

 private:
  std::unique_ptr<RowSource> source_;
  int next_ = 0;
};

class GapsTest : public test::RandomTest {
 protected:
  Image picture_with_gaps(int width, int height, int channels, double share) {
    Image image;
    image.info.width = width;
    image.info.height = height;
    image.info.channels = channels;
    image.info.bands = channels;
    image.info.type = SampleType::f32;
    image.info.no_data.emplace().value = gap;
    image.samples.resize(image.info.bytes());
    for (size_t i = 0; i < image.samples.size() / sizeof(float); ++i)
      image.data<float>()[i] = real(0, 1) < share ? gap : real(0, 1);
    return image;
  }

  static std::vector<float> rows_of(RowSource& source) {
    std::vector<float> rows(source.info().row_samples() * static_cast<size_t>(source.info().height));
    for (int y = 0; y < source.info().height; ++y)
      source.read(y, y + 1, rows.data() + static_cast<size_t>(y) * source.info().row_samples());
    return rows;
  }
};

TEST_F(GapsTest, AreFilledFromTheNearestMeasurement) {
  for (const double share : {0.02, 0.5, 0.97}) {
    const int width = between(1, 40), height = between(1, 50), channels = between(1, 3);
    const auto image = std::make_shared<Image>(picture_with_gaps(width, height, channels, share));
    auto [source, gaps] = fill_gaps(std::make_unique<InOrder>(make_source(image)));
    const std::vector<float> filled = rows_of(*source);
    const float* const stored = image->data<float>();
    const auto at = [&](int x, int y, int c) { return static_cast<size_t>((y * width + x) * channels + c); };
    ASSERT_NE(gaps, nullptr);
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        for (int c = 0; c < channels; ++c) {
          const std::vector<bool> row = gaps->row(y);
          const bool is_gap = std::isnan(stored[at(x, y, c)]);
          ASSERT_EQ(is_gap, !row.empty() && row[static_cast<size_t>(x * channels + c)]);
          const float found = filled[at(x, y, c)];
          ASSERT_TRUE(std::isfinite(found));
          if (!is_gap) {
            ASSERT_EQ(found, stored[at(x, y, c)]);
            continue;
          }
          int nearest = std::numeric_limits<int>::max(), of_found = nearest;
          for (int v = std::max(0, y - 16); v <= std::min(height - 1, y + 16); ++v)
            for (int u = 0; u < width; ++u) {
              const int distance = (u - x) * (u - x) + (v - y) * (v - y);
              if (std::isnan(stored[at(u, v, c)])) continue;
              nearest = std::min(nearest, distance);
              if (stored[at(u, v, c)] == found) of_found = std::min(of_found, distance);
            }
          ASSERT_EQ(of_found, nearest);
        }
    // In any order it is the same.
    auto [whole, others] = fill_gaps(make_source(image));
    EXPECT_EQ(rows_of(*whole), filled);
  }
}

TEST_F(GapsTest, AreSquaresOfTheEnlargedPicture) {
  for (const auto& [across, down] : {std::pair{2, 2}, {4, 4}, {3, 1}}) {
    const int width = between(1, 20), height = between(1, 20), channels = between(1, 3);
    const auto image = std::make_shared<Image>(picture_with_gaps(width, height, channels, 0.3));
    auto [source, gaps] = fill_gaps(std::make_unique<InOrder>(make_source(image)));
    rows_of(*source);
    Image result{image->info, {}};
    result.info.width *= across;
    result.info.height *= down;
    const auto sink = make_gap_sink(result.info, gaps, make_sink(result));
    const std::vector<float> rows(result.info.row_samples() * static_cast<size_t>(result.info.height), 0.25F);
    sink->write(rows.data(), 1);
    sink->write(rows.data() + result.info.row_samples(), result.info.height - 1);
    sink->finish();
    for (int y = 0; y < result.info.height; ++y)
      for (int x = 0; x < result.info.width; ++x)
        for (int c = 0; c < channels; ++c) {
          const float was = image->data<float>()[((y / down) * width + x / across) * channels + c];
          const float is = result.data<float>()[(y * result.info.width + x) * channels + c];
          ASSERT_EQ(std::isnan(was), std::isnan(is)) << x << ", " << y;
          if (!std::isnan(is)) {
            ASSERT_EQ(is, 0.25F);
          }
        }
  }
}

TEST_F(GapsTest, OtherNumbersAreNeverTakenForOne) {
  for (const double none : {0.0, 7.0, 255.0}) {
    std::vector<float> row;
    for (int i = 0; i < 256; ++i) row.push_back(static_cast<float>(i) / 255);
    row.push_back(gap);
    std::vector<std::byte> packed(row.size());
    pack_samples(row.data(), row.size(), SampleType::u8, packed.data());
    pack_gaps(row.data(), row.size(), SampleType::u8, {none, none, none}, packed.data());
    for (size_t i = 0; i < 256; ++i) {
      const double stored = std::to_integer<int>(packed[i]);
      EXPECT_NE(stored, none);
      EXPECT_LE(std::abs(stored - static_cast<double>(i)), static_cast<double>(i) == none ? 1 : 0);
    }
    EXPECT_EQ(std::to_integer<int>(packed[256]), none);
  }
}

TEST_F(GapsTest, APictureWithoutThemIsLeftAlone) {
  const auto image = std::make_shared<Image>(picture_with_gaps(9, 9, 1, 0));
  EXPECT_EQ(fill_gaps(make_source(image)).gaps, nullptr);
}

}  // namespace
}  // namespace esrgan
