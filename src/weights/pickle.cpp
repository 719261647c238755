#include "weights/pickle.h"

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace esrgan::pickle {
namespace {

// Enough for every checkpoint that holds tensors, numbers and text.
constexpr std::string_view allowed_globals[] = {"collections.OrderedDict",
                                                "typing.OrderedDict",
                                                "torch._utils._rebuild_tensor_v2",
                                                "torch._utils._rebuild_parameter",
                                                "torch.BFloat16Storage",
                                                "torch.FloatStorage",
                                                "torch.HalfStorage",
                                                "torch.IntStorage",
                                                "torch.LongStorage",
                                                "torch.DoubleStorage",
                                                "torch.ShortStorage",
                                                "torch.CharStorage",
                                                "torch.ByteStorage",
                                                "torch.BoolStorage"};

// What trainers put beside the tensors: notes of their own, of which nothing is needed. Objects of these are
// not made, they are skipped. A name that ends with a dot stands for all of that module.
constexpr std::string_view skipped_globals[] = {"argparse.Namespace",
                                                "collections.Counter",
                                                "collections.defaultdict",
                                                "collections.deque",
                                                "pathlib.",
                                                "datetime.",
                                                "numpy.",
                                                "_codecs.encode",
                                                "omegaconf.",
                                                "pytorch_lightning.",
                                                "lightning.",
                                                "torch.Size",
                                                "torch.device",
                                                "torch.optim.",
                                                "__builtin__.set",
                                                "builtins.set",
                                                "__builtin__.object",
                                                "builtins.object",
                                                "__builtin__.dict",
                                                "builtins.dict",
                                                "__builtin__.list",
                                                "builtins.list",
                                                "copy_reg._reconstructor",
                                                "copyreg._reconstructor"};

bool is_skipped(std::string_view name) {
  return std::any_of(std::begin(skipped_globals), std::end(skipped_globals), [&](std::string_view skipped) {
    return skipped.ends_with('.') ? name.starts_with(skipped) : name == skipped;
  });
}

// Values may take this much, and a multiple of the pickle.
constexpr size_t memory_floor = size_t{32} << 20U, memory_of_byte = 8;
constexpr size_t place = sizeof(void*);  // of a value that lies elsewhere

}  // namespace

std::span<const Value* const> Value::items() const {
  return list ? std::span<const Value* const>(*list) : std::span<const Value* const>();
}

std::span<const Entries::value_type> Value::entries() const {
  return dict ? std::span<const Entries::value_type>(*dict) : std::span<const Entries::value_type>();
}

const Value* Value::find(std::string_view key) const {
  for (const auto& [name, value] : entries())
    if (name->kind == Kind::text && name->text == key) return value;
  return nullptr;
}

/// Counts memory that is about to be taken.
void Reader::charge(size_t bytes) {
  charged_ += bytes;
  if (charged_ > memory_floor + memory_of_byte * bytes_.size())
    refuse("it asks for far more memory than it has bytes");
}

void Reader::refuse(const std::string& why) const {
  throw Error(ErrorKind::bad_data, file_,
              "the pickle at byte " + std::to_string(position_) + " is refused: " + why);
}

Value& Reader::make(Kind kind) {
  charge(sizeof(Value) + place);  // and its place on the stack
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

Items Reader::pop_to_mark() {
  Items items;
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

std::string_view Reader::take_text(uint64_t size) {
  if (bytes_.size() - position_ < size) refuse("it is truncated");
  const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + position_,
                              static_cast<size_t>(size));
  position_ += static_cast<size_t>(size);
  return text;
}

std::string_view Reader::take_line() {
  const auto rest = bytes_.subspan(position_);
  const auto end = std::find(rest.begin(), rest.end(), '\n');
  if (end == rest.end()) refuse("it is truncated");
  const std::string_view line = take_text(static_cast<uint64_t>(end - rest.begin()));
  ++position_;
  return line;
}

void Reader::take_global(std::string_view module, std::string_view name) {
  const std::string full = std::string(module) + "." + std::string(name);
  const auto* const known = std::find(std::begin(allowed_globals), std::end(allowed_globals), full);
  if (known != std::end(allowed_globals)) {
    Value& value = make(Kind::global);
    value.text = *known;
    push(value);
  } else if (is_skipped(full)) {
    push(make(Kind::object));
  } else {
    refuse("it asks for '" + full + "', which is not data; loading a weight file never runs code. " +
           "Save the tensors alone, in Python: torch.save(model.state_dict(), FILE)");
  }
}

void Reader::remember(uint64_t index) {
  if (index > bytes_.size()) refuse("a memo index is out of range");
  if (index >= memo_.size()) {
    charge((static_cast<size_t>(index) + 1 - memo_.size()) * place);
    memo_.resize(static_cast<size_t>(index) + 1, nullptr);
  }
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
  const std::string_view digits = take_text(size);
  uint64_t bits = 0;
  for (size_t i = 0; i < std::min<size_t>(digits.size(), 8); ++i)
    bits |= static_cast<uint64_t>(static_cast<uint8_t>(digits[i])) << (8 * i);
  if (!digits.empty() && digits.size() < 8 && (static_cast<uint8_t>(digits.back()) & 0x80U) != 0)
    bits |= ~uint64_t{0} << (8 * digits.size());
  Value& value = make(Kind::integer);
  value.integer = static_cast<int64_t>(bits);
  push(value);
}

void Reader::set_items(const Items& items) {
  Value& dict = top();
  if (dict.kind == Kind::object) return;
  if (dict.kind != Kind::dict || items.size() % 2 != 0)
    refuse("entries are set on something that is no dict");
  charge(items.size() * place);
  if (!dict.dict) dict.dict = std::make_unique<Entries>();
  for (size_t i = 0; i < items.size(); i += 2) dict.dict->emplace_back(items[i], items[i + 1]);
}

void Reader::append_items(const Items& items) {
  Value& list = top();
  if (list.kind == Kind::object) return;
  if (list.kind != Kind::list) refuse("items are appended to something that is no list");
  charge(items.size() * place);
  if (!list.list) list.list = std::make_shared<Items>();
  list.list->insert(list.list->end(), items.begin(), items.end());
}

Value& Reader::make_tuple(Items items) {
  charge(items.size() * place);
  Value& tuple = make(Kind::tuple);
  if (!items.empty()) tuple.list = std::make_shared<Items>(std::move(items));
  return tuple;
}

void Reader::reduce() {
  const Value& arguments = pop();
  const Value& callee = pop();
  if (callee.kind == Kind::object) return push(make(Kind::object));
  if (callee.kind != Kind::global || arguments.kind != Kind::tuple)
    refuse("a call of something that is no class");
  const auto items = arguments.items();
  if (callee.text == "torch._utils._rebuild_tensor_v2") {
    Value& tensor = make(Kind::tensor);
    tensor.list = arguments.list;
    push(tensor);
  } else if (callee.text == "torch._utils._rebuild_parameter") {  // (tensor, requires_grad, hooks)
    if (items.empty() || items[0]->kind != Kind::tensor) refuse("a parameter that is no tensor");
    Value& tensor = make(Kind::tensor);
    tensor.list = items[0]->list;
    push(tensor);
  } else if (callee.text.ends_with("OrderedDict")) {
    Value& dict = make(Kind::dict);
    dict.dict = std::make_unique<Entries>();
    // OrderedDict([(key, value), ...]) is how Python 2 wrote them.
    if (!items.empty())
      for (const Value* pair : items[0]->items()) {
        if (pair->items().size() != 2) refuse("an OrderedDict is built from something that is no pair");
        charge(sizeof(Entries::value_type));
        dict.dict->emplace_back(pair->items()[0], pair->items()[1]);
      }
    push(dict);
  } else {
    refuse("a call of '" + std::string(callee.text) + "'");
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
    case 'G':  // BINFLOAT
      take_text(8);
      push(make(Kind::real));
      return true;
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
    case 't':  // TUPLE
      push(make_tuple(pop_to_mark()));
      return true;
    case 0x85:    // TUPLE1
    case 0x86:    // TUPLE2
    case 0x87: {  // TUPLE3
      Items items;
      for (int i = opcode - 0x84; i > 0; --i) items.insert(items.begin(), &pop());
      push(make_tuple(std::move(items)));
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
      const std::string_view module = take_line();
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
    case 0x81:  // NEWOBJ
      reduce();
      return true;
    case 'b':  // BUILD: attributes of an OrderedDict (torch puts version numbers there); not needed
      pop();
      if (top().kind != Kind::dict && top().kind != Kind::object)
        refuse("attributes are set on something that is no OrderedDict");
      return true;
    case 'Q': {  // BINPERSID
      const Value& id = pop();
      Value& reference = make(Kind::persistent);
      reference.list = id.list;
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
