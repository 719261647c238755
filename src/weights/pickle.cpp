#include "weights/pickle.h"

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>

namespace esrgan::pickle {
namespace {

// The whole allow-list: enough for every checkpoint that holds tensors, numbers and text.
const std::array<const char*, 9> allowed_globals{
    "collections.OrderedDict", "typing.OrderedDict", "torch._utils._rebuild_tensor_v2",
    "torch.BFloat16Storage",   "torch.FloatStorage", "torch.HalfStorage",
    "torch.IntStorage",        "torch.LongStorage",  "torch.DoubleStorage"};

}  // namespace

const Value* Value::find(const std::string& key) const {
  for (const auto& [name, value] : entries)
    if (name->kind == Kind::text && name->text == key) return value;
  return nullptr;
}

void Reader::refuse(const std::string& why) const {
  throw Error(file_, "the pickle at byte " + std::to_string(position_) + " is refused: " + why);
}

Value& Reader::make(Kind kind) {
  arena_.emplace_back();
  arena_.back().kind = kind;
  return arena_.back();
}

Value& Reader::top() {
  if (stack_.empty() || stack_.back()->kind == Kind::mark) refuse("its stack is empty");
  return *stack_.back();
}

Value& Reader::pop() {
  Value& value = top();
  stack_.pop_back();
  return value;
}

std::vector<const Value*> Reader::pop_to_mark() {
  std::vector<const Value*> items;
  while (!stack_.empty() && stack_.back()->kind != Kind::mark) {
    items.push_back(stack_.back());
    stack_.pop_back();
  }
  if (stack_.empty()) refuse("a mark is missing");
  stack_.pop_back();
  std::reverse(items.begin(), items.end());
  return items;
}

uint64_t Reader::take_unsigned(size_t size) {
  if (bytes_.size() - position_ < size) refuse("it is truncated");
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= static_cast<uint64_t>(bytes_[position_ + i]) << (8 * i);
  position_ += size;
  return value;
}

std::string Reader::take_text(uint64_t size) {
  if (bytes_.size() - position_ < size) refuse("it is truncated");
  std::string text(reinterpret_cast<const char*>(bytes_.data()) + position_, static_cast<size_t>(size));
  position_ += static_cast<size_t>(size);
  return text;
}

std::string Reader::take_line() {
  const auto rest = bytes_.subspan(position_);
  const auto end = std::find(rest.begin(), rest.end(), '\n');
  if (end == rest.end()) refuse("it is truncated");
  std::string line = take_text(static_cast<uint64_t>(end - rest.begin()));
  ++position_;
  return line;
}

void Reader::take_global(const std::string& module, const std::string& name) {
  const std::string full = module + "." + name;
  if (std::find(allowed_globals.begin(), allowed_globals.end(), full) == allowed_globals.end())
    refuse("it asks for '" + full + "', which is not data; loading a weight file never runs code. " +
           "Save the tensors alone, in Python: torch.save(model.state_dict(), FILE)");
  Value& value = make(Kind::global);
  value.text = full;
  push(value);
}

void Reader::remember(uint64_t index) {
  if (index > bytes_.size()) refuse("a memo index is out of range");
  if (index >= memo_.size()) memo_.resize(static_cast<size_t>(index) + 1, nullptr);
  memo_[static_cast<size_t>(index)] = &top();
}

void Reader::recall(uint64_t index) {
  if (index >= memo_.size() || memo_[static_cast<size_t>(index)] == nullptr)
    refuse("a memo entry is missing");
  push(*memo_[static_cast<size_t>(index)]);
}

/// A little-endian two's complement integer; longer ones keep their low 64 bits (only torch's magic number
/// is).
void Reader::take_long(uint64_t size) {
  const std::string digits = take_text(size);
  uint64_t bits = 0;
  for (size_t i = 0; i < std::min<size_t>(digits.size(), 8); ++i)
    bits |= static_cast<uint64_t>(static_cast<uint8_t>(digits[i])) << (8 * i);
  if (!digits.empty() && digits.size() < 8 && (static_cast<uint8_t>(digits.back()) & 0x80U) != 0)
    bits |= ~uint64_t{0} << (8 * digits.size());
  Value& value = make(Kind::integer);
  value.integer = static_cast<int64_t>(bits);
  push(value);
}

void Reader::set_items(const std::vector<const Value*>& items) {
  Value& dict = top();
  if (dict.kind != Kind::dict || items.size() % 2 != 0)
    refuse("entries are set on something that is no dict");
  for (size_t i = 0; i < items.size(); i += 2) dict.entries.emplace_back(items[i], items[i + 1]);
}

void Reader::append_items(const std::vector<const Value*>& items) {
  Value& list = top();
  if (list.kind != Kind::list) refuse("items are appended to something that is no list");
  list.items.insert(list.items.end(), items.begin(), items.end());
}

void Reader::reduce() {
  const Value& arguments = pop();
  const Value& callee = pop();
  if (callee.kind != Kind::global || arguments.kind != Kind::tuple)
    refuse("a call of something that is no class");
  if (callee.text == "torch._utils._rebuild_tensor_v2") {
    Value& tensor = make(Kind::tensor);
    tensor.items = arguments.items;
    push(tensor);
  } else if (callee.text.ends_with("OrderedDict")) {
    Value& dict = make(Kind::dict);
    // OrderedDict([(key, value), ...]) is how Python 2 wrote them.
    if (!arguments.items.empty())
      for (const Value* pair : arguments.items[0]->items) {
        if (pair->items.size() != 2) refuse("an OrderedDict is built from something that is no pair");
        dict.entries.emplace_back(pair->items[0], pair->items[1]);
      }
    push(dict);
  } else {
    refuse("a call of '" + callee.text + "'");
  }
}

bool Reader::step_scalar(uint8_t opcode) {
  switch (opcode) {
    case 'N':
      push(make(Kind::none));
      return true;
    case 0x88:    // NEWTRUE
    case 0x89: {  // NEWFALSE
      Value& value = make(Kind::boolean);
      value.integer = opcode == 0x88 ? 1 : 0;
      push(value);
      return true;
    }
    case 'J':    // BININT
    case 'K':    // BININT1
    case 'M': {  // BININT2
      Value& value = make(Kind::integer);
      if (opcode == 'J')
        value.integer = static_cast<int32_t>(take_unsigned(4));
      else
        value.integer = static_cast<int64_t>(take_unsigned(opcode == 'K' ? 1 : 2));
      push(value);
      return true;
    }
    case 0x8a:  // LONG1
      take_long(take_unsigned(1));
      return true;
    case 0x8b:  // LONG4
      take_long(take_unsigned(4));
      return true;
    case 'G': {  // BINFLOAT, big-endian
      uint64_t bits = 0;
      for (const char byte : take_text(8)) bits = (bits << 8U) | static_cast<uint8_t>(byte);
      Value& value = make(Kind::real);
      value.real = std::bit_cast<double>(bits);
      push(value);
      return true;
    }
    case 'X':     // BINUNICODE
    case 'T':     // BINSTRING
    case 0x8c:    // SHORT_BINUNICODE
    case 'U':     // SHORT_BINSTRING
    case 0x8d: {  // BINUNICODE8
      const size_t width = opcode == 'X' || opcode == 'T' ? 4 : (opcode == 0x8d ? 8 : 1);
      Value& value = make(Kind::text);
      value.text = take_text(take_unsigned(width));
      push(value);
      return true;
    }
    default:
      return false;
  }
}

bool Reader::step_container(uint8_t opcode) {
  switch (opcode) {
    case '(':
      push(make(Kind::mark));
      return true;
    case '}':
      push(make(Kind::dict));
      return true;
    case ']':
      push(make(Kind::list));
      return true;
    case ')':
      push(make(Kind::tuple));
      return true;
    case 't': {  // TUPLE
      Value& tuple = make(Kind::tuple);
      tuple.items = pop_to_mark();
      push(tuple);
      return true;
    }
    case 0x85:    // TUPLE1
    case 0x86:    // TUPLE2
    case 0x87: {  // TUPLE3
      Value& tuple = make(Kind::tuple);
      for (int i = opcode - 0x84; i > 0; --i) tuple.items.insert(tuple.items.begin(), &pop());
      push(tuple);
      return true;
    }
    case 's': {  // SETITEM
      const Value& value = pop();
      const Value& key = pop();
      set_items({&key, &value});
      return true;
    }
    case 'u':  // SETITEMS
      set_items(pop_to_mark());
      return true;
    case 'a':  // APPEND
      append_items({&pop()});
      return true;
    case 'e':  // APPENDS
      append_items(pop_to_mark());
      return true;
    case '0':  // POP
      pop();
      return true;
    default:
      return false;
  }
}

bool Reader::step_reference(uint8_t opcode) {
  switch (opcode) {
    case 'q':  // BINPUT
      remember(take_unsigned(1));
      return true;
    case 'r':  // LONG_BINPUT
      remember(take_unsigned(4));
      return true;
    case 0x94:  // MEMOIZE
      remember(memo_.size());
      return true;
    case 'h':  // BINGET
      recall(take_unsigned(1));
      return true;
    case 'j':  // LONG_BINGET
      recall(take_unsigned(4));
      return true;
    case 'c': {  // GLOBAL
      const std::string module = take_line();
      take_global(module, take_line());
      return true;
    }
    case 0x93: {  // STACK_GLOBAL
      const Value& name = pop();
      const Value& module = pop();
      take_global(module.text, name.text);
      return true;
    }
    case 'R':
      reduce();
      return true;
    case 'b':  // BUILD: attributes of an OrderedDict (torch puts version numbers there); not needed
      pop();
      if (top().kind != Kind::dict) refuse("attributes are set on something that is no OrderedDict");
      return true;
    case 'Q': {  // BINPERSID
      const Value& id = pop();
      Value& reference = make(Kind::persistent);
      reference.items = id.items;
      push(reference);
      return true;
    }
    default:
      return false;
  }
}

const Value& Reader::read() {
  stack_.clear();
  memo_.clear();
  for (;;) {
    const auto opcode = static_cast<uint8_t>(take_unsigned(1));
    if (opcode == '.') return pop();
    if (opcode == 0x80) {  // PROTO
      if (take_unsigned(1) > 5) refuse("its protocol is unknown");
    } else if (opcode == 0x95) {  // FRAME
      take_unsigned(8);
    } else if (!step_scalar(opcode) && !step_container(opcode) && !step_reference(opcode)) {
      std::array<char, 8> text{};
      std::snprintf(text.data(), text.size(), "0x%02x", opcode);
      refuse(std::string("opcode ") + text.data() + " has no place in a weight file");
    }
  }
}

}  // namespace esrgan::pickle
