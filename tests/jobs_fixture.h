// Plans for files in a folder of their own.
#pragma once

#include <esrgan/error.h>

#include <algorithm>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/jobs.h"
#include "support.h"

namespace esrgan::cli {

namespace fs = std::filesystem;

inline bool says(const std::string& text, const std::string& piece) {
  return text.find(piece) != std::string::npos;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Strings = std::vector<std::string>;

/// Plans in a folder of its own, which is the working folder meanwhile.
class Jobs : public test::RandomTest {
 protected:
  Jobs() : before_(fs::current_path()) {
    fs::create_directory(folder_.path() / "photos");
    fs::current_path(folder_.path());
  }
  ~Jobs() override { fs::current_path(before_); }

  static void make(const fs::path& file) {
    if (file.has_parent_path()) fs::create_directories(file.parent_path());
    std::ofstream(file) << "not looked at";
  }
  static void make(std::initializer_list<const char*> files) {
    for (const char* file : files) make(fs::path(file));
  }
  static JobRequest request(std::vector<std::string> inputs, const std::string& output = "") {
    JobRequest result;
    result.inputs = std::move(inputs);
    result.output = output;
    result.suffix = "_x4";
    return result;
  }
  static Pairs pairs(const Plan& plan) {
    Pairs result;
    for (const FileJob& job : plan.jobs)
      result.emplace_back(fs::path(job.input).lexically_normal(), fs::path(job.output).lexically_normal());
    return result;
  }
  static Pairs planned(const JobRequest& request) {
    const Plan plan = plan_jobs(request);
    EXPECT_EQ(failures(plan), Pairs());
    return pairs(plan);
  }
  static Pairs failures(const Plan& plan) {
    Pairs result;
    for (const FailedInput& input : plan.failed) result.emplace_back(input.input, input.reason);
    return result;
  }
  /// The inputs, and a piece of each reason.
  static void expect_failures(const Plan& plan, const Pairs& expected) {
    ASSERT_EQ(plan.failed.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(plan.failed[i].input, expected[i].first);
      EXPECT_PRED2(says, plan.failed[i].reason, expected[i].second);
    }
  }
  static std::string refusal(const JobRequest& request) {
    try {
      plan_jobs(request);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
      return error.what();
    }
    return "not refused";
  }
  /// As if the plan had been carried out.
  static void carry_out(const Plan& plan) {
    for (const FileJob& job : plan.jobs) make(fs::path(job.output));
  }

  test::TemporaryFolder folder_;

 private:
  fs::path before_;
};

}  // namespace esrgan::cli
