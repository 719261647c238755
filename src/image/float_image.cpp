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

FloatImage cut(const FloatImage& from, int left, int top, int width, int height) {
  FloatImage part(width, height, from.channels);
  for (int y = 0; y < height; ++y)
    std::copy_n(from.row(top + y) + static_cast<ptrdiff_t>(left) * from.channels, part.row_samples(),
                part.row(y));
  return part;
}

void paste(const FloatImage& from, FloatImage& rgb, int left, int top) {
  for (int y = 0; y < from.height; ++y)
    for (int x = 0; x < from.width; ++x)
      for (int c = 0; c < 3; ++c) rgb.at(left + x, top + y, c) = from.at(x, y, from.channels < 3 ? 0 : c);
}

FloatImage over_white(const FloatImage& picture) {
  if (picture.channels % 2 != 0) return picture;
  const int colours = picture.channels - 1;
  FloatImage opaque(picture.width, picture.height, colours);
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x) {
      const float alpha = picture.at(x, y, colours);
      for (int c = 0; c < colours; ++c) opaque.at(x, y, c) = picture.at(x, y, c) * alpha + (1 - alpha);
    }
  return opaque;
}

FloatImage crop_to_multiple(const FloatImage& picture, int multiple) {
  return cut(picture, 0, 0, picture.width / multiple * multiple, picture.height / multiple * multiple);
}

void quantise(FloatImage& picture) {
  std::vector<std::byte> bytes(picture.pixels.size());
  pack_samples(picture.pixels.data(), bytes.size(), SampleType::u8, bytes.data());
  unpack_samples(bytes.data(), SampleType::u8, bytes.size(), picture.pixels.data());
}

}  // namespace esrgan
