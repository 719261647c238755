#include "train/run/trainer.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <sstream>

#include "base/text.h"
#include "train/data/prefetcher.h"
#include "train/networks/convolution.h"
#include "train/run/evaluator.h"
#include "train/run/journal.h"
#include "train/run/surroundings.h"
#include "train/schemes/scheme.h"
#include "weights/safetensors.h"

namespace esrgan::train {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int most_rollbacks = 5, checkpoints_until_forgotten = 3;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Of a loss, over the steps that had it.
struct LossMean {
  double sum = 0;
  int64_t count = 0;

  void add(double value) {
    sum += value;
    ++count;
  }
  double mean() const { return sum / static_cast<double>(count); }
};

class Run {
 public:
  Run(const Recipe& recipe, const RunOptions& options, const Place& place)
      : recipe_(recipe),
        options_(options),
        device_(best_device(place)),
        ranks_(place, device_),
        source_(open_pictures(recipe, place, ranks_)),
        scheme_(make_scheme(recipe, device_, ranks_)),
        share_(recipe, ranks_) {
    compare_recipes(recipe, ranks_);
    if (!ranks_.first()) return;
    Metrics metrics;
    std::vector<std::string> names;
    for (const MakeMetric& make : recipe.measuring.metrics) {
      metrics.push_back(make());
      names.push_back(metrics.back()->name());
    }
    const std::string best =
        recipe.measuring.best == "usual" && scheme_->is_faithful() ? "psnr" : recipe.measuring.best;
    deciding_ = static_cast<size_t>(std::find(names.begin(), names.end(), best) - names.begin());
    if (deciding_ < metrics.size()) deciding_metric_ = metrics[deciding_];
    journal_.emplace(recipe, scheme_->loss_names(), names, resumes());
    for (const ValidationRecipe& set : recipe.validation)
      sets_.emplace_back(set, recipe.generator.scale, recipe.generator.frames, metrics);
  }

  bool run() {
    start();
    while (step_ < recipe_.steps && !ended_early_) {
      one_step();
      if (stopped_ && step_ < recipe_.steps) {
        if (saved_ != step_) save();
        say("stopped at step " + std::to_string(step_) + "; --resume goes on");
        return false;
      }
    }
    if (saved_ != step_) save();
    if (journal_) {
      journal_->report();
      say("done: " + journal_->folder().model("latest").string() + "; " +
          (journal_->folder().path() / "report.html").string());
    }
    return true;
  }

 private:
  bool resumes() const { return options_.resume != RunOptions::Resume::no; }

  void say(const std::string& text) {
    if (journal_) journal_->folder().say(text);
  }

  void start() {
    say(recipe_.name + ": " + recipe_.generator.summary() + ", " +
        std::to_string(scheme_->networks().front()->parameters()) + " parameters; " +
        std::to_string(source_->pictures()) + " training pictures; " + describe_device());
    if (resumes() && journal_) {
      if (const auto checkpoint = newest_checkpoint(journal_->folder().checkpoints())) {
        restore(*checkpoint);
        say("goes on after step " + std::to_string(step_));
        if (checkpoint->number("pictures") != std::to_string(source_->fingerprint()))
          say("the pictures are not those of before: patches come in another order");
      } else {
        say("there is no checkpoint yet: starts from the beginning");
      }
    }
    synchronise();
    if (journal_) journal_->start_after(step_);
    if (step_ == 0) save();  // what the first rollback returns to
    begin_ = Clock::now();
    first_ = timed_from_ = step_;
    feed();
  }

  std::string describe_device() const {
    std::string text = device_.is_cuda() ? "GPU" : std::to_string(at::get_num_threads()) + " threads";
    if (device_.is_cpu() && recipe_.arithmetic == Arithmetic::bfloat16)
      text += std::string(", ") + training_kernels_name() + " kernels";
    return ranks_.alone() ? text : std::to_string(ranks_.count()) + " processes of " + text;
  }

  /// Makes the state of all processes that of the first.
  void synchronise() {
    if (ranks_.alone()) return;
    for (TrainedNetwork* network : scheme_->networks()) network->synchronise();
    const torch::Tensor numbers =
        torch::tensor({step_, skipped_steps_, int64_t{rollbacks_}, int64_t{ended_early_ ? 1 : 0}});
    ranks_.broadcast(numbers);
    const auto number = [&](int64_t i) { return numbers[i].item<int64_t>(); };
    step_ = number(0);
    skipped_steps_ = number(1);
    rollbacks_ = static_cast<int>(number(2));
    ended_early_ = number(3) != 0;
  }

  void feed() {
    batches_.reset();
    batches_.emplace(*source_, step_ + skipped_steps_, share_.first, share_.count, recipe_.data.workers);
  }

  void one_step() {
    const auto begin = Clock::now();
    const Batch batch = batches_->next();
    waited_ += seconds_since(begin);
    auto losses = scheme_->step(batch, step_);
    stopped_ = options_.stop.stop_requested();
    agree(losses);
    busy_ += seconds_since(begin);
    const bool finite = std::all_of(losses.begin(), losses.end(),
                                    [](const auto& loss) { return std::isfinite(loss.second); });
    if (!finite) return roll_back();
    for (const auto& [name, value] : losses) sums_[name].add(value);
    ++step_;
    if (step_ % recipe_.log_every == 0) log();
    if (step_ % recipe_.validate_every == 0 || step_ == recipe_.steps) validate();
    if (step_ % recipe_.checkpoint_every == 0) save();
  }

  /// The losses become those of the whole batch; a stop that one process was asked for becomes everyone's. A
  /// loss that some processes lack is the mean of the others.
  void agree(std::map<std::string, double>& losses) {
    if (ranks_.alone()) return;
    std::vector<double> values{stopped_ ? 1.0 : 0.0};
    for (const std::string& name : scheme_->loss_names()) {
      const auto found = losses.find(name);
      values.push_back(found != losses.end() ? found->second : 0);
      values.push_back(found != losses.end() ? 1 : 0);
    }
    const torch::Tensor tensor = torch::tensor(values, torch::kDouble);
    ranks_.mean(tensor);
    stopped_ = tensor[0].item<double>() > 0;
    losses.clear();
    int64_t next = 1;
    for (const std::string& name : scheme_->loss_names()) {
      const auto sum = tensor[next++].item<double>(), share = tensor[next++].item<double>();
      if (share > 0) losses[name] = sum / share;
    }
  }

  /// Returns to the last checkpoint after a loss that is not a number, and goes on with other patches.
  void roll_back() {
    const int64_t failed = step_;
    good_checkpoints_ = 0;
    if (++rollbacks_ > most_rollbacks)
      throw Error(ErrorKind::bad_data, "",
                  recipe_.name + ": the losses are not finite, again after " +
                      std::to_string(most_rollbacks) +
                      " returns to a checkpoint (a lower rate or grad_clip may help)");
    if (journal_) {
      const auto checkpoint = newest_checkpoint(journal_->folder().checkpoints());
      if (!checkpoint)
        throw Error(ErrorKind::bad_data, journal_->folder().path().string(),
                    "the losses are not finite and no checkpoint is left");
      const int rollbacks = rollbacks_;
      const int64_t skipped = skipped_steps_;
      restore(*checkpoint);
      rollbacks_ = rollbacks;
      skipped_steps_ = skipped + failed - step_ + 1;  // past the patches that led there
      journal_->start_after(step_);
    }
    synchronise();
    save();  // a run that is killed now does not meet the same patches again
    good_checkpoints_ = 0;
    say("step " + std::to_string(failed) + ": a loss is not finite; back to step " + std::to_string(step_));
    timed_from_ = std::min(timed_from_, step_);
    feed();
  }

  void log() {
    Progress progress;
    for (const auto& [name, sum] : sums_) progress.losses[name] = sum.mean();
    progress.rate = learning_rate(recipe_.schedule, recipe_.optimiser.rate, step_ - 1);
    progress.seconds_per_step = busy_ / static_cast<double>(std::max<int64_t>(1, step_ - timed_from_));
    progress.data_share = busy_ > 0 ? waited_ / busy_ : 0;
    progress.seconds_left = seconds_since(begin_) /
                            static_cast<double>(std::max<int64_t>(1, step_ - first_)) *
                            static_cast<double>(recipe_.steps - step_);
    if (journal_) journal_->progress(step_, progress);
    sums_.clear();
    waited_ = busy_ = 0;
    timed_from_ = step_;
  }

  void write_model(const std::string& name) {
    write_model(scheme_->result(), name);
    for (auto& [suffix, state] : scheme_->companions()) write_model(std::move(state), name + "_" + suffix);
  }

  void write_model(StateDict state, const std::string& name) {
    state.metadata["esrgan.recipe"] = recipe_.name;
    state.metadata["esrgan.step"] = std::to_string(step_);
    write_safetensors(state, ElementType::f32, journal_->folder().model(name));
  }

  void validate() {
    if (journal_) measure();
    if (ranks_.alone()) return;
    const torch::Tensor ended = torch::tensor({int64_t{ended_early_ ? 1 : 0}});
    ranks_.broadcast(ended);
    ended_early_ = ended.item<int64_t>() != 0;
  }

  void measure() {
    if (!sets_.empty()) measure_sets();
    journal_->gradients(step_, scheme_->networks());
    journal_->report();
  }

  Upscale upscaler(const TaskStrengths& strengths) {
    const Architecture& a = recipe_.generator;
    if (device_.is_cuda())
      return network_upscale(
          [network = scheme_->networks().front()](const torch::Tensor& x) {
            return network->forward_result(x);
          },
          device_, a.scale, a.unshuffle, a.frames,
          a.tasks ? std::vector<float>(strengths.begin(), strengths.end()) : std::vector<float>());
    return engine_upscale(journal_->folder().model("latest"), at::get_num_threads(), strengths);
  }

  void measure_sets() {
    write_model("latest");
    double found = 0;
    for (size_t i = 0; i < sets_.size(); ++i) {
      const RunFolder& folder = journal_->folder();
      const ValidationResult result = sets_[i].measure(
          [&](const TaskStrengths& strengths) { return upscaler(strengths); }, folder.sample(sample_name(i)),
          recipe_.measuring.all_pictures ? folder.samples(sample_name(i)) : "");
      if (i == 0 && deciding_metric_) found = result.ours[deciding_];
      journal_->quality(step_, result);
    }
    // Where pictures are to look real, PSNR falls from the first step on: it chooses nothing there.
    if (!deciding_metric_) return;
    if (!best_ || deciding_metric_->is_better(found, *best_)) {
      best_ = found;
      without_gain_ = 0;
      write_model("best");
    } else if (++without_gain_ >= recipe_.patience && recipe_.patience > 0) {
      say("no gain in " + std::to_string(recipe_.patience) + " validations: the run ends here");
      ended_early_ = true;
    }
  }

  std::string sample_name(size_t set) const {
    return recipe_.validation[set].name + "_" + checkpoint_name("", step_).stem().string();
  }

  void save() {
    saved_ = step_;
    if (++good_checkpoints_ >= checkpoints_until_forgotten) rollbacks_ = 0;
    if (!journal_) return;
    Checkpoint checkpoint;
    checkpoint.step = step_;
    for (TrainedNetwork* network : scheme_->networks()) network->save(checkpoint);
    scheme_->save(checkpoint);
    checkpoint.numbers["pictures"] = std::to_string(source_->fingerprint());
    checkpoint.numbers["skipped_steps"] = std::to_string(skipped_steps_);
    checkpoint.numbers["rollbacks"] = std::to_string(rollbacks_);
    checkpoint.numbers["without_gain"] = std::to_string(without_gain_);
    if (best_) checkpoint.numbers["best." + deciding_metric_->name()] = exact_text_of(*best_);
    for (const auto& [name, sum] : sums_) {
      checkpoint.numbers["sum." + name] = exact_text_of(sum.sum);
      checkpoint.numbers["count." + name] = std::to_string(sum.count);
    }
    const std::filesystem::path folder = journal_->folder().checkpoints();
    checkpoint.save(checkpoint_name(folder, step_));
    write_model("latest");
    auto old = list_checkpoints(folder);
    while (old.size() > static_cast<size_t>(recipe_.checkpoints_kept)) {
      std::filesystem::remove(old.begin()->second);
      old.erase(old.begin());
    }
  }

  void restore(const Checkpoint& checkpoint) {
    for (TrainedNetwork* network : scheme_->networks()) network->load(checkpoint);
    scheme_->load(checkpoint);
    step_ = saved_ = checkpoint.step;
    const auto number = [&](const std::string& name) { return std::stoll(checkpoint.number(name)); };
    skipped_steps_ = number("skipped_steps");
    rollbacks_ = static_cast<int>(number("rollbacks"));
    without_gain_ = static_cast<int>(number("without_gain"));
    best_.reset();  // another metric may have decided before
    if (deciding_metric_)
      if (const std::string name = "best." + deciding_metric_->name(); checkpoint.numbers.contains(name))
        best_ = number_of(checkpoint.number(name));
    ended_early_ = recipe_.patience > 0 && without_gain_ >= recipe_.patience;
    sums_.clear();
    for (const std::string& name : scheme_->loss_names())  // the recipe may have had others before
      if (checkpoint.numbers.contains("sum." + name))
        sums_[name] = {number_of(checkpoint.number("sum." + name)), number("count." + name)};
  }

  Recipe recipe_;
  RunOptions options_;
  torch::Device device_;
  Ranks ranks_;
  std::unique_ptr<SampleSource> source_;
  std::unique_ptr<Scheme> scheme_;
  Share share_;
  std::optional<Journal> journal_;   // of the first process
  std::vector<ValidationSet> sets_;  // likewise
  std::optional<Prefetcher> batches_;

  int64_t step_ = 0, saved_ = -1, skipped_steps_ = 0;
  int rollbacks_ = 0, good_checkpoints_ = 0, without_gain_ = 0;
  bool ended_early_ = false, stopped_ = false;
  size_t deciding_ = 0;                            // place of the metric among all
  std::shared_ptr<const Metric> deciding_metric_;  // null: none tells which model is best
  std::optional<double> best_;                     // of the first validation set, by that metric

  std::map<std::string, LossMean> sums_;  // since the last line
  double waited_ = 0, busy_ = 0;          // seconds since the last line
  int64_t timed_from_ = 0, first_ = 0;
  Clock::time_point begin_;
};

}  // namespace

bool train(const Recipe& recipe, const RunOptions& options) {
  const Place place = find_place();
  set_up_torch(recipe, place);
  return with_torch([&] { return Run(recipe, options, place).run(); });
}

}  // namespace esrgan::train
