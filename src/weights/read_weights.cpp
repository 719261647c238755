#include "weights/read_weights.h"

#include <esrgan/error.h>

#include "base/file.h"
#include "weights/builtin.h"
#include "weights/foreign_file.h"
#include "weights/ncnn.h"
#include "weights/onnx.h"
#include "weights/onnx_file.h"
#include "weights/pth.h"
#include "weights/safetensors.h"

namespace esrgan {
namespace {

StateDict read_ncnn_pair(std::filesystem::path path) {
  const std::filesystem::path param = path.replace_extension(".param");
  const std::filesystem::path bin = path.replace_extension(".bin");
  const MappedFile param_file(param), bin_file(bin);
  const auto text = param_file.bytes();
  return read_ncnn({reinterpret_cast<const char*>(text.data()), text.size()}, bin_file.bytes(),
                   param_file.name(), bin_file.name());
}

bool is_ncnn(const std::filesystem::path& path) {
  if (path.extension() == ".param") return true;
  // .bin is also how some sites name PyTorch checkpoints
  return path.extension() == ".bin" &&
         std::filesystem::exists(std::filesystem::path(path).replace_extension(".param"));
}

StateDict read_unchecked(const std::filesystem::path& path, const Selector& select) {
  if (const auto bytes = builtin_bytes(path)) return read_safetensors(*bytes, path.string(), select);
  if (is_ncnn(path)) return read_ncnn_pair(path);
  const MappedFile file(path);
  if (looks_like_pth(file.bytes())) return read_pth(file.bytes(), file.name(), select);
  if (onnx::looks_like_model(file.bytes())) return read_onnx(file.bytes(), file.name(), select);
  refuse_foreign_file(file.bytes(), file.name());
  return read_safetensors(file.bytes(), file.name(), select);
}

}  // namespace

StateDict read_weights(const std::filesystem::path& path, const Selector& select) {
  StateDict weights = read_unchecked(path, select);
  check_finite(weights);
  return weights;
}

std::map<std::string, std::string> read_weights_metadata(const std::filesystem::path& path) {
  if (const auto bytes = builtin_bytes(path)) return read_safetensors_metadata(*bytes, path.string());
  const MappedFile file(path);  // of which only what is looked at is read
  if (is_ncnn(path) || looks_like_pth(file.bytes())) return {};
  if (onnx::looks_like_model(file.bytes())) return read_onnx_metadata(file.bytes(), file.name());
  refuse_foreign_file(file.bytes(), file.name());
  return read_safetensors_metadata(file.bytes(), file.name());
}

}  // namespace esrgan
