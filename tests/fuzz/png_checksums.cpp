// Mutations of PNG files whose chunks have right checksums: libpng looks at nothing else.
#include <zlib.h>

#include <cstddef>
#include <cstdint>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  constexpr size_t signature = 8, head = 8, checksum = 4;
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 16 == 0) return size;  // now and then they stay wrong
  for (size_t at = signature; at + head + checksum <= size;) {
    uint8_t* chunk = data + at;
    const size_t length =
        size_t{chunk[0]} << 24U | size_t{chunk[1]} << 16U | size_t{chunk[2]} << 8U | chunk[3];
    if (length > size - at - head - checksum) break;
    const uLong sum = crc32(0, chunk + 4, static_cast<uInt>(length + 4));
    for (unsigned i = 0; i < checksum; ++i)
      chunk[head + length + i] = static_cast<uint8_t>(sum >> (24 - 8 * i));
    at += head + length + checksum;
  }
  return size;
}
