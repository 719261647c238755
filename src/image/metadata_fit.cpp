#include "image/metadata_fit.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "base/unicode.h"
#include "image/codecs/photoshop.h"
#include "image/exif.h"
#include "image/metadata/colour_convert.h"
#include "image/metadata/exif_tree.h"

namespace esrgan {
namespace {

/// "a", "a and b", "a, b and c".
std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : (i + 1 == words.size() ? " and " : ", ")) + words[i];
  return text;
}

/// Whether JPEG XL knows colours by these numbers; others can be told to it by an ICC profile.
bool has_name_in_jxl(const CodePoints& points) {
  const auto is_in = [](int number, std::initializer_list<int> known) {
    return std::find(known.begin(), known.end(), number) != known.end();
  };
  return is_in(points.primaries, {1, 9, 12}) && is_in(points.transfer, {1, 6, 8, 13, 14, 15, 16, 18});
}

class Fit {
 public:
  Fit(ImageMetadata from, const Codec& codec, const StoredPicture& picture, const WriteOptions& options)
      : m_(std::move(from)), codec_(codec), holds_(codec.holds), picture_(picture), options_(options) {}

  ImageMetadata run(std::vector<std::string>& remarks) {
    fit_colour();
    fit_resolution();
    if (!m_.dicom.empty() && codec_.name != "DICOM") {
      lost_.emplace_back("data set (DICOM)");
      m_.dicom.clear();
    }
    if (!m_.nifti.empty() && codec_.name != "NIfTI") {
      lost_.emplace_back("place in space (NIfTI)");
      m_.nifti.clear();
    }
    if (options_.keep_metadata)
      fit_descriptions();
    else
      strip();
    if (!lost_.empty())
      remarks_.push_back(std::string(codec_.name) + " cannot hold the picture's " + listed(lost_) + "; " +
                         (lost_.size() == 1 ? "it is" : "they are") + " left out");
    remarks.insert(remarks.end(), remarks_.begin(), remarks_.end());
    return std::move(m_);
  }

 private:
  void fit_colour() {
    const std::string wanted = picture_.channels <= 2 ? "GRAY" : "RGB ";
    const std::string found = icc_colour_space(m_.icc);
    if (!m_.icc.empty() && found != wanted) {
      remarks_.push_back("the colour profile is for " + (found.empty() ? "unknown" : found) +
                         " data and is dropped");
      m_.icc.clear();
    }
    if (!m_.icc.empty() && !holds_.icc) {
      lost_.emplace_back("colour profile");
      m_.icc.clear();
    }
    fit_code_points();
    fit_chromaticities();
  }

  /// The colours are said by an ICC profile if the format can hold one, and the profile can say it.
  template <typename Numbers>
  void say_by_profile(const Numbers& numbers, const char* what) {
    if (!m_.icc.empty()) return;
    bool is_srgb = false;
    std::vector<uint8_t> profile = icc_of(numbers, is_srgb);
    if (is_srgb) {
      m_.says_srgb = true;
    } else if (picture_.channels > 2 && holds_.icc && !profile.empty()) {
      m_.icc = std::move(profile);
    } else {
      lost_.emplace_back(what);
    }
  }

  void fit_code_points() {
    if (!m_.code_points) return;
    const CodePoints points = *m_.code_points;
    bool is_srgb = false;
    const std::vector<uint8_t> profile = icc_of(points, is_srgb);
    const bool says_nothing = points.primaries == 2 && points.transfer == 2;
    if (is_srgb || says_nothing) {
      m_.says_srgb = m_.says_srgb || is_srgb;
      m_.code_points.reset();
    } else if (!holds_.code_points || (codec_.name == "JPEG XL" && !has_name_in_jxl(points))) {
      m_.code_points.reset();
      say_by_profile(points, "colour space by numbers");
    } else if (m_.icc.empty() && holds_.icc && picture_.channels > 2) {
      m_.icc = profile;  // for programs that do not know the numbers
    }
  }

  void fit_chromaticities() {
    if (!m_.chromaticities || holds_.chromaticities) return;
    const Chromaticities chromaticities = *m_.chromaticities;
    m_.chromaticities.reset();
    if (!m_.code_points && !m_.says_srgb) say_by_profile(chromaticities, "chromaticities and gamma");
  }

  /// Where the format has no field of its own for it, EXIF tells it.
  void fit_resolution() {
    const bool asked = options_.dpi > 0;
    if (asked) {
      m_.resolution = {options_.dpi, options_.dpi, Resolution::Unit::inch};
      set_exif_resolution(m_, options_.dpi);
      set_photoshop_resolution(m_, options_.dpi);
    } else if (m_.resolution.x <= 0 || says_little(m_.resolution)) {
      const Resolution other = exif_resolution(m_);
      if (other.x > 0) m_.resolution = other;
    }
    if (m_.resolution.x <= 0 || holds_.resolution) return;
    const bool told = holds_.exif && options_.keep_metadata && put_resolution_into_exif(m_, m_.resolution);
    if (!told && (asked || options_.keep_metadata)) lost_.emplace_back("resolution");
    m_.resolution = {};
  }

  /// 72 per inch is what writers say that know nothing.
  static bool says_little(const Resolution& resolution) {
    return resolution.unit == Resolution::Unit::inch && resolution.x == 72 && resolution.y == 72;
  }

  void strip() {
    m_.exif.clear();
    m_.xmp.clear();
    m_.extended_xmp.clear();
    m_.iptc.clear();
    m_.photoshop.clear();
    m_.texts.clear();
    m_.comments.clear();
    m_.chunks.clear();
  }

  /// Leaves a block out when the format cannot hold it, or not so much of it.
  template <typename Block>
  void fit_block(Block& block, bool held, const char* what, size_t most) {
    if (block.empty() || (held && (most == no_limit || block.size() <= most))) return;
    lost_.emplace_back(held ? std::string(what) + " (" + std::to_string(block.size()) + " bytes)" : what);
    block.clear();
  }

  void fit_descriptions() {
    set_picture_size(m_, picture_.width, picture_.height);
    carry_generation_text();
    fit_exif();
    fit_block(m_.xmp, holds_.xmp, "XMP data", holds_.largest_block);
    // Both are JPEG's alone in this form.
    if (codec_.name != "JPEG" && !m_.extended_xmp.empty()) {
      lost_.emplace_back("extended XMP data");
      m_.extended_xmp.clear();
    }
    fit_block(m_.iptc, holds_.iptc, "IPTC data", no_limit);
    fit_block(m_.photoshop, holds_.iptc, "Photoshop data", no_limit);
    fit_texts();
  }

  void fit_exif() {
    if (codec_.name == "TIFF" && !m_.exif.empty()) {  // EXIF is taken apart: its directories are TIFF's own
      if (!is_exif(m_.exif)) lost_.emplace_back("EXIF data (damaged)");
      if (has_thumbnail(m_)) lost_.emplace_back("EXIF thumbnail");
    }
    const size_t most = holds_.largest_block;
    if (holds_.exif && most != 0 && m_.exif.size() > most && is_exif(m_.exif)) {
      remarks_.push_back(std::string(codec_.name) + " holds " + std::to_string(most) +
                         " bytes of EXIF data; the thumbnail and the largest of it are left out");
      shrink_exif(m_, most);
    }
    fit_block(m_.exif, holds_.exif, "EXIF data", most);
  }

  /// What programs that make pictures from text write into PNG files is kept in EXIF's user comment
  /// elsewhere, as these programs do it.
  void carry_generation_text() {
    if (holds_.text || !holds_.exif) return;
    const auto found = std::find_if(m_.texts.begin(), m_.texts.end(),
                                    [](const TextEntry& entry) { return entry.keyword == "parameters"; });
    if (found == m_.texts.end()) return;
    if (add_user_comment(m_, found->text)) m_.texts.erase(found);
  }

  void fit_texts() {
    if (!holds_.text) {
      std::vector<std::string> keywords;
      for (const TextEntry& entry : m_.texts) {
        if (entry.keyword == "Comment" && holds_.comments)
          m_.comments.push_back(entry.text);
        else
          keywords.push_back("'" + entry.keyword + "'");
      }
      if (!keywords.empty()) lost_.push_back("text " + listed(keywords));
      m_.texts.clear();
      for (const PngChunk& chunk : m_.chunks)
        lost_.push_back("PNG chunk " + std::string(chunk.type.data(), chunk.type.size()));
      m_.chunks.clear();
    }
    if (!holds_.comments && !m_.comments.empty()) {
      lost_.emplace_back("comment");
      m_.comments.clear();
    }
  }

  static constexpr size_t no_limit = 0;  ///< as of Holds::largest_block

  ImageMetadata m_;
  const Codec& codec_;
  const Holds& holds_;
  const StoredPicture& picture_;
  const WriteOptions& options_;
  std::vector<std::string> lost_, remarks_;
};

}  // namespace

std::shared_ptr<const ImageMetadata> fit_metadata(const ImageMetadata& from, const Codec& codec,
                                                  const StoredPicture& picture, const WriteOptions& options,
                                                  std::vector<std::string>& remarks) {
  return std::make_shared<ImageMetadata>(Fit(from, codec, picture, options).run(remarks));
}

}  // namespace esrgan
