// Colours under transparency.
#pragma once

#include <esrgan/image.h>

namespace esrgan {

/// Gives fully transparent pixels, whose stored colour means nothing, the colours of their visible
/// surroundings, so that no network sees an edge there. Pull-push: visible colours are averaged down a
/// pyramid, gaps filled on the way up (Gortler et al., The Lumigraph, 1996). Pictures without alpha are left
/// alone.
void bleed_colours(Image& image);

}  // namespace esrgan
