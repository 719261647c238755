#include "weights/pth.h"

#include <esrgan/error.h>
#include <zip.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/text.h"
#include "weights/pickle.h"

namespace esrgan {
namespace {

using pickle::Kind;
using pickle::Value;

constexpr int64_t legacy_magic = 0x6a20f9469cfc6c;  // the low 56 bits of 0x1950a86a20f9469cfc6c
constexpr std::string_view zip_magic = "PK\x03\x04";

struct Storage {
  ElementType type;
  std::string key;
  uint64_t count;  // elements
};

/// Bytes of a storage, owned or a view of the mapped file.
struct StorageBytes {
  std::vector<uint8_t> owned;
  std::span<const uint8_t> view;
};

using FindStorage = std::function<const StorageBytes&(const Storage&)>;

ElementType storage_type(std::string_view name, const std::string& file) {
  static const std::map<std::string_view, ElementType> types{
      {"torch.FloatStorage", ElementType::f32},     {"torch.HalfStorage", ElementType::f16},
      {"torch.BFloat16Storage", ElementType::bf16}, {"torch.DoubleStorage", ElementType::f64},
      {"torch.LongStorage", ElementType::i64},      {"torch.IntStorage", ElementType::i32},
      {"torch.ShortStorage", ElementType::i16},     {"torch.CharStorage", ElementType::i8},
      {"torch.ByteStorage", ElementType::u8},       {"torch.BoolStorage", ElementType::boolean}};
  const auto found = types.find(name);
  if (found == types.end())
    throw Error(ErrorKind::bad_data, file, "damaged checkpoint: storage type", "a torch storage",
                std::string(name));
  return found->second;
}

/// ('storage', type, key, location, element count)
Storage parse_storage(const Value& reference, const std::string& file) {
  const auto items = reference.items();
  if (reference.kind != Kind::persistent || items.size() < 5 || items[0]->text != "storage" ||
      items[1]->kind != Kind::global || items[2]->kind != Kind::text || items[4]->kind != Kind::integer ||
      items[4]->integer < 0)
    throw Error(ErrorKind::bad_data, file, "damaged checkpoint: a tensor refers to no storage");
  return {storage_type(items[1]->text, file), std::string(items[2]->text),
          static_cast<uint64_t>(items[4]->integer)};
}

std::vector<int64_t> integers(const Value& tuple, const std::string& file) {
  std::vector<int64_t> values;
  for (const Value* item : tuple.items()) {
    if (item->kind != Kind::integer || item->integer < 0 || item->integer > limits::tensor_extent)
      throw Error(ErrorKind::bad_data, file, "damaged checkpoint: shape or stride of a tensor",
                  "small whole numbers");
    values.push_back(item->integer);
  }
  return values;
}

/// Brings the elements of a strided view into row-major order. The view lies within `storage`, which begins
/// with its first element.
std::vector<uint8_t> gather(std::span<const uint8_t> storage, size_t element,
                            const std::vector<int64_t>& shape, const std::vector<int64_t>& stride,
                            size_t count) {
  std::vector<uint8_t> gathered(count * element);
  std::vector<int64_t> index(shape.size(), 0);
  for (size_t i = 0; i < count; ++i) {
    uint64_t position = 0;
    for (size_t d = 0; d < shape.size(); ++d) position += static_cast<uint64_t>(index[d] * stride[d]);
    std::memcpy(gathered.data() + i * element, storage.data() + position * element, element);
    for (size_t d = shape.size(); d-- > 0;) {
      if (++index[d] < shape[d]) break;
      index[d] = 0;
    }
  }
  return gathered;
}

bool is_row_major(const std::vector<int64_t>& shape, const std::vector<int64_t>& stride) {
  int64_t expected = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    if (shape[d] != 1 && stride[d] != expected) return false;
    expected *= shape[d];
  }
  return true;
}

/// _rebuild_tensor_v2(storage, offset, shape, stride, requires_grad, hooks)
Tensor read_tensor(const std::string& name, const Value& call, const FindStorage& find,
                   const std::string& file) {
  const auto damaged = [&](const std::string& what) {
    return Error(ErrorKind::bad_data, file, "damaged checkpoint: tensor '" + name + "' " + what);
  };
  const auto arguments = call.items();
  if (arguments.size() < 4 || arguments[1]->kind != Kind::integer || arguments[1]->integer < 0)
    throw damaged("has no storage, offset, shape and stride");
  const Storage storage = parse_storage(*arguments[0], file);
  const auto offset = static_cast<uint64_t>(arguments[1]->integer);
  const std::vector<int64_t> shape = integers(*arguments[2], file);
  const std::vector<int64_t> stride = integers(*arguments[3], file);
  const auto count = element_count(shape);
  if (!count || shape.size() != stride.size() || shape.size() > limits::tensor_dimensions)
    throw damaged("has a shape that makes no sense");

  const std::span<const uint8_t> bytes = find(storage).view;
  const uint64_t available = bytes.size() / size_of(storage.type);
  uint64_t last = offset;  // highest element that the view touches
  for (size_t d = 0; d < shape.size(); ++d) {
    if (stride[d] != 0 && shape[d] > limits::tensor_extent / stride[d])
      throw damaged("reaches past its storage");
    if (shape[d] > 0) last += static_cast<uint64_t>((shape[d] - 1) * stride[d]);
  }
  if (*count > available || (*count > 0 && last >= available)) throw damaged("reaches past its storage");
  if (*count == 0) return {shape, {}, storage.type};
  const size_t element = size_of(storage.type);
  const auto part = bytes.subspan(offset * element, (last - offset + 1) * element);
  if (is_row_major(shape, stride)) return {shape, to_float(storage.type, part, *count), storage.type};
  return {shape, to_float(storage.type, gather(part, element, shape, stride, *count), *count), storage.type};
}

std::string name_of_key(const Value& key) {
  return key.kind == Kind::integer ? std::to_string(key.integer) : std::string(key.text);
}

/// What is there instead of tensors.
std::string contents(const Value& value) {
  if (value.kind == Kind::list || value.kind == Kind::tuple)
    return "a list of " + std::to_string(value.items().size());
  if (value.kind == Kind::tensor) return "a tensor without a name";
  if (value.kind != Kind::dict) return "no dict";
  std::vector<std::string> keys;
  for (const auto& [key, entry] : value.entries()) {
    keys.push_back(name_of_key(*key));
    if (keys.size() == 100) break;
  }
  return keys.empty() ? "an empty dict" : "the keys " + listed(keys);
}

/// The tensors of nested dicts by their names, keys joined by dots.
class TensorTree {
 public:
  TensorTree(const Value& root, const std::string& file, size_t file_size)
      : file_(file), most_letters_((size_t{1} << 20U) + 4 * file_size) {
    visit(root, "", 0);
  }
  const std::map<std::string, const Value*>& tensors() const { return tensors_; }

 private:
  void visit(const Value& dict, const std::string& prefix, int depth) {
    constexpr int deepest = 8;
    // Each once: of a hostile file the dicts may refer to each other.
    if (depth > deepest || !seen_.insert(&dict).second) return;
    for (const auto& [key, value] : dict.entries()) {
      const std::string name = prefix + name_of_key(*key);
      letters_ += name.size();
      if (letters_ > most_letters_)
        throw Error(ErrorKind::bad_data, file_, "damaged checkpoint: its names are larger than the file");
      if (value->kind == Kind::tensor && key->kind == Kind::text) tensors_.insert_or_assign(name, value);
      if (value->kind == Kind::dict) visit(*value, name + ".", depth + 1);
    }
  }

  const std::string& file_;
  size_t letters_ = 0, most_letters_;
  std::map<std::string, const Value*> tensors_;
  std::set<const Value*> seen_;
};

void read_tensors(const Value& root, const FindStorage& find, const Selector& select, StateDict& dict,
                  size_t file_size) {
  const TensorTree tree(root, dict.file, file_size);
  if (tree.tensors().empty())
    throw Error(ErrorKind::bad_data, dict.file, "no tensors found in the checkpoint",
                "a state dict, bare or within other dicts (state_dict, params_ema, params, ...)",
                contents(root));
  std::vector<std::string> names;
  for (const auto& [name, value] : tree.tensors()) names.push_back(name);
  Selection selection = select(names);
  dict.remarks = std::move(selection.remarks);
  uint64_t elements = 0;
  for (const auto& [name, wanted] : selection.tensors) {
    Tensor tensor = read_tensor(name, *tree.tensors().at(name), find, dict.file);
    elements += tensor.values.size();
    if (elements > file_size)  // views of one storage, many times over
      throw Error(ErrorKind::bad_data, dict.file, "the tensors claim more elements than the file holds");
    dict.add(wanted, std::move(tensor));
  }
}

struct ZipClose {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using Zip = std::unique_ptr<zip_t, ZipClose>;

Zip open_zip(std::span<const uint8_t> bytes, const std::string& file) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  Zip archive(source != nullptr ? zip_open_from_source(source, ZIP_RDONLY, &error) : nullptr);
  const std::string message = zip_error_strerror(&error);
  zip_error_fini(&error);
  if (!archive) {
    if (source != nullptr) zip_source_free(source);
    throw Error(ErrorKind::bad_data, file, "damaged or truncated PyTorch checkpoint: " + message);
  }
  return archive;
}

/// An entry of at most `most` bytes.
std::vector<uint8_t> read_entry(zip_t* archive, const std::string& name, size_t most,
                                const std::string& file) {
  zip_stat_t status;
  if (zip_stat(archive, name.c_str(), 0, &status) != 0)
    throw Error(ErrorKind::bad_data, file, "damaged checkpoint: the archive has no entry '" + name + "'");
  // torch.save() never compresses; so no entry can be larger than the file.
  if ((status.valid & ZIP_STAT_COMP_METHOD) == 0 || status.comp_method != ZIP_CM_STORE || status.size > most)
    throw Error(ErrorKind::bad_data, file, "damaged checkpoint: entry '" + name + "'",
                "an uncompressed entry of its own");
  std::vector<uint8_t> bytes(status.size);
  const std::unique_ptr<zip_file_t, decltype(&zip_fclose)> entry(zip_fopen(archive, name.c_str(), 0),
                                                                 &zip_fclose);
  if (!entry || zip_fread(entry.get(), bytes.data(), bytes.size()) != static_cast<zip_int64_t>(bytes.size()))
    throw Error(ErrorKind::bad_data, file, "damaged checkpoint: entry '" + name + "' cannot be read");
  return bytes;
}

/// The folder inside the archive ("archive/", or the name the file had when it was saved).
std::string find_prefix(zip_t* archive, const std::string& file) {
  const zip_int64_t count = zip_get_num_entries(archive, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* entry = zip_get_name(archive, static_cast<zip_uint64_t>(i), 0);
    const std::string name = entry != nullptr ? entry : "";
    if (name == "data.pkl" || name.ends_with("/data.pkl")) return name.substr(0, name.size() - 8);
  }
  throw Error(ErrorKind::unsupported, file, "this zip file is not a PyTorch checkpoint", "an entry data.pkl");
}

void check_length(const Storage& storage, size_t found, const std::string& file) {
  if (storage.count > found / size_of(storage.type))
    throw Error(ErrorKind::bad_data, file, "damaged checkpoint: storage '" + storage.key + "'",
                std::to_string(storage.count) + " elements of " + name_of(storage.type),
                std::to_string(found) + " bytes");
}

StateDict read_zip(std::span<const uint8_t> bytes, const std::string& file, const Selector& select) {
  const Zip archive = open_zip(bytes, file);
  const std::string prefix = find_prefix(archive.get(), file);
  if (zip_name_locate(archive.get(), (prefix + "byteorder").c_str(), 0) >= 0) {
    const auto order = read_entry(archive.get(), prefix + "byteorder", bytes.size(), file);
    const std::string text(order.begin(), order.end());
    if (text != "little")
      throw Error(ErrorKind::bad_data, file, "byte order of the checkpoint", "little", text);
  }
  const auto program = read_entry(archive.get(), prefix + "data.pkl", bytes.size(), file);
  pickle::Reader reader(program, file);
  const Value& root = reader.read();

  std::map<std::string, StorageBytes> storages;
  size_t owned = 0;
  const FindStorage find = [&](const Storage& storage) -> const StorageBytes& {
    const auto [position, inserted] = storages.try_emplace(storage.key);
    StorageBytes& content = position->second;
    if (inserted) {
      // All entries together are no larger than the file, unless they lie over each other.
      content.owned = read_entry(archive.get(), prefix + "data/" + storage.key, bytes.size() - owned, file);
      owned += content.owned.size();
      content.view = content.owned;
    }
    check_length(storage, content.view.size(), file);
    return content;
  };
  StateDict dict{file, "PyTorch zip", {}, {}};
  read_tensors(root, find, select, dict, bytes.size());
  return dict;
}

/// All storages that the pickle mentions: the older format does not repeat their element sizes.
std::map<std::string, Storage> collect_storages(const Value& root, const std::string& file) {
  std::map<std::string, Storage> storages;
  std::set<const Value*> seen{&root};
  std::vector<const Value*> open{&root};
  const auto visit = [&](const Value* value) {
    if (seen.insert(value).second) open.push_back(value);
  };
  while (!open.empty()) {
    const Value& value = *open.back();
    open.pop_back();
    if (value.kind == Kind::persistent) {
      Storage storage = parse_storage(value, file);
      storages.try_emplace(storage.key, storage);
      continue;
    }
    for (const Value* item : value.items()) visit(item);
    for (const auto& [key, entry] : value.entries()) visit(entry);
  }
  return storages;
}

/// Source: torch/serialization.py, _legacy_load: five pickles, then every storage as count and raw elements.
StateDict read_legacy(std::span<const uint8_t> bytes, const std::string& file, const Selector& select) {
  pickle::Reader reader(bytes, file);
  const Value& magic = reader.read();
  if (magic.kind != Kind::integer || (magic.integer & 0xFFFFFFFFFFFFFF) != legacy_magic)
    throw Error(ErrorKind::unsupported, file, "this pickle is not a PyTorch checkpoint");
  if (reader.read().integer != 1001)
    throw Error(ErrorKind::bad_data, file, "protocol of the checkpoint", "1001");
  const Value& system = reader.read();
  const Value* little = system.find("little_endian");
  if (little != nullptr && little->integer == 0)
    throw Error(ErrorKind::bad_data, file, "byte order of the checkpoint", "little", "big");
  const Value& root = reader.read();
  const Value& keys = reader.read();

  const std::map<std::string, Storage> known = collect_storages(root, file);
  std::map<std::string, StorageBytes> storages;
  auto rest = bytes.subspan(reader.position());
  for (const Value* item : keys.items()) {
    const std::string key(item->text);
    const auto storage = known.find(key);
    if (storage == known.end())
      throw Error(ErrorKind::bad_data, file,
                  "damaged checkpoint: storage '" + key + "' belongs to no tensor");
    uint64_t count = 0;
    if (rest.size() < sizeof count) throw Error(ErrorKind::bad_data, file, "truncated checkpoint");
    std::memcpy(&count, rest.data(), sizeof count);
    rest = rest.subspan(sizeof count);
    const size_t size = size_of(storage->second.type);
    if (count > rest.size() / size)
      throw Error(ErrorKind::bad_data, file, "truncated checkpoint: storage '" + key + "'",
                  std::to_string(count) + " elements", std::to_string(rest.size() / size));
    storages[key].view = rest.first(count * size);
    rest = rest.subspan(count * size);
  }
  const FindStorage find = [&](const Storage& storage) -> const StorageBytes& {
    const auto found = storages.find(storage.key);
    if (found == storages.end())
      throw Error(ErrorKind::bad_data, file, "damaged checkpoint: storage '" + storage.key + "' is missing");
    check_length(storage, found->second.view.size(), file);
    return found->second;
  };
  StateDict dict{file, "PyTorch legacy", {}, {}};
  read_tensors(root, find, select, dict, bytes.size());
  return dict;
}

}  // namespace

bool looks_like_pth(std::span<const uint8_t> bytes) {
  constexpr size_t header = 8;  // bytes before the brace of a safetensors file, which may begin like a pickle
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                               std::min<size_t>(bytes.size(), header + 1));
  if (start.size() > header && start[header] == '{') return false;
  return start.starts_with(zip_magic) ||
         (start.size() >= 2 && start[0] == '\x80' && start[1] >= 2 && start[1] <= 5);
}

StateDict read_pth(std::span<const uint8_t> bytes, const std::string& file, const Selector& select) {
  return bytes.size() > 1 && bytes[0] == static_cast<uint8_t>(zip_magic[0])
             ? read_zip(bytes, file, select)
             : read_legacy(bytes, file, select);
}

}  // namespace esrgan
