// Metadata of one format for another.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "image/codecs/codec.h"

namespace esrgan {

/// What of `from` a format can say about a picture of this size and these channels: brought up to date,
/// colours said in another way where the format does not know theirs, and what it cannot hold named in
/// `remarks`.
std::shared_ptr<const ImageMetadata> fit_metadata(const ImageMetadata& from, const Codec& codec,
                                                  const StoredPicture& picture, const WriteOptions& options,
                                                  std::vector<std::string>& remarks);

}  // namespace esrgan
