#include "train/networks/ranks.h"

#include <arpa/inet.h>
#include <esrgan/error.h>
#include <netdb.h>
#include <sys/socket.h>
#include <torch/version.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <type_traits>
#include <unordered_map>

#if defined(ESRGAN_WITH_C10D)
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#if defined(USE_C10D_NCCL)
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#endif

#include "base/platform_process.h"

namespace esrgan::train {

#if defined(ESRGAN_WITH_C10D)

namespace {

using namespace std::chrono_literals;

constexpr auto meeting_time = 5min;
// The first process measures and saves while the others wait.
constexpr auto longest_wait = 60min;

/// This host's address on the way to the first process's: what others can reach it by. Empty when there is no
/// such way.
std::string own_address(const Place& place) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(place.address.c_str(), std::to_string(place.port).c_str(), &hints, &found) != 0) return "";
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    const int socket = ::socket(at->ai_family, at->ai_socktype, at->ai_protocol);
    if (socket < 0) continue;
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    std::array<char, NI_MAXHOST> text{};
    // Nothing is sent: connecting a datagram socket only chooses the route.
    const bool known = ::connect(socket, at->ai_addr, at->ai_addrlen) == 0 &&
                       getsockname(socket, reinterpret_cast<sockaddr*>(&own), &length) == 0 &&
                       getnameinfo(reinterpret_cast<sockaddr*>(&own), length, text.data(), text.size(),
                                   nullptr, 0, NI_NUMERICHOST) == 0;
    ::close(socket);
    // A host that knows itself by a loopback address only is known to others by another.
    if (known && (place.local_count == place.count || std::string(text.data()).rfind("127.", 0) != 0))
      return text.data();
  }
  return "";
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

c10::intrusive_ptr<c10d::Store> meet(const Place& place) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(place.port);
  options.isServer = place.rank == 0;
  options.timeout = meeting_time;
  options.waitWorkers = false;
  return c10::make_intrusive<c10d::PrefixStore>("esrgan/" + place.attempt,
                                                c10::make_intrusive<c10d::TCPStore>(place.address, options));
}

auto make_gloo(const c10::intrusive_ptr<c10d::Store>& store, const Place& place) {
  const auto options = c10d::ProcessGroupGloo::Options::create();
  options->timeout = longest_wait;
  const auto interface = environment_variable("GLOO_SOCKET_IFNAME");
  const std::string address = own_address(place);
  options->devices.push_back(interface          ? c10d::ProcessGroupGloo::createDeviceForInterface(*interface)
                             : !address.empty() ? c10d::ProcessGroupGloo::createDeviceForHostname(address)
                                                : c10d::ProcessGroupGloo::createDefaultDevice());
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, place.rank, place.count, options);
}

#if TORCH_VERSION_MAJOR >= 2

c10::intrusive_ptr<c10d::ProcessGroup> make_group(const c10::intrusive_ptr<c10d::Store>& store,
                                                  const Place& place, [[maybe_unused]] torch::Device device) {
  auto group = c10::make_intrusive<c10d::ProcessGroup>(store, place.rank, place.count);
  using Type = c10d::ProcessGroup::BackendType;
  group->setBackend(c10::DeviceType::CPU, Type::GLOO,
                    c10::static_intrusive_pointer_cast<c10d::Backend>(make_gloo(store, place)));
  group->setDefaultBackend(Type::GLOO);
#if defined(USE_C10D_NCCL)
  if (device.is_cuda()) {
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = longest_wait;
    group->setBackend(
        c10::DeviceType::CUDA, Type::NCCL,
        c10::static_intrusive_pointer_cast<c10d::Backend>(
            c10::make_intrusive<c10d::ProcessGroupNCCL>(store, place.rank, place.count, options)));
    group->setDefaultBackend(Type::NCCL);
  }
#endif
  return group;
}

#else

c10::intrusive_ptr<c10d::ProcessGroup> make_group(const c10::intrusive_ptr<c10d::Store>& store,
                                                  const Place& place, [[maybe_unused]] torch::Device device) {
#if defined(USE_C10D_NCCL)
  if (device.is_cuda()) return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, place.rank, place.count);
#endif
  return make_gloo(store, place);
}

#endif

}  // namespace

struct Ranks::State {
  c10::intrusive_ptr<c10d::ProcessGroup> group;
};

Ranks::Ranks(const Place& place, torch::Device device) : place_(place), device_(device) {
  if (alone()) return;
  try {
    state_ = std::make_unique<State>(State{make_group(meet(place), place, device)});
  } catch (const std::exception& error) {
    throw Error(ErrorKind::io, "",
                "process " + std::to_string(place.rank) + " of " + std::to_string(place.count) +
                    " cannot meet the others at " + place.address + ":" + std::to_string(place.port) +
                    " (MASTER_ADDR, MASTER_PORT): " + first_line(error.what()));
  }
}

void Ranks::together(const std::function<void()>& work) const {
  if (alone()) return work();
  try {
    work();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorKind::io, "",
                "process " + std::to_string(place_.rank) + ": " + first_line(error.what()) +
                    " (this process failed, or the processes of this run have lost each other; --resume "
                    "goes on from the last checkpoint)");
  }
}

/// Hands a tensor to a collective operation on the right device, and takes its result back.
template <typename Collective>
void Ranks::exchange(torch::Tensor tensor, const Collective& collective) const {
  if (alone()) return;
  together([&] {
    const torch::NoGradGuard no_gradients;
    std::vector<torch::Tensor> moved{tensor.to(device_).contiguous()};
    collective(moved);
    if (!moved[0].is_same(tensor)) tensor.copy_(moved[0]);
  });
}

void Ranks::broadcast(const torch::Tensor& tensor) const {
  exchange(tensor, [&](auto& tensors) { state_->group->broadcast(tensors)->wait(); });
}

void Ranks::mean(const torch::Tensor& tensor) const {
  exchange(tensor, [&](auto& tensors) {
    state_->group->allreduce(tensors)->wait();
    tensors[0].div_(count());
  });
}

namespace {

/// LibTorch 1.13's Reducer, or that of 2.15.
template <typename Reducer>
std::unique_ptr<Reducer> make_reducer(const std::vector<torch::Tensor>& parameters,
                                      const std::vector<std::vector<size_t>>& buckets,
                                      const std::vector<size_t>& limits,
                                      const c10::intrusive_ptr<c10d::ProcessGroup>& group,
                                      size_t first_bucket, size_t bucket) {
  using Buckets = std::vector<std::vector<size_t>>;
  using Names = std::unordered_map<size_t, std::string>;
  using Group = c10::intrusive_ptr<c10d::ProcessGroup>;
  constexpr bool no_unused = false, no_views = false;
  const std::vector<bool> dense(parameters.size(), false);
  const auto first = static_cast<int64_t>(first_bucket), most = static_cast<int64_t>(bucket);
  if constexpr (std::is_constructible_v<Reducer, std::vector<torch::Tensor>, Buckets, std::vector<size_t>,
                                        Group, std::vector<bool>, int64_t, bool, bool, Names, int64_t>)
    return std::make_unique<Reducer>(parameters, buckets, limits, group, dense, most, no_unused, no_views,
                                     Names(), first);
  else
    return std::make_unique<Reducer>(
        parameters, buckets, group, dense, most, no_unused, no_views, Names(), first,
        /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false, std::vector<int64_t>());
}

}  // namespace

struct GradientMean::State {
  std::unique_ptr<c10d::Reducer> reducer;
};

GradientMean::GradientMean(const Ranks& ranks, const std::vector<torch::Tensor>& parameters)
    : ranks_(ranks), state_(std::make_unique<State>()) {
  if (ranks.alone()) return;
  constexpr size_t first_bucket = 1U << 20U, bucket = 25U << 20U;  // bytes, as PyTorch's
  // The backward pass reaches the last parameters first.
  auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(parameters, {first_bucket, bucket});
  std::reverse(buckets.begin(), buckets.end());
  std::reverse(limits.begin(), limits.end());
  state_->reducer =
      make_reducer<c10d::Reducer>(parameters, buckets, limits, ranks.state_->group, first_bucket, bucket);
}

void GradientMean::expect(const torch::Tensor& loss) {
  if (!state_->reducer) return;
  ranks_.together([&] {
    state_->reducer->prepare_for_forward();
    state_->reducer->rebuild_buckets();  // once, in the order that the first backward pass showed
    state_->reducer->prepare_for_backward({loss});
  });
}

#else  // a LibTorch without c10d

struct Ranks::State {};
struct GradientMean::State {};

Ranks::Ranks(const Place& place, torch::Device device) : place_(place), device_(device) {
  if (!alone()) throw Error(ErrorKind::io, "", "this LibTorch was built without c10d: one process only");
}
void Ranks::together(const std::function<void()>& work) const {
  work();
}
void Ranks::broadcast(const torch::Tensor&) const {}
void Ranks::mean(const torch::Tensor&) const {}
GradientMean::GradientMean(const Ranks& ranks, const std::vector<torch::Tensor>&) : ranks_(ranks) {}
void GradientMean::expect(const torch::Tensor&) {}

#endif

Ranks::~Ranks() = default;
GradientMean::~GradientMean() = default;

}  // namespace esrgan::train
