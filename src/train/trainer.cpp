#include "train/trainer.h"

#include <ATen/Parallel.h>
#include <esrgan/error.h>
#include <torch/cuda.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "base/log.h"
#include "base/memory.h"
#include "base/thread_pool.h"
#include "train/learner.h"
#include "train/run_folder.h"
#include "train/validation.h"
#include "weights/safetensors.h"

namespace esrgan::train {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int most_rollbacks = 5;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string text_of(double value, const char* format = "%.9g") {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string duration(double seconds) {
  const auto total = static_cast<int64_t>(seconds);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%d:%02d:%02d", static_cast<int>(total / 3600),
                static_cast<int>(total / 60 % 60), static_cast<int>(total % 60));
  return text.data();
}

torch::Device best_device() {
  return torch::cuda::is_available() ? torch::Device(torch::kCUDA) : torch::Device(torch::kCPU);
}

void set_up_threads(const Recipe& recipe) {
  at::set_num_threads(recipe.threads > 0 ? recipe.threads : available_processors());
}

std::vector<std::string> loss_names(const Recipe& recipe) {
  std::vector<std::string> names{"g_total", "g_norm"};
  if (recipe.losses.pixel_weight > 0) names.emplace_back("g_pixel");
  if (recipe.losses.perceptual.weight > 0) names.emplace_back("g_feature");
  if (recipe.losses.total_variation > 0) names.emplace_back("g_tv");
  if (!recipe.adversarial()) return names;
  for (const char* name : {"g_gan", "d_loss", "d_real", "d_fake"}) names.emplace_back(name);
  if (recipe.losses.gan == GanLoss::wasserstein) names.emplace_back("d_penalty");
  return names;
}

std::vector<std::string> metric_columns(const Recipe& recipe) {
  std::vector<std::string> columns = loss_names(recipe);
  for (const char* name : {"rate", "seconds_per_step", "data_share"}) columns.emplace_back(name);
  return columns;
}

class Run {
 public:
  Run(const Recipe& recipe, const RunOptions& options)
      : recipe_(recipe),
        options_(options),
        folder_(recipe, options.resume),
        maker_(recipe.data, recipe.generator.scale, recipe.seed),
        learner_(recipe, best_device()),
        metrics_(folder_.path() / "metrics.csv", metric_columns(recipe)),
        measures_(folder_.path() / "validation.csv",
                  {"set", "psnr", "ssim", "bicubic_psnr", "bicubic_ssim"}) {
    for (const ValidationRecipe& set : recipe.validation) sets_.emplace_back(set, recipe.generator.scale);
    for (const std::string& name : loss_names(recipe)) sums_[name] = 0;
  }

  bool run() {
    start();
    while (step_ < recipe_.steps && !ended_early_) {
      if (options_.stop != nullptr && options_.stop->load()) {
        save();
        folder_.say("stopped at step " + std::to_string(step_) + "; --resume goes on");
        return false;
      }
      one_step();
    }
    if (saved_ != step_) save();
    folder_.say("done: " + folder_.model("latest").string());
    return true;
  }

 private:
  void start() {
    folder_.say(recipe_.name + ": " + recipe_.generator.summary() + ", " +
                std::to_string(learner_.generator_parameters()) + " parameters; " +
                std::to_string(maker_.pictures()) + " training pictures");
    if (options_.resume) {
      if (const auto checkpoint = newest_checkpoint(folder_.checkpoints())) {
        restore(*checkpoint);
        folder_.say("goes on after step " + std::to_string(step_));
      } else {
        folder_.say("there is no checkpoint yet: starts from the beginning");
      }
    }
    metrics_.start_after(step_);
    measures_.start_after(step_);
    if (step_ == 0) save();  // what the first rollback returns to
    begin_ = Clock::now();
    first_ = step_;
    feed();
  }

  void feed() {
    batches_.reset();
    batches_.emplace(maker_, step_ + skipped_steps_, 0, recipe_.data.batch_size, recipe_.data.workers);
  }

  void one_step() {
    const auto begin = Clock::now();
    const Batch batch = batches_->next();
    waited_ += seconds_since(begin);
    const auto losses = learner_.step(batch, step_);
    busy_ += seconds_since(begin);
    const bool finite = std::all_of(losses.begin(), losses.end(),
                                    [](const auto& loss) { return std::isfinite(loss.second); });
    if (!finite) return roll_back();
    for (const auto& [name, value] : losses) sums_[name] += value;
    ++step_;
    ++summed_;
    if (step_ % recipe_.log_every == 0) log();
    if (!sets_.empty() && (step_ % recipe_.validate_every == 0 || step_ == recipe_.steps)) validate();
    if (step_ % recipe_.checkpoint_every == 0) save();
  }

  /// Returns to the last checkpoint after a loss that is not a number, and goes on with other patches.
  void roll_back() {
    const int64_t failed = step_;
    if (++rollbacks_ > most_rollbacks)
      throw Error(folder_.path().string(),
                  "the losses are not finite, again after " + std::to_string(most_rollbacks) +
                      " returns to a checkpoint (a lower rate or grad_clip may help)");
    const auto checkpoint = newest_checkpoint(folder_.checkpoints());
    if (!checkpoint)
      throw Error(folder_.path().string(), "the losses are not finite and no checkpoint is left");
    const int rollbacks = rollbacks_;
    restore(*checkpoint);
    rollbacks_ = rollbacks;
    skipped_steps_ += failed - step_ + 1;  // past the patches that led there
    metrics_.start_after(step_);
    measures_.start_after(step_);
    folder_.say("step " + std::to_string(failed) + ": a loss is not finite; back to step " +
                std::to_string(step_));
    feed();
  }

  void log() {
    const double share = busy_ > 0 ? waited_ / busy_ : 0,
                 pace = busy_ / static_cast<double>(std::max<int64_t>(1, timed()));
    const double rate = learning_rate(recipe_.schedule, recipe_.optimizer_g.rate, step_ - 1);
    std::vector<std::string> values;
    std::string line = "step " + std::to_string(step_) + "/" + std::to_string(recipe_.steps);
    for (const std::string& name : loss_names(recipe_)) {
      const double mean = sums_[name] / static_cast<double>(summed_);
      values.push_back(text_of(mean));
      line += "  " + name + " " + text_of(mean, "%.4g");
    }
    values.push_back(text_of(rate));
    values.push_back(text_of(pace, "%.4f"));
    values.push_back(text_of(share, "%.4f"));
    metrics_.add(step_, values);
    const double left = seconds_since(begin_) / static_cast<double>(step_ - first_) *
                        static_cast<double>(recipe_.steps - step_);
    folder_.say(line + "  rate " + text_of(rate, "%.3g") + "  " + text_of(pace, "%.3f") + " s/step, data " +
                text_of(100 * share, "%.1f") + " %, left " + duration(left));
    for (auto& [name, sum] : sums_) sum = 0;
    summed_ = 0;
    waited_ = busy_ = 0;
    timed_from_ = step_;
  }

  int64_t timed() const { return step_ - std::max(timed_from_, first_); }

  void write_model(const std::string& name) const {
    StateDict state = learner_.generator();
    state.metadata["esrgan.recipe"] = recipe_.name;
    state.metadata["esrgan.step"] = std::to_string(step_);
    write_safetensors(state, ElementType::f32, folder_.model(name));
  }

  void validate() {
    write_model("latest");
    double first_psnr = 0;
    for (size_t i = 0; i < sets_.size(); ++i) {
      const ValidationResult r = sets_[i].measure(folder_.model("latest"), folder_.sample(r_name(i)));
      if (i == 0) first_psnr = r.ours.psnr;
      measures_.add(step_, {r.name, text_of(r.ours.psnr, "%.4f"), text_of(r.ours.ssim, "%.5f"),
                            text_of(r.bicubic.psnr, "%.4f"), text_of(r.bicubic.ssim, "%.5f")});
      folder_.say("step " + std::to_string(step_) + "  " + r.name + ": Y-PSNR " +
                  text_of(r.ours.psnr, "%.2f") + " dB, SSIM " + text_of(r.ours.ssim, "%.4f") + "  (bicubic " +
                  text_of(r.bicubic.psnr, "%.2f") + " dB, " + text_of(r.bicubic.ssim, "%.4f") + ")");
    }
    if (first_psnr > best_) {
      best_ = first_psnr;
      without_gain_ = 0;
      write_model("best");
    } else if (++without_gain_ == recipe_.patience) {
      folder_.say("no gain in " + std::to_string(recipe_.patience) + " validations: the run ends here");
      ended_early_ = true;
    }
  }

  std::string r_name(size_t set) const {
    return recipe_.validation[set].name + "_" + checkpoint_name("", step_).stem().string();
  }

  void save() {
    Checkpoint checkpoint;
    checkpoint.step = step_;
    learner_.save(checkpoint);
    checkpoint.numbers["skipped_steps"] = std::to_string(skipped_steps_);
    checkpoint.numbers["rollbacks"] = std::to_string(rollbacks_);
    checkpoint.numbers["without_gain"] = std::to_string(without_gain_);
    checkpoint.numbers["best"] = hex_text(best_);
    checkpoint.numbers["summed"] = std::to_string(summed_);
    for (const auto& [name, sum] : sums_) checkpoint.numbers["sum." + name] = hex_text(sum);
    checkpoint.save(checkpoint_name(folder_.checkpoints(), step_));
    write_model("latest");
    saved_ = step_;
    auto old = list_checkpoints(folder_.checkpoints());
    while (old.size() > static_cast<size_t>(recipe_.checkpoints_kept)) {
      std::filesystem::remove(old.begin()->second);
      old.erase(old.begin());
    }
  }

  void restore(const Checkpoint& checkpoint) {
    learner_.load(checkpoint);
    step_ = saved_ = checkpoint.step;
    const auto number = [&](const std::string& name) { return std::stoll(checkpoint.numbers.at(name)); };
    skipped_steps_ = number("skipped_steps");
    rollbacks_ = static_cast<int>(number("rollbacks"));
    without_gain_ = static_cast<int>(number("without_gain"));
    best_ = from_hex_text(checkpoint.numbers.at("best"));
    summed_ = number("summed");
    for (auto& [name, sum] : sums_) sum = from_hex_text(checkpoint.numbers.at("sum." + name));
  }

  Recipe recipe_;
  RunOptions options_;
  RunFolder folder_;
  BatchMaker maker_;
  Learner learner_;
  CsvLog metrics_, measures_;
  std::vector<ValidationSet> sets_;
  std::optional<Prefetcher> batches_;

  int64_t step_ = 0, saved_ = -1, skipped_steps_ = 0;
  int rollbacks_ = 0, without_gain_ = 0;
  bool ended_early_ = false;
  double best_ = 0;  // Y-PSNR of the first validation set

  std::map<std::string, double> sums_;  // of the losses since the last line
  int64_t summed_ = 0;
  double waited_ = 0, busy_ = 0;  // seconds since the last line
  int64_t timed_from_ = 0, first_ = 0;
  Clock::time_point begin_;
};

}  // namespace

bool train(const Recipe& recipe, const RunOptions& options) {
  set_up_threads(recipe);
  try {
    return Run(recipe, options).run();
  } catch (const c10::Error& error) {
    throw Error("", std::string("LibTorch: ") + error.what_without_backtrace());
  }
}

void dry_run(const Recipe& recipe) {
  set_up_threads(recipe);
  std::cout << recipe.resolved << '\n' << "# " << recipe.generator.summary() << '\n';
  const BatchMaker maker(recipe.data, recipe.generator.scale, recipe.seed);
  Learner learner(recipe, best_device());
  std::cout << "# generator: " << learner.generator_parameters() << " parameters";
  if (learner.discriminator_parameters() > 0)
    std::cout << "; discriminator: " << learner.discriminator_parameters();
  const Batch batch = maker.make(0, 0, recipe.data.batch_size);
  std::cout << "\n# " << maker.pictures() << " training pictures; first batch: LR " << batch.count << "x3x"
            << batch.lr_size << 'x' << batch.lr_size << ", HR " << batch.count << "x3x" << batch.hr_size
            << 'x' << batch.hr_size << '\n';
  const uint64_t before = resident_memory();
  learner.step(batch, 0);
  std::cout << "# memory: one step had " << format_memory_size(peak_resident_memory() - before)
            << " beside the networks' " << format_memory_size(before) << std::endl;
}

}  // namespace esrgan::train
