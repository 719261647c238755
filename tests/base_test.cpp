#include <esrgan/error.h>

#include <atomic>
#include <cmath>

#include "base/file.h"
#include "base/half.h"
#include "base/memory.h"
#include "base/thread_pool.h"
#include "support.h"

namespace esrgan {
namespace {

TEST(Half, EveryValueSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = float_from_half(half);
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(float_from_half(half_from_float(value))));
    else
      EXPECT_EQ(half_from_float(value), half) << value;
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(half_from_float(1 + 0x1p-11F), 0x3C00);      // half way, down to even
  EXPECT_EQ(half_from_float(1 + 3 * 0x1p-11F), 0x3C02);  // half way, up to even
  EXPECT_EQ(half_from_float(1 + 0x1.1p-11F), 0x3C01);    // above half way
  EXPECT_EQ(half_from_float(65519.0F), 0x7BFF);          // the largest
  EXPECT_EQ(half_from_float(65520.0F), 0x7C00);          // infinity
  EXPECT_EQ(half_from_float(0x1p-25F), 0x0000);          // half of the smallest subnormal
  EXPECT_EQ(half_from_float(0x1.8p-25F), 0x0001);
}

TEST(MemorySize, ReadsWhatPeopleWrite) {
  EXPECT_EQ(parse_memory_size("1G", "--max-memory"), uint64_t{1} << 30U);
  EXPECT_EQ(parse_memory_size("1.5GiB", ""), uint64_t{3} << 29U);
  EXPECT_EQ(parse_memory_size("800m", ""), uint64_t{800} << 20U);
  EXPECT_EQ(parse_memory_size("4096", ""), 4096U);
  for (const char* wrong : {"", "G", "-1G", "1X", "1Gbit", "nan", "1e30G"})
    EXPECT_THROW(parse_memory_size(wrong, "--max-memory"), Error) << wrong;
}

TEST(AtomicFile, WithoutCommitNothingRemains) {
  const test::TemporaryFolder folder;
  write_file(folder / "kept", std::vector<uint8_t>{1, 2, 3});
  {
    const AtomicFile file(folder / "kept");
    std::ofstream(file.temporary()) << "half a file";
    EXPECT_EQ(folder.files(), 2U);
  }
  EXPECT_EQ(folder.files(), 1U);
  EXPECT_EQ(test::read_bytes(folder / "kept"), (std::vector<uint8_t>{1, 2, 3}));
  EXPECT_THROW(AtomicFile(folder / "absent/file"), Error);
}

TEST(ThreadPool, VisitsEveryIndexOnceAndPassesOnExceptions) {
  ThreadPool pool(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::atomic<int>> visits(97);
    pool.parallel_for(visits.size(), [&](size_t i, int worker) {
      ASSERT_LT(worker, pool.size());
      ++visits[i];
    });
    for (const auto& count : visits) ASSERT_EQ(count, 1);
  }
  EXPECT_THROW(pool.parallel_for(50,
                                 [](size_t i, int) {
                                   if (i == 7) throw Error("seven");
                                 }),
               Error);
  std::atomic<int> after{0};
  pool.parallel_for(10, [&](size_t, int) { ++after; });
  EXPECT_EQ(after, 10);
}

TEST(Error, NamesFileExpectedAndFound) {
  const Error error("a.png", "width", "1", "2");
  EXPECT_STREQ(error.what(), "a.png: width: expected 1, found 2");
}

}  // namespace
}  // namespace esrgan
