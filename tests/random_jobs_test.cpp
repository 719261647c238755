// Plans for folders and files at random.
#include "jobs_fixture.h"

namespace esrgan::cli {
namespace {

/// Folders and files at random, with links of all kinds among them.
class RandomJobs : public Jobs {
 protected:
  std::string any(const std::vector<std::string>& of) {
    return of[static_cast<size_t>(between(0, static_cast<int>(of.size()) - 1))];
  }

  std::string random_path(int depth) {
    std::string path = "tree";
    for (int i = between(0, depth); i > 0; --i) path += "/" + any({"p", "q", ".h", "out"});
    return path + "/" + any({"a", "b", "c"}) + any({"", "_s", "_s_s"}) +
           any({".png", ".jpg", ".gif", ".txt"});
  }

  void grow() {
    fs::remove_all("tree");
    fs::remove_all("tree_s");
    fs::create_directory("tree");
    make({"elsewhere/a.png", "elsewhere/deep/b.png"});
    for (int i = between(1, 12); i > 0; --i) make(fs::path(random_path(2)));
    for (int i = between(0, 6); i > 0; --i) {
      const fs::path link = random_path(2);
      fs::create_directories(link.parent_path());
      const std::string target = any({random_path(2), "elsewhere/a.png", "elsewhere", "tree", "nowhere.png"});
      std::error_code taken;
      fs::create_symlink(fs::absolute(target), link, taken);
    }
  }

  JobRequest any_request() {
    JobRequest made = request({"tree"}, any({"", "out", "tree", "tree/out", "tree/p", "tree/out/../q"}));
    if (between(0, 2) == 0) made.inputs.emplace_back(any({"tree/p", "tree/.", "elsewhere", "tree_s"}));
    made.suffix = "_s";
    made.suffix_always = between(0, 1) == 0;
    made.recursive = between(0, 3) > 0;
    made.format = any({"", "", "png", "jpg"});
    made.name = any({"", "", "", "{name}-{ext}", "same"});
    return made;
  }
};

TEST_F(RandomJobs, StayInTheFolderOfTheOutputsAndSpareTheInputs) {
  for (int round = 0; round < 100; ++round) {
    grow();
    const JobRequest request = any_request();
    const Plan plan = plan_jobs(request);
    std::set<std::string> outputs;
    for (const FileJob& job : plan.jobs) {
      std::set<std::string> roots;
      for (const std::string& input : request.inputs) roots.insert(output_folder(request, input));
      EXPECT_TRUE(std::any_of(roots.begin(), roots.end(), [&](const std::string& root) {
        const fs::path from = fs::path(job.output).lexically_relative(root);
        return !from.empty() && *from.begin() != "..";
      })) << job.output;
      EXPECT_TRUE(outputs.insert(fs::weakly_canonical(job.output)).second) << job.output;
      EXPECT_TRUE(fs::is_regular_file(job.input));
    }
    for (const FileJob& job : plan.jobs)
      EXPECT_FALSE(outputs.contains(fs::canonical(job.input))) << job.input << " is an output";
  }
}

TEST_F(RandomJobs, AreNoMoreWhenRunAgain) {
  for (int round = 0; round < 100; ++round) {
    grow();
    fs::remove_all("out");
    const JobRequest request = any_request();
    const Plan first = plan_jobs(request);
    std::error_code blocked;
    for (const FileJob& job : first.jobs) {
      fs::create_directories(fs::path(job.output).parent_path(), blocked);
      if (!fs::exists(fs::symlink_status(job.output))) std::ofstream(job.output) << "large";
    }
    for (const FileJob& job : plan_jobs(request).jobs)
      EXPECT_TRUE(std::any_of(first.jobs.begin(), first.jobs.end(),
                              [&](const FileJob& known) {
                                return fs::path(known.output).lexically_normal() ==
                                       fs::path(job.output).lexically_normal();
                              }))
          << job.input << " -> " << job.output;
  }
}

}  // namespace
}  // namespace esrgan::cli
