#include "train/data/degradations/codecs.h"

#include <esrgan/error.h>
#include <webp/decode.h>
#include <webp/encode.h>

#include <cstdlib>
#include <memory>

#include "image/codecs/jpeg_errors.h"
#include "image/samples.h"

namespace esrgan::train {
namespace {

struct Bytes {
  unsigned char* data = nullptr;
  unsigned long size = 0;
  ~Bytes() { std::free(data); }
};

void compress(const FloatImage& picture, int quality, Bytes& to) {
  JpegErrors errors("", "JPEG: ");
  jpeg_compress_struct codec{};
  codec.err = &errors.manager;
  jpeg_create_compress(&codec);
  const std::unique_ptr<jpeg_compress_struct, decltype(&jpeg_destroy_compress)> owner(&codec,
                                                                                      jpeg_destroy_compress);
  jpeg_mem_dest(&codec, &to.data, &to.size);
  codec.image_width = static_cast<JDIMENSION>(picture.width);
  codec.image_height = static_cast<JDIMENSION>(picture.height);
  codec.input_components = 3;
  codec.in_color_space = JCS_RGB;
  jpeg_set_defaults(&codec);
  jpeg_set_quality(&codec, quality, TRUE);
  jpeg_start_compress(&codec, TRUE);
  std::vector<JSAMPLE> samples(picture.row_samples());
  JSAMPROW row = samples.data();
  for (int y = 0; y < picture.height; ++y) {
    pack_samples(picture.row(y), samples.size(), SampleType::u8,
                 reinterpret_cast<std::byte*>(samples.data()));
    jpeg_write_scanlines(&codec, &row, 1);
  }
  jpeg_finish_compress(&codec);
}

}  // namespace

std::vector<uint8_t> bytes_of(const std::vector<float>& pixels) {
  std::vector<uint8_t> bytes(pixels.size());
  pack_samples(pixels.data(), pixels.size(), SampleType::u8, reinterpret_cast<std::byte*>(bytes.data()));
  return bytes;
}

void take_bytes(const uint8_t* bytes, std::vector<float>& pixels) {
  unpack_samples(reinterpret_cast<const std::byte*>(bytes), SampleType::u8, pixels.size(), pixels.data());
}

FloatImage through_webp(const FloatImage& picture, int quality) {
  const std::vector<uint8_t> bytes = bytes_of(picture.pixels);
  uint8_t* encoded = nullptr;
  const size_t size = WebPEncodeRGB(bytes.data(), picture.width, picture.height, 3 * picture.width,
                                    static_cast<float>(quality), &encoded);
  const std::unique_ptr<uint8_t, decltype(&WebPFree)> encoded_owner(encoded, WebPFree);
  int width = 0, height = 0;
  const std::unique_ptr<uint8_t, decltype(&WebPFree)> decoded(
      size == 0 ? nullptr : WebPDecodeRGB(encoded, size, &width, &height), WebPFree);
  if (!decoded || width != picture.width || height != picture.height)
    throw Error(ErrorKind::internal, "", "WebP: a patch could not be compressed");
  FloatImage result(picture.width, picture.height, 3);
  take_bytes(decoded.get(), result.pixels);
  return result;
}

FloatImage through_jpeg(const FloatImage& picture, int quality) {
  Bytes bytes;
  compress(picture, quality, bytes);
  JpegErrors errors("", "JPEG: ");
  jpeg_decompress_struct codec{};
  codec.err = &errors.manager;
  jpeg_create_decompress(&codec);
  const std::unique_ptr<jpeg_decompress_struct, decltype(&jpeg_destroy_decompress)> owner(
      &codec, jpeg_destroy_decompress);
  jpeg_mem_src(&codec, bytes.data, bytes.size);
  jpeg_read_header(&codec, TRUE);
  codec.out_color_space = JCS_RGB;
  jpeg_start_decompress(&codec);
  FloatImage result(picture.width, picture.height, 3);
  std::vector<JSAMPLE> samples(result.row_samples());
  JSAMPROW row = samples.data();
  for (int y = 0; y < result.height; ++y) {
    jpeg_read_scanlines(&codec, &row, 1);
    unpack_samples(reinterpret_cast<const std::byte*>(samples.data()), SampleType::u8, samples.size(),
                   result.row(y));
  }
  jpeg_finish_decompress(&codec);
  return result;
}

}  // namespace esrgan::train
