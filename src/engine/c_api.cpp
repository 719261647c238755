// The C interface, on top of the public C++ one.
#include <esrgan/error.h>
#include <esrgan/esrgan.h>
#include <esrgan/models.h>
#include <esrgan/upscaler.h>
#include <esrgan/version.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <string>

struct esrgan_upscaler {
  esrgan::Upscaler upscaler;
};

namespace esrgan {
namespace {

std::string& last_error() {
  thread_local std::string text;
  return text;
}

esrgan_status status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_argument:
      return ESRGAN_INVALID_ARGUMENT;
    case ErrorKind::not_found:
      return ESRGAN_NOT_FOUND;
    case ErrorKind::bad_data:
      return ESRGAN_BAD_DATA;
    case ErrorKind::unsupported:
      return ESRGAN_UNSUPPORTED;
    case ErrorKind::out_of_resources:
      return ESRGAN_OUT_OF_RESOURCES;
    case ErrorKind::io:
      return ESRGAN_IO;
    case ErrorKind::internal:
      break;
  }
  return ESRGAN_INTERNAL;
}

/// The exceptions of `work` as a status and a text.
template <typename Work>
esrgan_status with_status(const Work& work) noexcept {
  const auto failed = [](esrgan_status status, const char* text) noexcept {
    try {
      last_error() = text;
    } catch (...) {  // there is no memory for it
      last_error().clear();
    }
    return status;
  };
  try {
    work();
    return ESRGAN_OK;
  } catch (const Error& error) {
    return failed(status_of(error.kind()), error.what());
  } catch (const Cancelled& cancelled) {
    return failed(ESRGAN_CANCELLED, cancelled.what());
  } catch (const std::bad_alloc&) {
    return failed(ESRGAN_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& other) {
    return failed(ESRGAN_INTERNAL, other.what());
  } catch (...) {  // of a callback
    return failed(ESRGAN_INTERNAL, "an exception of an unknown type");
  }
}

void require(bool condition, const char* what) {
  if (!condition) throw Error(ErrorKind::invalid_argument, what);
}

std::optional<SampleType> sample_type(int32_t type) {
  switch (type) {
    case ESRGAN_U8:
      return SampleType::u8;
    case ESRGAN_U16:
      return SampleType::u16;
    case ESRGAN_F32:
      return SampleType::f32;
    default:
      return std::nullopt;
  }
}

int32_t type_of(SampleType type) {
  return type == SampleType::u8 ? ESRGAN_U8 : type == SampleType::u16 ? ESRGAN_U16 : ESRGAN_F32;
}

ImageInfo info_of(const esrgan_picture* picture) {
  require(picture != nullptr, "the picture is NULL");
  const std::optional<SampleType> type = sample_type(picture->type);
  require(
      type && picture->width > 0 && picture->height > 0 && picture->channels >= 1 && picture->channels <= 4,
      "the picture's size, channels or type cannot be meant");
  ImageInfo info;
  info.width = picture->width;
  info.height = picture->height;
  info.channels = picture->channels;
  info.type = *type;
  require(picture->row_bytes == 0 || picture->row_bytes >= info.row_samples() * size_of(info.type),
          "the picture's rows are shorter than their pixels");
  return info;
}

size_t stride_of(const esrgan_picture& picture, size_t row) {
  return picture.row_bytes != 0 ? picture.row_bytes : row;
}

UpscaleOptions options_of(const esrgan_options& given) {
  require(given.struct_size == sizeof(esrgan_options), "the options were not set by esrgan_options_init()");
  require(given.precision >= ESRGAN_AUTOMATIC && given.precision <= ESRGAN_HALF,
          "the precision cannot be meant");
  UpscaleOptions options;
  options.scale = given.scale;
  options.max_memory = given.max_memory;
  options.max_memory_device = given.max_memory_device;
  if (given.device != nullptr) options.device = given.device;
  options.tile = given.tile;
  options.halo = given.halo;
  options.threads = given.threads;
  options.precision = static_cast<Precision>(given.precision);
  options.self_ensemble = given.self_ensemble != 0;
  options.edges = given.wrap_edges != 0 ? Edges::wrap : Edges::border;
  options.keep_colours = given.keep_colours != 0;
  options.denoise_tv = given.denoise_tv;
  options.strength = given.strength;
  options.denoise = given.denoise;
  options.deblur = given.deblur;
  options.fading = given.fading;
  if (given.consistent != 0) options.consistent = true;
  options.keep_grain = given.keep_grain != 0;
  return options;
}

}  // namespace
}  // namespace esrgan

extern "C" {

const char* esrgan_version(void) {
  return esrgan::version();
}

const char* esrgan_last_error(void) {
  return esrgan::last_error().c_str();
}

void esrgan_options_init(esrgan_options* options) {
  const esrgan::UpscaleOptions defaults;
  *options = {};
  options->struct_size = sizeof(esrgan_options);
  options->scale = defaults.scale;
  options->tile = defaults.tile;
  options->halo = defaults.halo;
  options->strength = defaults.strength;
}

esrgan_status esrgan_open(const char* model, const esrgan_options* options, esrgan_upscaler** upscaler) {
  return esrgan::with_status([&] {
    esrgan::require(upscaler != nullptr, "there is no place for the upscaler");
    *upscaler = nullptr;
    esrgan::require(model != nullptr, "the model is NULL");
    const esrgan::UpscaleOptions chosen =
        options != nullptr ? esrgan::options_of(*options) : esrgan::UpscaleOptions{};
    *upscaler = new esrgan_upscaler{esrgan::Upscaler(esrgan::find_model(model), chosen)};
  });
}

void esrgan_close(esrgan_upscaler* upscaler) {
  delete upscaler;
}

esrgan_status esrgan_result(esrgan_upscaler* upscaler, const esrgan_picture* in, esrgan_picture* out) {
  return esrgan::with_status([&] {
    esrgan::require(upscaler != nullptr && out != nullptr, "the upscaler or the result is NULL");
    const esrgan::ImageInfo info = upscaler->upscaler.result_info(esrgan::info_of(in));
    out->width = info.width;
    out->height = info.height;
    out->channels = info.channels;
    out->type = esrgan::type_of(info.type);
  });
}

size_t esrgan_picture_bytes(const esrgan_picture* picture) {
  size_t bytes = 0;
  const esrgan_status status = esrgan::with_status([&] {
    const esrgan::ImageInfo info = esrgan::info_of(picture);
    const size_t row = info.row_samples() * esrgan::size_of(info.type);
    bytes = static_cast<size_t>(info.height - 1) * esrgan::stride_of(*picture, row) + row;
  });
  return status == ESRGAN_OK ? bytes : 0;
}

esrgan_status esrgan_upscale(esrgan_upscaler* upscaler, const esrgan_picture* in, const esrgan_picture* out,
                             esrgan_progress progress, void* user) {
  return esrgan::with_status([&] {
    esrgan::require(upscaler != nullptr, "the upscaler is NULL");
    esrgan::Image image{esrgan::info_of(in), {}};
    const esrgan::ImageInfo result = upscaler->upscaler.result_info(image.info), room = esrgan::info_of(out);
    esrgan::require(result.width == room.width && result.height == room.height &&
                        result.channels == room.channels && result.type == room.type,
                    "the picture for the result is not as esrgan_result() says");
    esrgan::require(in->samples != nullptr && out->samples != nullptr, "the samples are NULL");
    const auto rows = [](const esrgan_picture& picture, const esrgan::ImageInfo& info, const auto& each) {
      const size_t row = info.row_samples() * esrgan::size_of(info.type);
      for (size_t y = 0; y < static_cast<size_t>(info.height); ++y)
        each(static_cast<std::byte*>(picture.samples) + y * esrgan::stride_of(picture, row), y * row, row);
    };
    image.samples.resize(image.info.bytes());
    rows(*in, image.info, [&](const std::byte* given, size_t at, size_t row) {
      std::memcpy(image.samples.data() + at, given, row);
    });
    std::stop_source stop;
    esrgan::UpscaleEvents events;
    events.stop = stop.get_token();
    if (progress != nullptr)
      events.progress = [&](double share) {
        if (progress(user, share) != 0) stop.request_stop();
      };
    const esrgan::Image large = upscaler->upscaler.upscale(image, events);
    rows(*out, large.info, [&](std::byte* wanted, size_t at, size_t row) {
      std::memcpy(wanted, large.samples.data() + at, row);
    });
  });
}

}  // extern "C"
