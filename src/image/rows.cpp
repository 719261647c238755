#include "image/rows.h"

#include <esrgan/error.h>

#include <string>
#include <utility>

#include "image/gaps.h"
#include "image/samples.h"

namespace esrgan {
namespace {

class MemorySource : public RowSource {
 public:
  explicit MemorySource(std::shared_ptr<const Image> image) : image_(std::move(image)) {
    check_samples(*image_);
  }
  const ImageInfo& info() const override { return image_->info; }
  bool random_access() const override { return true; }
  size_t memory() const override { return image_->samples.size(); }

  void read(int begin, int end, float* out) override {
    const ImageInfo& i = image_->info;
    const size_t row = i.row_samples();
    unpack_samples(image_->samples.data() + static_cast<size_t>(begin) * row * size_of(i.type), i.type,
                   static_cast<size_t>(end - begin) * row, out);
  }

 private:
  std::shared_ptr<const Image> image_;
};

class MemorySink : public RowSink {
 public:
  explicit MemorySink(Image& image) : image_(image) { image_.samples.resize(image_.info.bytes()); }

  void write(const float* rows, int count) override {
    const ImageInfo& i = image_.info;
    const size_t samples = i.row_samples() * static_cast<size_t>(count);
    std::byte* const to = image_.samples.data() + written_ * size_of(i.type);
    pack_samples(rows, samples, i.type, to);
    if (i.no_data && step_of(i.type) > 0) pack_gaps(rows, samples, i.type, *i.no_data, to);
    written_ += samples;
  }
  void finish() override {}

 private:
  Image& image_;
  size_t written_ = 0;
};

}  // namespace

void check_samples(const Image& image) {
  const ImageInfo& i = image.info;
  if (i.width <= 0 || i.height <= 0 || i.channels < 1 || image.samples.size() != i.bytes())
    throw Error(ErrorKind::invalid_argument, "", "an image whose samples do not fit its size",
                std::to_string(i.bytes()) + " bytes", std::to_string(image.samples.size()));
}

std::unique_ptr<RowSource> make_source(std::shared_ptr<const Image> image) {
  return std::make_unique<MemorySource>(std::move(image));
}

std::unique_ptr<RowSink> make_sink(Image& image) {
  return std::make_unique<MemorySink>(image);
}

}  // namespace esrgan
