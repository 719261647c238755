// A pickle reader that builds plain data and never runs anything.
// Opcodes: CPython, Lib/pickletools.py. Only what torch.save() writes is understood; every other opcode, and
// every class or function outside the allow-list of docs/weights.md, is refused by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace esrgan::pickle {

enum class Kind : uint8_t {
  none,
  boolean,
  integer,
  real,  ///< its value is not kept
  text,
  list,
  tuple,
  dict,
  global,      ///< an allowed class or function, `text` = "module.name"
  mark,        ///< internal to the machine
  persistent,  ///< a reference to a storage, items = the tuple torch.save() wrote
  tensor,      ///< a call of torch._utils._rebuild_tensor_v2, items = its arguments
  object       ///< of a class that is no tensor's; nothing is known of it
};

struct Value;
using Items = std::vector<const Value*>;
using Entries = std::vector<std::pair<const Value*, const Value*>>;

struct Value {
  Kind kind = Kind::none;
  int64_t integer = 0;
  std::string_view text;  ///< of the pickle's bytes
  std::shared_ptr<Items> list;
  std::unique_ptr<Entries> dict;

  /// Of a list, tuple, persistent or tensor.
  std::span<const Value* const> items() const;
  /// Of a dict, in file order.
  std::span<const Entries::value_type> entries() const;
  /// The value under a text key, or nullptr.
  const Value* find(std::string_view key) const;
};

/// Owns all values of one or more pickles. Values may refer to each other, in circles as well. Memory stays
/// within a multiple of the bytes: a small pickle may ask for large copies.
class Reader {
 public:
  /// `bytes` must outlive the reader and its values.
  Reader(std::span<const uint8_t> bytes, std::string file) : bytes_(bytes), file_(std::move(file)) {}

  /// Reads one pickle from the current position on. Throws Error naming the file.
  const Value& read();
  size_t position() const { return position_; }

 private:
  Value& make(Kind kind);
  Value& pop();
  Value& top();
  void push(Value& value) { stack_.push_back(&value); }
  Items pop_to_mark();
  void charge(size_t bytes);
  uint64_t take_unsigned(size_t size);
  std::string_view take_text(uint64_t size);
  std::string_view take_line();
  void take_global(std::string_view module, std::string_view name);
  void remember(uint64_t index);
  void recall(uint64_t index);
  void take_long(uint64_t size);
  void set_items(const Items& items);
  void append_items(const Items& items);
  Value& make_tuple(Items items);
  void reduce();
  bool step_scalar(uint8_t opcode);
  bool step_container(uint8_t opcode);
  bool step_reference(uint8_t opcode);
  [[noreturn]] void refuse(const std::string& why) const;

  std::span<const uint8_t> bytes_;
  std::string file_;
  size_t position_ = 0;
  size_t charged_ = 0;  // bytes of memory
  std::deque<Value> arena_;
  std::vector<Value*> stack_;
  std::vector<Value*> memo_;
};

}  // namespace esrgan::pickle
