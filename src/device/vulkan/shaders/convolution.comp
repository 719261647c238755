// A convolution as an implicit matrix product over channels-last maps. A subgroup computes ROWS rows of LANES pixels by OUTS
// outputs: a lane has a column of pixels, and gets the weights from the others, LANES of which one load brings.
//   HALF    maps and weights of 16 bits; sums are of 32
//   WIDE    weights are brought and handed on in whole numbers of 64 bits, which costs drivers for processors half as much
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "maps.glsl"

layout(constant_id = 0) const int LANES = 32;  // of a subgroup
layout(constant_id = 1) const int WAVES = 4;   // subgroups of a workgroup, one below the other
layout(constant_id = 2) const int ROWS = 4;
layout(constant_id = 3) const int OUTS = 16;
layout(constant_id = 4) const int DEPTH = 4;  // input channels at a time
layout(constant_id = 5) const int TAPS = 3;   // rows of the kernel at a time
layout(constant_id = 6) const int PASS = 2;   // rows whose sums are finished at a time
layout(local_size_x_id = 7) in;               // LANES * WAVES

#ifdef WIDE
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_shader_subgroup_extended_types_int64 : require
#define Pack uint64_t
#define halves unpack32
#else
#define Pack uvec2
#define halves(pack) (pack)
#endif
layout(std430, binding = 1) readonly buffer Weights { Pack weights[]; };

// Weights of as many outputs side by side.
#ifdef HALF
const int PACKED = 4;
void unpack(Pack pack, out float numbers[PACKED]) {
  const uvec2 both = halves(pack);
  const vec2 low = unpackHalf2x16(both.x), high = unpackHalf2x16(both.y);
  numbers = float[](low.x, low.y, high.x, high.y);
}
#else
const int PACKED = 2;
void unpack(Pack pack, out float numbers[PACKED]) {
  const vec2 both = uintBitsToFloat(halves(pack));
  numbers = float[](both.x, both.y);
}
#endif

#include "epilogue.glsl"
#include "walk.glsl"

shared float shared_sums[LANES * WAVES * PASS * OUTS];

// Packs of weights for DEPTH channels of a column of TAPS taps.
const int block = (DEPTH * TAPS * OUTS / PACKED + LANES - 1) / LANES * LANES;

void main() {
  const int lane = int(gl_SubgroupInvocationID);
  const int x = int(gl_WorkGroupID.x) * LANES + lane;
  const int y = (int(gl_WorkGroupID.y) * WAVES + int(gl_SubgroupID)) * ROWS;
  const int slice = int(gl_WorkGroupID.z), outputs = (outs + OUTS - 1) / OUTS;
  const ivec2 phase = phase_of(slice / outputs);

  float sums[ROWS][OUTS];
  [[unroll]] for (int r = 0; r < ROWS; ++r)
    [[unroll]] for (int o = 0; o < OUTS; ++o) sums[r][o] = 0;

  int weight = first_weight + slice * slice_weights + lane;
  Walk walk = walk_from(ivec2(x, y) + phase - before);
  for (int i = 0; i < steps; ++i) {
    const int at = place_of(walk), row = walk.row;
    float a[DEPTH][ROWS + TAPS - 1];
    [[unroll]] for (int d = 0; d < DEPTH; ++d)
      [[unroll]] for (int r = 0; r < ROWS + TAPS - 1; ++r) a[d][r] = float(maps[at + r * row + d]);
    Pack w[block / LANES];
    [[unroll]] for (int b = 0; b < block / LANES; ++b) w[b] = weights[weight + b * LANES];
    [[unroll]] for (int o = 0; o < OUTS; o += PACKED) {
      float factors[DEPTH * TAPS][PACKED];
      [[unroll]] for (int f = 0; f < DEPTH * TAPS; ++f) {
        const int pack = (f * OUTS + o) / PACKED;
        unpack(subgroupBroadcast(w[pack / LANES], pack % LANES), factors[f]);
      }
      [[unroll]] for (int p = 0; p < PACKED; ++p)
        [[unroll]] for (int r = 0; r < ROWS; ++r)
          [[unroll]] for (int f = 0; f < DEPTH * TAPS; ++f)
            sums[r][o + p] += a[f / TAPS][r + f % TAPS] * factors[f][p];
    }
    weight += block;
    go_on(walk, i);
  }

  // One copy of what follows for all sums: there is much of it, and drivers compile it once.
  const int sum_of_lane = int(gl_LocalInvocationIndex) * PASS * OUTS;
  Output output_now;
  read_maps(output_now);
  [[unroll]] for (int done = 0; done < ROWS; done += PASS) {
    [[unroll]] for (int r = 0; r < PASS; ++r)
      [[unroll]] for (int o = 0; o < OUTS; ++o) shared_sums[sum_of_lane + r * OUTS + o] = sums[done + r][o];
    const int first_out = slice % outputs * OUTS, count = x < width ? min(OUTS, outs - first_out) : 0;
    const int rows = min(PASS, height - y - done);
    for (int o = 0; o < count; ++o) {
      read_channel(output_now, first_out + o);
      for (int r = 0; r < rows; ++r)
        finish(output_now, ivec2(x, y + done + r), phase, shared_sums[sum_of_lane + r * OUTS + o]);
    }
  }
}
