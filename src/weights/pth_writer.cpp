#include "weights/pth_writer.h"

#include <esrgan/error.h>
#include <zip.h>

#include <span>
#include <string_view>

#include "base/file.h"
#include "weights/stored_bytes.h"

namespace esrgan {
namespace {

/// A pickle of protocol 2. Opcodes: CPython, Lib/pickletools.py.
class Pickle {
 public:
  Pickle() { bytes_ = {'\x80', 2}; }

  Pickle& op(char code) { return bytes_.push_back(code), *this; }
  Pickle& global(std::string_view module, std::string_view name) {
    return op('c').raw(module).raw("\n").raw(name).raw("\n");
  }
  Pickle& text(std::string_view value) {
    return op('X').number(static_cast<int32_t>(value.size())).raw(value);
  }
  Pickle& integer(int64_t value) {
    if (value == static_cast<int32_t>(value)) return op('J').number(static_cast<int32_t>(value));
    op('\x8a').op(8);  // a long of 8 bytes
    return raw({reinterpret_cast<const char*>(&value), sizeof value});
  }
  Pickle& tuple(const std::vector<int64_t>& values) {
    op('(');
    for (const int64_t value : values) integer(value);
    return op('t');
  }
  std::string take() { return std::move(op('.').bytes_); }

 private:
  Pickle& raw(std::string_view text) { return bytes_.append(text), *this; }
  Pickle& number(int32_t value) { return raw({reinterpret_cast<const char*>(&value), sizeof value}); }

  std::string bytes_;
};

/// torch._utils._rebuild_tensor_v2(storage, 0, shape, stride, False, OrderedDict()).
void add_tensor(Pickle& pickle, const Tensor& tensor, ElementType type, const std::string& key) {
  pickle.global("torch._utils", "_rebuild_tensor_v2").op('(').op('(').text("storage");
  pickle.global("torch", type == ElementType::f16 ? "HalfStorage" : "FloatStorage").text(key).text("cpu");
  pickle.integer(static_cast<int64_t>(tensor.values.size())).op('t').op('Q');
  std::vector<int64_t> stride(tensor.shape.size());
  int64_t step = 1;
  for (size_t d = tensor.shape.size(); d-- > 0; step *= tensor.shape[d]) stride[d] = step;
  pickle.integer(0).tuple(tensor.shape).tuple(stride).op('\x89');
  pickle.global("collections", "OrderedDict").op(')').op('R').op('t').op('R');
}

std::string program_of(const StateDict& dict, ElementType type) {
  Pickle pickle;
  pickle.op('}').text("params").global("collections", "OrderedDict").op(')').op('R').op('(');
  size_t key = 0;
  for (const auto& [name, tensor] : dict.tensors) {
    pickle.text(name);
    add_tensor(pickle, tensor, type, std::to_string(key++));
  }
  return pickle.op('u').op('s').take();
}

/// A zip archive in memory; what is added must live until bytes() is called.
class Archive {
 public:
  Archive() {
    zip_error_t error;
    zip_error_init(&error);
    source_ = zip_source_buffer_create(nullptr, 0, 0, &error);
    archive_ = source_ != nullptr ? zip_open_from_source(source_, ZIP_TRUNCATE, &error) : nullptr;
    zip_error_fini(&error);
    if (archive_ == nullptr) {
      if (source_ != nullptr) zip_source_free(source_);
      throw Error(ErrorKind::out_of_resources, "", "an archive cannot be made");
    }
    zip_source_keep(source_);
  }
  ~Archive() {
    if (archive_ != nullptr) zip_discard(archive_);
    zip_source_free(source_);
  }
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;
  Archive(Archive&&) = delete;
  Archive& operator=(Archive&&) = delete;

  void add(const std::string& name, std::span<const uint8_t> content) {
    zip_source_t* source = zip_source_buffer(archive_, content.data(), content.size(), 0);
    const zip_int64_t index =
        source != nullptr ? zip_file_add(archive_, name.c_str(), source, ZIP_FL_ENC_UTF_8) : -1;
    const bool added =
        index >= 0 &&
        zip_set_file_compression(archive_, static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0) == 0 &&
        zip_file_set_dostime(archive_, static_cast<zip_uint64_t>(index), 0, 0x21, 0) == 0;  // 1980-01-01
    if (!added) fail();
  }

  std::vector<uint8_t> bytes() {
    if (zip_close(archive_) != 0) fail();
    archive_ = nullptr;
    zip_stat_t status;
    if (zip_source_stat(source_, &status) != 0 || zip_source_open(source_) != 0) fail();
    std::vector<uint8_t> result(status.size);
    const auto read = zip_source_read(source_, result.data(), result.size());
    zip_source_close(source_);
    if (read != static_cast<zip_int64_t>(result.size())) fail();
    return result;
  }

 private:
  [[noreturn]] static void fail() {
    throw Error(ErrorKind::out_of_resources, "", "an archive cannot be written");
  }

  zip_source_t* source_ = nullptr;
  zip_t* archive_ = nullptr;
};

}  // namespace

void write_pth(const StateDict& dict, ElementType type, const std::filesystem::path& target) {
  const std::string program = program_of(dict, type), version = "3\n", order = "little";
  const auto bytes = [](const std::string& text) {
    return std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  };
  std::vector<std::vector<uint8_t>> storages;
  storages.reserve(dict.tensors.size());
  for (const auto& [name, tensor] : dict.tensors) storages.push_back(stored_bytes(tensor.values, type));
  Archive archive;
  archive.add("archive/data.pkl", bytes(program));
  archive.add("archive/byteorder", bytes(order));
  for (size_t i = 0; i < storages.size(); ++i) archive.add("archive/data/" + std::to_string(i), storages[i]);
  archive.add("archive/version", bytes(version));
  write_file(target, archive.bytes());
}

}  // namespace esrgan
