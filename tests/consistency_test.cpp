// Numbers that are enlarged stay what they are.
#include <algorithm>
#include <array>
#include <cmath>

#include "image/consistency.h"
#include "image/resize.h"
#include "support.h"

namespace esrgan {
namespace {

using test::RandomTest;

class ConsistencyTest : public RandomTest {
 protected:
  /// What becomes of numbers when a network adds noise to the plain enlargement.
  FloatImage enlarged(const FloatImage& numbers, int scale, float noise, float quantum, int rows_at_once,
                      const std::vector<std::array<float, 2>>& limits = {}) {
    FloatImage made = resize_bicubic(numbers, scale, SampleType::f32);
    for (float& value : made.pixels) value += real(-noise, noise);
    auto image = std::make_shared<Image>(from_float_image(numbers, SampleType::f32, {}));
    const auto passed = std::make_shared<PassedRows>();
    const auto source = make_passing_source(make_source(image), passed);
    std::vector<float> row(image->info.row_samples());
    Image result{image->info, {}};
    result.info.width *= scale;
    result.info.height *= scale;
    result.samples.resize(result.info.bytes());
    const auto sink = make_consistent_sink(
        result.info, scale, passed,
        {std::vector<float>(static_cast<size_t>(numbers.channels), quantum), limits}, make_sink(result));
    int read = 0;
    for (int y = 0; y < made.height; y += rows_at_once) {
      const int end = std::min(made.height, y + rows_at_once);
      for (; read < std::min(numbers.height, (end + scale - 1) / scale + 4); ++read)
        source->read(read, read + 1, row.data());
      sink->write(made.row(y), end - y);
    }
    sink->finish();
    return to_float_image(result);
  }

  static float mean_of_block(const FloatImage& picture, int x, int y, int c, int scale) {
    double sum = 0;
    for (int py = 0; py < scale; ++py)
      for (int px = 0; px < scale; ++px)
        sum += static_cast<double>(picture.at(x * scale + px, y * scale + py, c));
    return static_cast<float>(sum / (scale * scale));
  }
};

TEST_F(ConsistencyTest, TheMeanOfABlockIsTheNumber) {
  for (const int scale : {2, 3, 4})
    for (const int channels : {1, 3}) {
      FloatImage numbers(between(1, 40), between(1, 30), channels);
      numbers.pixels = reals(numbers.pixels.size(), -1, 2);
      const FloatImage found = enlarged(numbers, scale, 0.1F, 0, between(1, 50));
      ASSERT_EQ(found.width, numbers.width * scale);
      for (int y = 0; y < numbers.height; ++y)
        for (int x = 0; x < numbers.width; ++x)
          for (int c = 0; c < channels; ++c)
            ASSERT_NEAR(mean_of_block(found, x, y, c, scale), numbers.at(x, y, c), 2e-6)
                << scale << ", " << numbers.width << "x" << numbers.height;
    }
}

TEST_F(ConsistencyTest, WhatIsCutOffGoesToTheOthersOfItsBlock) {
  for (const int scale : {2, 4}) {
    FloatImage numbers(between(5, 40), between(5, 30), 3);
    for (float& value : numbers.pixels) value = static_cast<float>(between(0, 8)) / 8;
    const std::vector<std::array<float, 2>> limits(3, {0, 1});
    const FloatImage found = enlarged(numbers, scale, 0.3F, 0, between(1, 50), limits);
    for (const float value : found.pixels) ASSERT_TRUE(0 <= value && value <= 1) << value;
    for (int y = 0; y < numbers.height; ++y)
      for (int x = 0; x < numbers.width; ++x)
        for (int c = 0; c < 3; ++c)
          ASSERT_NEAR(mean_of_block(found, x, y, c, scale), numbers.at(x, y, c), 5e-6F);
  }
}

TEST_F(ConsistencyTest, RampsAreStraightToTheEdgesWhateverANetworkAdds) {
  for (const int scale : {2, 4}) {
    FloatImage numbers(30, 20, 1);
    const float across = real(-0.02F, 0.02F), down = real(-0.02F, 0.02F);
    for (int y = 0; y < 20; ++y)
      for (int x = 0; x < 30; ++x)
        numbers.at(x, y, 0) = 0.5F + across * static_cast<float>(x) + down * static_cast<float>(y);
    const FloatImage found = enlarged(numbers, scale, 0.2F, 1e-6F, 8);
    for (int y = 0; y < found.height; ++y)
      for (int x = 0; x < found.width; ++x) {
        const float u = (static_cast<float>(x) + 0.5F) / static_cast<float>(scale) - 0.5F,
                    v = (static_cast<float>(y) + 0.5F) / static_cast<float>(scale) - 0.5F;
        ASSERT_NEAR(found.at(x, y, 0), 0.5F + across * u + down * v, 5e-6F) << x << ", " << y;
      }
  }
}

/// Steps of whole numbers in a gentle slope are rounding, not structure.
TEST_F(ConsistencyTest, ARoundedRampGetsNoStructure) {
  constexpr float unit = 1.0F / 4096;
  FloatImage numbers(64, 16, 1);
  for (int y = 0; y < 16; ++y)
    for (int x = 0; x < 64; ++x)
      numbers.at(x, y, 0) = unit * static_cast<float>(std::lround(100 + 0.3 * x + 0.1 * y));
  const FloatImage found = enlarged(numbers, 4, 0.1F, unit, 16);
  for (int y = 0; y < found.height; ++y)
    for (int x = 0; x < found.width; ++x)
      ASSERT_NEAR(found.at(x, y, 0) / unit, 100 + 0.3 * ((x + 0.5) / 4 - 0.5) + 0.1 * ((y + 0.5) / 4 - 0.5),
                  1.5);  // rounding, where it adds up
}

TEST_F(ConsistencyTest, EdgesKeepWhatTheNetworkMakesOfThem) {
  FloatImage numbers(24, 24, 1);
  for (int y = 0; y < 24; ++y)
    for (int x = 0; x < 24; ++x) numbers.at(x, y, 0) = x < 12 ? 0.2F : 0.8F;
  const FloatImage plain = enlarged(numbers, 4, 0, 0, 8), sharp = enlarged(numbers, 4, 0.1F, 0, 8);
  double difference = 0;
  for (int y = 0; y < plain.height; ++y)
    for (int x = 40; x < 56; ++x)
      difference = std::max(difference, std::abs(static_cast<double>(plain.at(x, y, 0) - sharp.at(x, y, 0))));
  EXPECT_GT(difference, 0.05);
}

}  // namespace
}  // namespace esrgan
