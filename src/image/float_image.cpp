#include "image/float_image.h"

#include <algorithm>

#include "image/samples.h"

namespace esrgan {

FloatImage to_float_image(const Image& image) {
  FloatImage picture(image.info.width, image.info.height, image.info.channels);
  unpack_samples(image.samples.data(), image.info.type, picture.pixels.size(), picture.pixels.data());
  return picture;
}

Image from_float_image(const FloatImage& picture, SampleType type, const ImageInfo& like) {
  Image image{like, {}};
  image.info.width = picture.width;
  image.info.height = picture.height;
  image.info.channels = picture.channels;
  image.info.type = type;
  image.samples.resize(image.info.bytes());
  pack_samples(picture.pixels.data(), picture.pixels.size(), type, image.samples.data());
  return image;
}

FloatImage crop_to_multiple(const FloatImage& picture, int multiple) {
  FloatImage part(picture.width / multiple * multiple, picture.height / multiple * multiple,
                  picture.channels);
  for (int y = 0; y < part.height; ++y) std::copy_n(picture.row(y), part.row_samples(), part.row(y));
  return part;
}

void quantise(FloatImage& picture) {
  std::vector<std::byte> bytes(picture.pixels.size());
  pack_samples(picture.pixels.data(), bytes.size(), SampleType::u8, bytes.data());
  unpack_samples(bytes.data(), SampleType::u8, bytes.size(), picture.pixels.data());
}

}  // namespace esrgan
