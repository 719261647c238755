#include "device/team.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "base/log.h"

namespace esrgan {
namespace {

/// Rows of a tile.
struct Rows {
  int begin = 0, end = 0;
  int count() const { return end - begin; }
};

/// A picture's memory, in and out.
struct Tile {
  const float* in;
  int width, height;
  float* out;
};

class TeamExecutor : public Executor {
 public:
  struct Member {
    std::string name;
    bool has_memory;                     // of its own: a GPU
    std::unique_ptr<Executor> executor;  // none once it is lost
    double rate = 0;                     // pixels a second; 0: not known
    std::vector<float> out;              // of a part with its surroundings
  };

  TeamExecutor(const Graph& graph, std::vector<Member> members,
               std::function<std::unique_ptr<Executor>()> last_resort)
      : Executor(graph), members_(std::move(members)), last_resort_(std::move(last_resort)) {
    alive();
  }

  MemoryNeed memory_for(int width, int height) const override {
    MemoryNeed need;
    for (const Member& member : members_) {
      if (!member.executor) continue;
      const MemoryNeed one = member.executor->memory_for(width, height);
      need.host += one.host;
      need.device = std::max(need.device, one.device);
    }
    if (members_.size() > 1)
      need.host += sizeof(float) * static_cast<uint64_t>(width) * static_cast<uint64_t>(height) *
                   static_cast<uint64_t>(scale() * scale() * out_channels());
    return need;
  }
  std::optional<int> computational_reach() const override {
    return members_.size() == 1 && members_[0].executor ? members_[0].executor->computational_reach()
                                                        : std::nullopt;
  }
  bool converts_frames() const override {
    return members_.size() == 1 && members_[0].executor && members_[0].executor->converts_frames();
  }
  int computational_multiple() const override {
    int multiple = input_multiple();
    for (const Member& member : members_)
      if (member.executor) multiple = std::max(multiple, member.executor->computational_multiple());
    return multiple;
  }

 private:
  void run_checked(const float* in, int width, int height, float* out, const RunControl& control) override {
    const Tile tile{in, width, height, out};
    std::vector<Rows> left = {{0, height}};
    while (!left.empty()) {
      const Rows rows = left.back();
      left.pop_back();
      for (const Rows& lost : run_shared(tile, rows, control)) left.push_back(lost);
    }
  }

  /// One device alone is given whole inputs.
  void announce_checked(const float* in, int width, int height) override {
    if (Member* const member = only()) member->executor->announce(in, width, height);
  }

  /// The only device that there is, or none.
  Member* only() {
    const auto there = [](const Member& member) { return member.executor != nullptr; };
    const auto found = std::find_if(members_.begin(), members_.end(), there);
    return std::count_if(members_.begin(), members_.end(), there) == 1 ? &*found : nullptr;
  }

  void announce_frame_checked(const FramePlanes& in,
                              const std::shared_ptr<const FrameFormats>& formats) override {
    if (Member* const member = only()) member->executor->announce_frame(in, formats);
  }

  /// What one device alone cannot do is done as a tile is.
  bool run_frame_checked(const FramePlanes& in, const FramePlanes& out,
                         const std::shared_ptr<const FrameFormats>& formats,
                         const RunControl& control) override {
    Member* const member = only();
    if (member == nullptr) return false;
    try {
      return member->executor->run_frame(in, out, formats, control);
    } catch (const DeviceLost& error) {
      lose(*member, error);
      return false;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::out_of_resources) throw;
      return false;
    }
  }

  static void lose(Member& member, const DeviceLost& error) {
    log_warning(member.name + ": " + error.what());
    member.executor.reset();
  }

  void withdraw_checked() override {
    for (const Member& member : members_)
      if (member.executor) member.executor->withdraw();
  }

  std::vector<Member*> alive() {
    std::vector<Member*> found;
    for (Member& member : members_)
      if (member.executor) found.push_back(&member);
    if (!found.empty()) return found;
    log_warning("no GPU is left: the processor computes the rest");
    members_.push_back({"cpu", false, last_resort_(), 0, {}});
    return {&members_.back()};
  }

  /// Rows for each of them, by what they have been seen to do; none for those whose share is not worth what
  /// it must see around it.
  std::vector<Rows> share_out(const std::vector<Member*>& members, Rows rows, int halo) const {
    const bool known =
        std::all_of(members.begin(), members.end(), [](const Member* m) { return m->rate > 0; });
    std::vector<double> speeds;
    double sum = 0;
    for (const Member* member : members) {
      speeds.push_back(known ? member->rate : 1);
      sum += speeds.back();
    }
    std::vector<Rows> shares;
    double reached = 0;
    int begin = rows.begin;
    for (size_t i = 0; i < members.size(); ++i) {
      reached += speeds[i] / sum;
      int end = i + 1 == members.size() ? rows.end
                                        : rows.begin + static_cast<int>(rows.count() * reached) /
                                                           input_multiple() * input_multiple();
      if (end - begin < halo || rows.end - end < halo) end = end - begin < halo ? begin : rows.end;
      shares.push_back({begin, std::max(begin, end)});
      begin = shares.back().end;
    }
    shares.back().end = rows.end;
    return shares;
  }

  /// Gives the rows that were lost with their device.
  std::vector<Rows> run_shared(const Tile& tile, Rows rows, const RunControl& control) {
    const int halo = std::min(receptive_radius(), team_halo);
    const std::vector<Member*> members = alive();
    const std::vector<Rows> shares = share_out(members, rows, halo);
    std::mutex mutex;
    std::vector<Rows> lost;
    std::exception_ptr failure;
    RunControl shared{.done = {}, .stop = control.stop};
    if (control.done)
      shared.done = [&](double macs) {
        const std::lock_guard lock(mutex);
        control.done(macs);
      };
    const auto work = [&](size_t i) {
      if (shares[i].count() == 0) return;
      try {
        run_member(*members[i], tile, shares[i], halo, shared);
      } catch (const DeviceLost& error) {
        const std::lock_guard lock(mutex);
        lose(*members[i], error);
        lost.push_back(shares[i]);
      } catch (...) {
        const std::lock_guard lock(mutex);
        failure = std::current_exception();
      }
    };
    // The processor's threads may be the caller's own: what runs on them is started from this one.
    size_t own = 0;
    for (size_t i = 0; i < members.size(); ++i)
      if (!members[i]->has_memory) own = i;
    {
      std::vector<std::jthread> threads;
      for (size_t i = 0; i < members.size(); ++i)
        if (i != own && shares[i].count() > 0) start(threads, [&work, i] { work(i); });
      work(own);
    }
    if (failure) std::rethrow_exception(failure);
    return lost;
  }

  /// On a thread of its own, or here when the system gives no more of them.
  static void start(std::vector<std::jthread>& threads, const std::function<void()>& work) {
    try {
      threads.emplace_back(work);
    } catch (const std::system_error&) {
      work();
    }
  }

  void run_member(Member& member, const Tile& tile, Rows rows, int halo, const RunControl& control) {
    const auto start = std::chrono::steady_clock::now();
    run_rows(member, tile, rows, halo, control);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (seconds <= 0) return;
    const double now = rows.count() * static_cast<double>(tile.width) / seconds;
    member.rate = member.rate > 0 ? (member.rate + now) / 2 : now;
  }

  /// What a device must see for some rows.
  Rows seen_for(Rows rows, int height, int halo) const {
    const int multiple = input_multiple();
    return {std::max(0, rows.begin - halo) / multiple * multiple,
            std::min(height, (rows.end + halo + multiple - 1) / multiple * multiple)};
  }

  void run_rows(Member& member, const Tile& tile, Rows rows, int halo, const RunControl& control) {
    const Rows seen = seen_for(rows, tile.height, halo);
    const auto in_row = static_cast<size_t>(tile.width) * static_cast<size_t>(in_channels());
    const size_t out_row =
        static_cast<size_t>(tile.width) * static_cast<size_t>(scale()) * static_cast<size_t>(out_channels());
    const float* const in = tile.in + static_cast<size_t>(seen.begin) * in_row;
    float* const to = tile.out + static_cast<size_t>(rows.begin * scale()) * out_row;
    try {
      if (seen.count() == rows.count())
        return member.executor->run(in, tile.width, seen.count(), to, control);
      member.out.resize(static_cast<size_t>(seen.count() * scale()) * out_row);
      member.executor->run(in, tile.width, seen.count(), member.out.data(), control);
    } catch (const Error& error) {
      const int half = rows.begin + rows.count() / 2 / input_multiple() * input_multiple();
      if (error.kind() != ErrorKind::out_of_resources || half == rows.begin) throw;
      // Smaller parts must see less, too: they are worth it while they are larger than what lies around them.
      if (rows.count() < halo)
        throw DeviceLost("its memory does not suffice for the smallest part of a picture");
      log_warning(member.name + ": " + "its memory does not suffice; a tile is computed in two parts");
      run_rows(member, tile, {rows.begin, half}, halo, control);
      run_rows(member, tile, {half, rows.end}, halo, control);
      return;
    }
    const float* const from =
        member.out.data() + static_cast<size_t>((rows.begin - seen.begin) * scale()) * out_row;
    std::copy_n(from, static_cast<size_t>(rows.count() * scale()) * out_row, to);
  }

  std::vector<Member> members_;
  std::function<std::unique_ptr<Executor>()> last_resort_;
};

class Team : public Device {
 public:
  Team(std::vector<std::unique_ptr<Device>> members, std::unique_ptr<Device> last_resort)
      : members_(std::move(members)), last_resort_(std::move(last_resort)) {}

  std::string name() const override {
    return joined([](const Device& device) { return device.name(); }, ",");
  }
  std::string description() const override {
    return joined([](const Device& device) { return device.description(); }, "; ");
  }
  const char* kernels(bool half) const override { return members_.front()->kernels(half); }
  HalfPrecision half() const override { return members_.front()->half(); }
  uint64_t memory() const override {
    uint64_t least = 0;
    for (const auto& member : members_)
      if (const uint64_t memory = member->memory(); memory > 0 && (least == 0 || memory < least))
        least = memory;
    return least;
  }
  bool supports(const Operation& operation) const override {
    return std::all_of(members_.begin(), members_.end(),
                       [&](const auto& member) { return member->supports(operation); });
  }

 private:
  template <typename Text>
  std::string joined(const Text& text, const char* between) const {
    std::string all;
    for (const auto& member : members_) all += (all.empty() ? "" : between) + text(*member);
    return all;
  }

  std::unique_ptr<Executor> compile_supported(Graph graph, bool half) override {
    std::vector<TeamExecutor::Member> compiled;
    for (const auto& member : members_) {
      TeamExecutor::Member one{member->name(), member->memory() > 0, nullptr, 0, {}};
      try {
        one.executor = member->compile(graph, half);
      } catch (const DeviceLost& error) {
        log_warning(one.name + ": " + error.what());
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::out_of_resources) throw;
        log_warning(one.name + ": " + error.what());
      }
      compiled.push_back(std::move(one));
    }
    return std::make_unique<TeamExecutor>(
        graph, std::move(compiled),
        [last_resort = last_resort_, graph, half] { return last_resort->compile(graph, half); });
  }

  std::vector<std::unique_ptr<Device>> members_;
  std::shared_ptr<Device> last_resort_;
};

}  // namespace

std::unique_ptr<Device> make_team(std::vector<std::unique_ptr<Device>> members,
                                  std::unique_ptr<Device> last_resort) {
  return std::make_unique<Team>(std::move(members), std::move(last_resort));
}

}  // namespace esrgan
