// A convolution of 16-bit maps on a GPU's matrix units. A subgroup computes ROWS rows of 16 pixels by OUTS outputs; a row of pixels is a
// matrix of 16 pixels by 16 channels, read where it lies, for every column of the kernel, and serves all rows of taps.
//   COOPERATIVE  by GL_KHR_cooperative_matrix; without it in plain arithmetic, which shows everything else to be right
#version 450
#define HALF
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#include "maps.glsl"

layout(constant_id = 0) const int LANES = 32;  // of a subgroup
layout(constant_id = 1) const int WAVES = 4;   // subgroups of a workgroup, one below the other
layout(constant_id = 5) const int TAPS = 3;    // rows of the kernel at a time
layout(local_size_x_id = 7) in;                // LANES * WAVES

#define ROWS 4
#define OUTS 32
#define DEPTH 16

layout(std430, binding = 1) readonly buffer Weights { float16_t weights[]; };

#include "epilogue.glsl"
#include "walk.glsl"

// Of a matrix for each subgroup.
shared float shared_sums[WAVES * 256];

#ifdef COOPERATIVE
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define Pixels coopmat<float16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseA>
#define Weights16 coopmat<float16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseB>
#define Sums coopmat<float, gl_ScopeSubgroup, 16, 16, gl_MatrixUseAccumulator>
#define CLEAR(sums) sums = Sums(0.0)
#define LOAD_PIXELS(matrix, at, stride) coopMatLoad(matrix, maps, at, stride, gl_CooperativeMatrixLayoutRowMajor)
#define LOAD_WEIGHTS(matrix, at) coopMatLoad(matrix, weights, at, 16, gl_CooperativeMatrixLayoutRowMajor)
#define MULTIPLY_ADD(sums, pixels, weights) sums = coopMatMulAdd(pixels, weights, sums)
#define STORE(sums, at) coopMatStore(sums, shared_sums, at, 16, gl_CooperativeMatrixLayoutRowMajor)
#else
// A matrix is the place where it lies, sums lie in shared memory: drivers for processors choke on loops over arrays of a lane's own.
shared float plain_sums[WAVES * ROWS * OUTS * 16];
#define Pixels ivec2
#define Weights16 int
#define Sums int
#define OWN_NUMBERS \
  [[dont_unroll]] for (int i = 0, n = int(gl_SubgroupInvocationID); i < 256 / LANES; ++i, n += LANES)
#define CLEAR(sums)                                                   \
  {                                                                   \
    sums = ((int(gl_SubgroupID) * ROWS + r) * (OUTS / 16) + o) * 256; \
    OWN_NUMBERS plain_sums[sums + n] = 0;                             \
  }
#define LOAD_PIXELS(matrix, at, stride) matrix = ivec2(at, stride)
#define LOAD_WEIGHTS(matrix, at) matrix = int(at)
void multiply_add(int sums, ivec2 pixels, int weight) {
  OWN_NUMBERS {
    float sum = plain_sums[sums + n];
    [[unroll]] for (int k = 0; k < 16; ++k)  // lavapipe ends loops after 65535 rounds in all
      sum += float(maps[pixels.x + n / 16 * pixels.y + k]) * float(weights[weight + k * 16 + n % 16]);
    plain_sums[sums + n] = sum;
  }
}
#define MULTIPLY_ADD(sums, pixels, weights) multiply_add(sums, pixels, weights)
#define STORE(sums, at) OWN_NUMBERS shared_sums[at + n] = plain_sums[sums + n]
#endif

void main() {
  const int lane = int(gl_SubgroupInvocationID), wave = int(gl_SubgroupID);
  const int x = int(gl_WorkGroupID.x) * 16, y = (int(gl_WorkGroupID.y) * WAVES + wave) * ROWS;
  const int slice = int(gl_WorkGroupID.z), outputs = (outs + OUTS - 1) / OUTS;
  const ivec2 phase = phase_of(slice / outputs);

  Sums sums[ROWS][OUTS / 16];
  [[unroll]] for (int r = 0; r < ROWS; ++r)
    [[unroll]] for (int o = 0; o < OUTS / 16; ++o) CLEAR(sums[r][o]);

  int weight = first_weight + slice * slice_weights;
  Walk walk = walk_from(ivec2(x, y) + phase - before);
  for (int i = 0; i < steps; ++i) {
    const int at = place_of(walk), row = walk.row;
    Pixels pixels[ROWS + 2];
    [[unroll]] for (int r = 0; r < ROWS + 2; ++r)
      if (r < ROWS + TAPS - 1) LOAD_PIXELS(pixels[r], uint(at + r * row), uint(walk.pixel));
    [[unroll]] for (int t = 0; t < 3; ++t)
      if (t < TAPS)
        [[unroll]] for (int o = 0; o < OUTS / 16; ++o) {
          Weights16 factors;
          LOAD_WEIGHTS(factors, uint(weight + (t * (OUTS / 16) + o) * 256));
          [[unroll]] for (int r = 0; r < ROWS; ++r) MULTIPLY_ADD(sums[r][o], pixels[r + t], factors);
        }
    weight += TAPS * OUTS * DEPTH;
    go_on(walk, i);
  }

  Output output_now;
  read_maps(output_now);
  [[unroll]] for (int r = 0; r < ROWS; ++r)
    [[unroll]] for (int o = 0; o < OUTS / 16; ++o) {
      barrier();  // what lay there has been read
      STORE(sums[r][o], uint(wave * 256));
      barrier();
      for (int i = 0; i < 256 / LANES; ++i) {
        const int n = i * LANES + lane, out_now = slice % outputs * OUTS + o * 16 + n % 16;
        const ivec2 to = ivec2(x + n / 16, y + r);
        if (to.x < width && to.y < height && out_now < outs) {
          read_channel(output_now, out_now);
          finish(output_now, to, phase, shared_sums[wave * 256 + n]);
        }
      }
    }
}
