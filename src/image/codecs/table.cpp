#include "image/codecs/table.h"

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <utility>

#include "image/codecs/bmp.h"
#include "image/codecs/jpeg.h"
#include "image/codecs/module_loader.h"
#include "image/codecs/nifti.h"
#include "image/codecs/png.h"
#include "image/codecs/pnm.h"
#include "image/codecs/tiff.h"
#include "image/codecs/webp.h"

namespace esrgan {
namespace {

using namespace std::string_view_literals;
using enum SampleType;

bool begins(std::span<const uint8_t> head, std::string_view with, size_t at = 0) {
  return head.size() >= at + with.size() && std::memcmp(head.data() + at, with.data(), with.size()) == 0;
}

/// An ISO base media file whose major or compatible brands (ISO/IEC 14496-12, 4.3) name one of these.
bool has_brand(std::span<const uint8_t> head, std::initializer_list<std::string_view> brands) {
  if (!begins(head, "ftyp", 4)) return false;
  for (size_t at = 8; at + 4 <= head.size(); at += 4)
    if (at != 12 &&
        std::any_of(brands.begin(), brands.end(), [&](auto brand) { return begins(head, brand, at); }))
      return true;
  return false;
}

bool looks_like_avif(std::span<const uint8_t> head) {
  return has_brand(head, {"avif", "avis"});
}

bool looks_like_heif(std::span<const uint8_t> head) {
  return !looks_like_avif(head) && has_brand(head, {"heic", "heix", "hevc", "heim", "heis", "mif1", "msf1"});
}

bool looks_like_jxl(std::span<const uint8_t> head) {
  return begins(head, "\xFF\x0A"sv) || begins(head, "\0\0\0\x0CJXL \x0D\x0A\x87\x0A"sv);
}

bool looks_like_dicom(std::span<const uint8_t> head) {
  constexpr size_t preamble = 128;
  return head.size() >= preamble && begins(head.subspan(preamble), "DICM"sv);
}

bool looks_like_exr(std::span<const uint8_t> head) {
  return begins(head, "\x76\x2F\x31\x01"sv);
}

const std::vector<SampleType> bytes_only{u8}, whole_numbers{u8, u16};

// Some of what formats hold is only read: those rows have no channels.
std::vector<Codec> make_table() {
  const auto built_in = [](Codec codec, bool (*recognises)(std::span<const uint8_t>),
                           std::unique_ptr<Decoder> (*open)(std::shared_ptr<const ByteSource>),
                           std::unique_ptr<Encoder> (*create)(ByteSink&, const EncodeOptions&)) {
    codec.recognises = recognises;
    codec.open = open;
    codec.create = create;
    return codec;
  };
  const auto in_module = [](Codec codec, std::string_view module, std::string_view package,
                            bool (*recognises)(std::span<const uint8_t>) = nullptr) {
    codec.module = module;
    codec.package = package;
    codec.recognises = recognises;
    return codec;
  };
  const auto upright = [](Codec codec) {
    codec.upright = true;
    return codec;
  };
  const auto in_series = [](Codec codec) {
    codec.in_series = true;
    return codec;
  };
  const Holds png{.channels = "1234",
                  .types = whole_numbers,
                  .alpha = Alpha::straight,
                  .largest_side = 0x7FFFFFFF,
                  .lossless = true,
                  .icc = true,
                  .exif = true,
                  .xmp = true,
                  .iptc = true,
                  .text = true,
                  .comments = true,
                  .resolution = true,
                  .code_points = true,
                  .chromaticities = true};
  const Holds jpeg{.channels = "13",
                   .types = bytes_only,
                   .largest_side = 65500,
                   .lossy = true,
                   .largest_block = jpeg_marker_bytes,
                   .icc = true,
                   .exif = true,
                   .xmp = true,
                   .iptc = true,
                   .comments = true,
                   .resolution = true};
  const Holds tiff{.channels = "1234",
                   .types = {u8, u16, f16, f32, i8, i16, u32, i32},
                   .alpha = Alpha::straight,
                   .largest_side = 0x7FFFFFFF,
                   .lossless = true,
                   .icc = true,
                   .exif = true,
                   .xmp = true,
                   .iptc = true,
                   .resolution = true,
                   .several = true,
                   .bands = true};
  const Holds webp{.channels = "34",
                   .types = bytes_only,
                   .alpha = Alpha::straight,
                   .largest_side = 16383,
                   .lossy = true,
                   .lossless = true,
                   .icc = true,
                   .exif = true,
                   .xmp = true,
                   .several = true};
  const Holds bmp{.channels = "134",
                  .types = bytes_only,
                  .alpha = Alpha::straight,
                  .largest_side = 0x7FFFFFFF,
                  .lossless = true,
                  .icc = true,
                  .resolution = true};
  const auto portable = [](std::string_view channels, std::vector<SampleType> types,
                           Alpha alpha = Alpha::none) {
    return Holds{.channels = channels, .types = std::move(types), .alpha = alpha, .lossless = true};
  };
  const Holds heif{.channels = "1234",
                   .types = whole_numbers,
                   .alpha = Alpha::straight,
                   .largest_side = 32767,
                   .lossy = true,
                   .lossless = true,
                   .icc = true,
                   .exif = true,
                   .xmp = true,
                   .code_points = true};
  Holds avif = heif;
  avif.largest_side = 32768;
  const Holds jxl{.channels = "1234",
                  .types = {u8, u16, f16, f32},
                  .alpha = Alpha::straight,
                  .largest_side = 0x3FFFFFFF,
                  .lossy = true,
                  .lossless = true,
                  .icc = true,
                  .exif = true,
                  .xmp = true,
                  .code_points = true,
                  .several = true};
  const Holds exr{.channels = "1234",
                  .types = {f16, f32},
                  .alpha = Alpha::associated,
                  .largest_side = 1'000'000,
                  .lossless = true,
                  .resolution = true,
                  .chromaticities = true,
                  .linear = true};
  const Holds read_only{};
  constexpr std::string_view oiio = "openimageio", oiio_package = "libopenimageio2.4";
  return {
      built_in({"PNG", {"png", "apng"}, png}, looks_like_png, open_png, create_png),
      built_in({"JPEG", {"jpg", "jpeg", "jpe", "jfif", "jif"}, jpeg}, looks_like_jpeg, open_jpeg,
               create_jpeg),
      // Some begin as TIFF files do, too (PS3.10, 7.1).
      in_series(in_module({"DICOM",
                           {"dcm", "dicom", "ima"},
                           {.channels = "13",
                            .types = {u8, i16, u32, i32},
                            .largest_side = 65535,
                            .lossless = true,
                            .several = true,
                            .of_its_kind = true}},
                          "dicom", "libdcmtk17", looks_like_dicom)),
      built_in({"TIFF", {"tif", "tiff", "btf", "tf8"}, tiff}, looks_like_tiff, open_tiff, create_tiff),
      built_in({"WebP", {"webp"}, webp}, looks_like_webp, open_webp, create_webp),
      built_in({"BMP", {"bmp", "dib"}, bmp}, looks_like_bmp, open_bmp, create_bmp),
      built_in({"PPM", {"ppm"}, portable("3", whole_numbers)}, nullptr, open_pnm, create_pnm),
      built_in({"PGM", {"pgm"}, portable("1", whole_numbers)}, nullptr, open_pnm, create_pnm),
      built_in({"PNM", {"pnm"}, portable("13", whole_numbers)}, looks_like_pnm, open_pnm, create_pnm),
      built_in({"PAM", {"pam"}, portable("1234", whole_numbers, Alpha::straight)}, nullptr, open_pnm,
               create_pnm),
      built_in({"PFM", {"pfm"}, portable("13", {f32})}, nullptr, open_pnm, create_pnm),
      built_in({"PBM", {"pbm"}, read_only}, nullptr, open_pnm, nullptr),
      upright(in_module({"HEIF", {"heic", "heif", "hif"}, heif}, "heif", "libheif1", looks_like_heif)),
      upright(in_module({"AVIF", {"avif"}, avif}, "heif", "libheif1", looks_like_avif)),
      upright(in_module({"JPEG XL", {"jxl"}, jxl}, "jxl", "libjxl0.7", looks_like_jxl)),
      in_module({"OpenEXR", {"exr"}, exr}, "exr", "libopenexr-3-1-30", looks_like_exr),
      built_in({"NIfTI",
                {"nii", "gz"},
                {.channels = "13",
                 .types = {u8, i16, u32, i32, f32},
                 .lossless = true,
                 .several = true,
                 .of_its_kind = true}},
               looks_like_nifti, open_nifti, create_nifti),
      in_module({"GIF", {"gif"}, read_only}, oiio, oiio_package),
      in_module({"Targa",
                 {"tga", "tpic"},
                 {.channels = "134",
                  .types = bytes_only,
                  .alpha = Alpha::straight,
                  .largest_side = 65535,
                  .lossless = true}},
                oiio, oiio_package),
      in_module({"Radiance HDR",
                 {"hdr", "rgbe"},
                 {.channels = "3", .types = {f32}, .lossless = true, .linear = true}},
                oiio, oiio_package),
      in_module({"JPEG 2000", {"jp2", "j2k", "j2c", "jpc"}, read_only}, oiio, oiio_package),
      in_module({"SGI",
                 {"sgi", "rgb", "rgba", "bw", "int", "inta"},
                 {.channels = "13", .types = whole_numbers, .largest_side = 65535, .lossless = true}},
                oiio, oiio_package),
      in_module({"DPX", {"dpx"}, {.channels = "3", .types = whole_numbers, .lossless = true}}, oiio,
                oiio_package),
      in_module({"DDS", {"dds"}, read_only}, oiio, oiio_package),
      in_module({"ICO", {"ico"}, read_only}, oiio, oiio_package),
      in_module({"Photoshop", {"psd", "pdd", "psb"}, read_only}, oiio, oiio_package),
      in_module({"Cineon", {"cin"}, read_only}, oiio, oiio_package),
      in_module({"IFF", {"iff", "z"}, read_only}, oiio, oiio_package),
      in_module({"RLA", {"rla"}, read_only}, oiio, oiio_package),
      in_module({"Softimage", {"pic"}, read_only}, oiio, oiio_package),
      in_module({"camera raw",
                 {"cr2", "cr3", "crw", "nef", "arw", "dng", "orf", "raf", "rw2", "pef", "srw"},
                 read_only},
                oiio, oiio_package),
  };
}

const std::vector<Codec>& table() {
  static const std::vector<Codec> rows = make_table();
  return rows;
}

}  // namespace

std::string lower_extension(const std::string& path) {
  std::string extension = std::filesystem::path(path).extension().string();
  if (extension.empty()) extension = path;  // a bare "png"
  if (!extension.empty() && extension[0] == '.') extension.erase(0, 1);
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

std::span<const Codec> codecs() {
  return table();
}

const Codec* find_codec(const std::string& extension) {
  const std::string lower = lower_extension(extension);
  for (const Codec& codec : table())
    if (std::find(codec.extensions.begin(), codec.extensions.end(), lower) != codec.extensions.end())
      return &codec;
  return nullptr;
}

const Codec& codec_of(const ByteSource& source, const std::string& extension) {
  std::array<uint8_t, 132> head{};
  const std::span<const uint8_t> begin(head.data(), source.read_at(0, head));
  const Codec* by_name = find_codec(extension);
  // Camera raw files are TIFF files of a kind: whoever names one so means the photograph, not its preview.
  if (by_name != nullptr && by_name->name == "camera raw" && is_available(*by_name)) return *by_name;
  for (const Codec& codec : table())
    if (codec.recognises != nullptr && codec.recognises(begin)) return codec;
  if (by_name != nullptr && by_name->recognises == nullptr && !by_name->module.empty()) return *by_name;
  throw Error(ErrorKind::unsupported, source.name(),
              "is not a picture of a kind that is known ('esrgan formats' lists them)");
}

bool is_available(const Codec& codec) {
  return codec.module.empty() || module_is_available(codec.module);
}

std::string how_to_get(const Codec& codec) {
  return "install the package " + std::string(codec.package) + ", or run script/setup formats";
}

std::unique_ptr<Decoder> open_decoder(const Codec& codec, std::shared_ptr<const ByteSource> source) {
  if (codec.module.empty()) return codec.open(std::move(source));
  if (!is_available(codec))
    throw Error(ErrorKind::unsupported, source->name(),
                std::string(codec.name) + " pictures cannot be read here: " + how_to_get(codec));
  return load_module(codec.module).open(codec.name, std::move(source));
}

std::unique_ptr<Encoder> create_encoder(const Codec& codec, ByteSink& sink, const EncodeOptions& options) {
  if (codec.module.empty()) return codec.create(sink, options);
  if (!is_available(codec))
    throw Error(ErrorKind::unsupported, sink.name(),
                std::string(codec.name) + " pictures cannot be written here: " + how_to_get(codec));
  return load_module(codec.module).create(codec.name, sink, options);
}

}  // namespace esrgan
