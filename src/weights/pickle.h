// A pickle reader that builds plain data and never runs anything.
// Opcodes: CPython, Lib/pickletools.py. Only what torch.save() writes is understood; every other opcode, and
// every class or function outside the allow-list of docs/weights.md, is refused by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace esrgan::pickle {

enum class Kind {
  none,
  boolean,
  integer,
  real,
  text,
  list,
  tuple,
  dict,
  global,      ///< an allowed class or function, `text` = "module.name"
  mark,        ///< internal to the machine
  persistent,  ///< a reference to a storage, items = the tuple torch.save() wrote
  tensor       ///< a call of torch._utils._rebuild_tensor_v2, items = its arguments
};

struct Value {
  Kind kind = Kind::none;
  int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<const Value*> items;                             ///< list, tuple, persistent, tensor
  std::vector<std::pair<const Value*, const Value*>> entries;  ///< dict, in file order

  /// The value under a text key, or nullptr.
  const Value* find(const std::string& key) const;
};

/// Owns all values of one or more pickles. Values may refer to each other, in circles as well.
class Reader {
 public:
  Reader(std::span<const uint8_t> bytes, std::string file) : bytes_(bytes), file_(std::move(file)) {}

  /// Reads one pickle from the current position on. Throws Error naming the file.
  const Value& read();
  size_t position() const { return position_; }

 private:
  Value& make(Kind kind);
  Value& pop();
  Value& top();
  void push(Value& value) { stack_.push_back(&value); }
  std::vector<const Value*> pop_to_mark();
  uint64_t take_unsigned(size_t size);
  std::string take_text(uint64_t size);
  std::string take_line();
  void take_global(const std::string& module, const std::string& name);
  void remember(uint64_t index);
  void recall(uint64_t index);
  void take_long(uint64_t size);
  void set_items(const std::vector<const Value*>& items);
  void append_items(const std::vector<const Value*>& items);
  void reduce();
  bool step_scalar(uint8_t opcode);
  bool step_container(uint8_t opcode);
  bool step_reference(uint8_t opcode);
  [[noreturn]] void refuse(const std::string& why) const;

  std::span<const uint8_t> bytes_;
  std::string file_;
  size_t position_ = 0;
  std::deque<Value> arena_;
  std::vector<Value*> stack_;
  std::vector<Value*> memo_;
};

}  // namespace esrgan::pickle
