// The operations of a graph that are no convolutions.
#pragma once

#include "device/cpu/kernels/convolutions.h"
#include "graph/graph.h"

namespace esrgan {

// `part` is counted in the picture, in pixels of the output where nothing else is said.

/// Moves values between the deep view (many channels) and the wide one (more pixels), in either direction;
/// part of the deep.
void shuffle_pixels(const FeatureView& deep, const FeatureView& wide, int factor, bool to_deep,
                    const BandPart& part);

/// out = in + base enlarged by `factor`.
void add_upsampled(const FeatureView& in, const FeatureView& base, const FeatureView& out, int factor,
                   Upsampling mode, const BandPart& part);

/// Of maps without gaps between their pixels.
void silu(const ElementwiseKernel& kernel, const FeatureView& in, const FeatureView& out,
          const BandPart& part);
void symmetric_gate(const ElementwiseKernel& kernel, const FeatureView& in, const FeatureView& residual,
                    const FeatureView& out, const BandPart& part);

}  // namespace esrgan
