#include <esrgan/error.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <map>
#include <utility>

#include "base/file.h"
#include "base/half.h"
#include "base/memory.h"
#include "base/platform_control_groups.h"
#include "base/platform_memory.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "cluster/launch.h"
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

Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

Place place_in(std::map<std::string, std::string> variables) {
  return find_place(environment_of(std::move(variables)));
}

TEST(Launch, UnderstandsEveryLauncher) {
  EXPECT_EQ(place_in({}).count, 1);
  const Place torchrun = place_in({{"RANK", "3"},
                                   {"WORLD_SIZE", "8"},
                                   {"LOCAL_RANK", "1"},
                                   {"LOCAL_WORLD_SIZE", "2"},
                                   {"MASTER_ADDR", "head"},
                                   {"MASTER_PORT", "1234"},
                                   {"TORCHELASTIC_USE_AGENT_STORE", "True"}});
  EXPECT_EQ(torchrun.rank, 3);
  EXPECT_EQ(torchrun.count, 8);
  EXPECT_EQ(torchrun.local_rank, 1);
  EXPECT_EQ(torchrun.address, "head");
  EXPECT_EQ(torchrun.port, 1235);  // torchrun itself listens at 1234
  const Place mpi = place_in(
      {{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "0"}});
  EXPECT_EQ(mpi.rank, 1);
  EXPECT_EQ(mpi.count, 2);
  EXPECT_EQ(mpi.local_rank, 0);
  EXPECT_EQ(place_in({{"PMI_RANK", "1"}, {"PMI_SIZE", "4"}}).count, 4);
  const Place slurm = place_in({{"SLURM_PROCID", "2"},
                                {"SLURM_STEP_NUM_TASKS", "4"},
                                {"SLURM_LOCALID", "0"},
                                {"SLURM_STEP_NODELIST", "node[07-09,12]"},
                                {"SLURM_JOB_ID", "5042"}});
  EXPECT_EQ(slurm.rank, 2);
  EXPECT_EQ(slurm.address, "node07");
  EXPECT_EQ(slurm.port, 29542);
  // srun with PMI2 sets both.
  const Place both = place_in({{"SLURM_PROCID", "2"},
                               {"SLURM_STEP_NUM_TASKS", "6"},
                               {"SLURM_STEP_NODELIST", "n[1-2]"},
                               {"SLURM_STEP_TASKS_PER_NODE", "3(x2)"},
                               {"PMI_RANK", "2"},
                               {"PMI_SIZE", "6"}});
  EXPECT_EQ(both.address, "n1");
  EXPECT_EQ(both.local_count, 3);
  // A script of sbatch is told how many tasks the job may have, and is not one of them.
  EXPECT_EQ(place_in({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}}).count, 1);
}

TEST(Launch, RefusesWhatDoesNotFit) {
  EXPECT_THROW(place_in({{"RANK", "2"}, {"WORLD_SIZE", "2"}}), Error);
  EXPECT_THROW(place_in({{"RANK", "x"}, {"WORLD_SIZE", "2"}}), Error);
}

TEST(Launch, FindsTheFirstHost) {
  EXPECT_EQ(first_slurm_host("login1"), "login1");
  EXPECT_EQ(first_slurm_host("a1,a2"), "a1");
  EXPECT_EQ(first_slurm_host("gpu-[3,5-7],x"), "gpu-3");
}

TEST(Launch, FindsTheTaskOfIndependentWork) {
  const auto task_in = [](std::map<std::string, std::string> variables) {
    return find_task(environment_of(std::move(variables)));
  };
  EXPECT_FALSE(task_in({}));
  const auto expect = [](const std::optional<Task>& task, int index, int count) {
    ASSERT_TRUE(task);
    EXPECT_EQ(task->index, index);
    EXPECT_EQ(task->count, count);
  };
  expect(task_in({{"RANK", "3"}, {"WORLD_SIZE", "8"}}), 3, 8);
  expect(task_in({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "2"}}), 0, 2);
  expect(task_in({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}}), 1, 2);
  expect(task_in({{"SLURM_PROCID", "1"}, {"SLURM_STEP_NUM_TASKS", "4"}}), 1, 4);
  // sbatch --array=10-16:3
  expect(task_in({{"SLURM_ARRAY_TASK_ID", "13"},
                  {"SLURM_ARRAY_TASK_COUNT", "3"},
                  {"SLURM_ARRAY_TASK_MIN", "10"},
                  {"SLURM_ARRAY_TASK_STEP", "3"}}),
         1, 3);
  // srun in a script of an array
  expect(task_in({{"SLURM_ARRAY_TASK_ID", "3"},
                  {"SLURM_ARRAY_TASK_COUNT", "4"},
                  {"SLURM_ARRAY_TASK_MIN", "1"},
                  {"SLURM_PROCID", "1"},
                  {"SLURM_STEP_NUM_TASKS", "2"}}),
         5, 8);
  expect(task_in({{"JOB_COMPLETION_INDEX", "5"}}), 5, 0);
  EXPECT_THROW(task_in({{"JOB_COMPLETION_INDEX", "five"}}), Error);
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
                                   if (i == 7) throw Error(ErrorKind::internal, "seven");
                                 }),
               Error);
  std::atomic<int> after{0};
  pool.parallel_for(10, [&](size_t, int) { ++after; });
  EXPECT_EQ(after, 10);
}

TEST(ThreadPool, AThreadThatCannotBeMadeIsAnError) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers need more address space than this leaves";
#endif
  // In a child with so little address space that the stacks of its threads do not fit.
  const auto make_too_many = [] {
    const rlimit little{uint64_t{1} << 30U, uint64_t{1} << 30U};
    setrlimit(RLIMIT_AS, &little);
    try {
      const ThreadPool pool(4096);
    } catch (const Error& error) {
      std::exit(error.expected() == "4095" ? 0 : 2);
    }
    std::exit(1);
  };
  EXPECT_EXIT(make_too_many(), testing::ExitedWithCode(0), "");
}

class ControlGroups : public ::testing::Test {
 protected:
  void write(const std::string& file, const std::string& text) {
    const std::filesystem::path path = folder_.path() / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  test::TemporaryFolder folder_;
};

TEST_F(ControlGroups, TheTightestLimitOfAllGroupsAroundCounts) {
  EXPECT_EQ(control_group_limits(folder_.path()).memory, UINT64_MAX);
  write("proc/self/cgroup", "0::/outer/inner\n");
  write("sys/fs/cgroup/outer/memory.max", "1000000\n");
  write("sys/fs/cgroup/outer/memory.current", "400000\n");
  write("sys/fs/cgroup/outer/inner/memory.max", "max\n");
  write("sys/fs/cgroup/outer/inner/memory.current", "300000\n");
  write("sys/fs/cgroup/outer/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/outer/inner/cpu.max", "150000 100000\n");
  const ControlGroupLimits limits = control_group_limits(folder_.path());
  EXPECT_EQ(limits.memory, 600'000U);
  EXPECT_EQ(limits.processors, 1.5);
}

TEST_F(ControlGroups, NumbersAreTheSameInEveryLocale) {
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/cpu.max", "150000 100000\n");
  write("sys/fs/cgroup/memory.max", "1000000\n");
  write("sys/fs/cgroup/memory.current", "400000\n");
  const test::CommaLocale german;
  if (!german.valid()) GTEST_SKIP() << "localedef or its sources are absent (script/setup test brings them)";
  std::array<char, 8> shown{};
  std::snprintf(shown.data(), shown.size(), "%.1f", 0.5);
  ASSERT_STREQ(shown.data(), "0,5");
  EXPECT_EQ(text_of(1234.5), "1234.5");
  EXPECT_EQ(text_of(1.0 / 3, 4), "0.3333");
  EXPECT_EQ(fixed_text_of(1234.5678, 2), "1234.57");
  EXPECT_EQ(number_of("0.25"), 0.25);
  EXPECT_EQ(number_of(exact_text_of(0.1)), 0.1);
  EXPECT_THROW(number_of("0,25"), Error);
  EXPECT_EQ(format_memory_size(1610612736), "1.5 GiB");
  EXPECT_EQ(parse_memory_size("1.5G", "size"), 1610612736U);
  const ControlGroupLimits limits = control_group_limits(folder_.path());
  EXPECT_EQ(limits.processors, 1.5);
  EXPECT_EQ(limits.memory, 600'000U);
  EXPECT_GT(available_memory(), 1U << 20U);
}

TEST_F(ControlGroups, OfTheFirstVersionAreRead) {
  write("proc/self/cgroup", "7:cpu,cpuacct:/job\n5:memory:/job/step\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "5\n");
  write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "700\n");
  write("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "900\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "400000\n");
  write("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
  const ControlGroupLimits limits = control_group_limits(folder_.path());
  EXPECT_EQ(limits.memory, 0U);
  EXPECT_EQ(limits.processors, 4);
}

TEST(Error, NamesFileExpectedAndFound) {
  const Error error(ErrorKind::bad_data, "a.png", "width", "1", "2");
  EXPECT_EQ(error.kind(), ErrorKind::bad_data);
  EXPECT_STREQ(error.what(), "a.png: width: expected 1, found 2");
}

}  // namespace
}  // namespace esrgan
