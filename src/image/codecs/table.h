// All picture formats, a row each.
#pragma once

#include <span>
#include <string>

#include "image/codecs/codec.h"

namespace esrgan {

std::span<const Codec> codecs();

/// The row of an extension ("png", with or without a dot, in any case), or null.
const Codec* find_codec(const std::string& extension);

/// The row for a file: by its content; by its extension where the content tells nothing and the format is one
/// that has no sure sign. Throws Error naming the file when no format fits.
const Codec& codec_of(const ByteSource& source, const std::string& extension);

/// Whether the code of a row is here: built in, or in a module that can be loaded.
bool is_available(const Codec& codec);

/// What is to be done to make a row available that is not.
std::string how_to_get(const Codec& codec);

/// Throw Error when the code of the row is not here.
std::unique_ptr<Decoder> open_decoder(const Codec& codec, std::shared_ptr<const ByteSource> source);
std::unique_ptr<Encoder> create_encoder(const Codec& codec, ByteSink& sink, const EncodeOptions& options);

/// Lower case, without a dot: of "a/B.JPG" and of "JPG".
std::string lower_extension(const std::string& path);

}  // namespace esrgan
