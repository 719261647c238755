// A family of networks: all that is known about it stands in one file of families/, and that file in the
// table.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "graph/graph_builder.h"
#include "model/architecture.h"
#include "model/evidence.h"
#include "model/naming.h"

namespace esrgan {

/// Where a recipe's wishes for a network come from. A wish that cannot be met is an Error naming its place.
class NetworkWishes {
 public:
  NetworkWishes() = default;
  NetworkWishes(const NetworkWishes&) = delete;
  NetworkWishes& operator=(const NetworkWishes&) = delete;
  NetworkWishes(NetworkWishes&&) = delete;
  NetworkWishes& operator=(NetworkWishes&&) = delete;
  virtual ~NetworkWishes() = default;

  virtual int at_least(const std::string& key, int least, int fallback) = 0;
  virtual bool flag(const std::string& key, bool fallback) = 0;
  virtual std::string choose(const std::string& key, const std::vector<std::string>& choices,
                             const std::string& fallback) = 0;
  [[noreturn]] virtual void refuse(const std::string& key, const std::string& expected) const = 0;
};

struct Family {
  const char* name;                          ///< as BasicSR calls it
  std::span<const char* const> other_names;  ///< what recipes of other tools say
  const char* blocks_name;                   ///< what Architecture::blocks counts: "blocks"
  /// The first that a file uses is taken.
  std::span<const Naming> namings;
  /// Works the architecture out from tensors with canonical names; family is set already.
  void (*detect)(Evidence& evidence, Architecture& architecture);
  /// Builds the graph and returns its output.
  MapId (*build)(GraphBuilder& builder, const Architecture& architecture);
  /// Whether half precision serves as well as full (docs/precision.md).
  bool half_is_vouched_for;
  /// Brings weights with canonical names to the layers that the field's programs know; null: they are those.
  void (*publish)(StateDict& weights);
  /// Takes a recipe's wishes; scale, channels and features are set already. Null: cannot be trained.
  void (*configure)(NetworkWishes& wishes, Architecture& architecture);
};

/// All families, in the order in which a file is tried.
std::span<const Family* const> families();

struct FoundNaming {
  const Family* family = nullptr;  ///< null when it is none
  const Naming* naming = nullptr;
};

/// What family the tensors belong to, and how they are called.
FoundNaming find_naming(const Contents& contents);

/// Tensors that tell a network, known or foreign.
std::vector<std::string_view> signs_of_networks();

/// The family that is called so, in upper or lower case, or null.
const Family* find_family(std::string_view name);

/// Doublings that make up `upscaling`.
int doublings_of(int upscaling);

}  // namespace esrgan
