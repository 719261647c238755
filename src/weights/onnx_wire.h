// What the writer and the reader of ONNX files share.
#pragma once

#include <cstdint>

namespace esrgan::onnx {

/// Protobuf's ways to write a field.
enum class Wire : uint32_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

/// AttributeProto.AttributeType.
enum class Kind : int64_t { real = 1, integer = 2, text = 3, tensor = 4, reals = 6, integers = 7 };

}  // namespace esrgan::onnx
