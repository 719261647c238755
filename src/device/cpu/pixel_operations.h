// The operations of a graph that are no convolutions.
#pragma once

#include "device/cpu/kernels/convolutions.h"
#include "graph/graph.h"

namespace esrgan {

/// Rows of one operation's output.
struct Rows {
  int begin, end;
};

/// Moves values between the deep view (many channels) and the wide one (more pixels), in either direction;
/// rows of the deep.
void shuffle_pixels(const FeatureView& deep, const FeatureView& wide, int factor, bool to_deep, Rows rows);

/// out = in + base enlarged by `factor`; rows of `out`.
void add_upsampled(const FeatureView& in, const FeatureView& base, const FeatureView& out, int factor,
                   Upsampling mode, Rows rows);

/// Of maps without gaps between their pixels.
void silu(const ElementwiseKernel& kernel, const FeatureView& in, const FeatureView& out, Rows rows);
void symmetric_gate(const ElementwiseKernel& kernel, const FeatureView& in, const FeatureView& residual,
                    const FeatureView& out, Rows rows);

}  // namespace esrgan
