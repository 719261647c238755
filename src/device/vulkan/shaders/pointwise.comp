// What is computed number by number: copies between the host and maps, and the operations that are no convolution.
//   HALF    maps of 16 bits
#version 450
#extension GL_GOOGLE_include_directive : require
#include "maps.glsl"

layout(constant_id = 0) const int kind = 0;  // PointwiseKind
layout(local_size_x = 64) in;

layout(std430, binding = 1) buffer Host { float host[]; };
layout(std430, binding = 4) readonly buffer Others { Number others[]; };

layout(push_constant) uniform Pointwise {
  int width, height, channels;  // of what is written
  int in_map, other_map, out_map;  // in the table
  int factor;
  int in_width, in_height;  // of the map that is enlarged
};

float read(int x, int y, int c) { return float(maps[place(map_of(in_map), ivec2(x, y), c)]); }

float other(int x, int y, int c) { return float(others[place(map_of(other_map), ivec2(x, y), c)]); }

// As PyTorch's align_corners = false.
float bilinear(int x, int y, int c) {
  const vec2 at = max((vec2(x, y) + 0.5) / factor - 0.5, 0);
  const ivec2 last = ivec2(in_width - 1, in_height - 1), low = min(ivec2(at), last), high = min(low + 1, last);
  const vec2 share = at - low;
  return mix(mix(other(low.x, low.y, c), other(high.x, low.y, c), share.x),
             mix(other(low.x, high.y, c), other(high.x, high.y, c), share.x), share.y);
}

float value(int x, int y, int c) {
  const int f = factor;
  switch (kind) {
    case 0: return host[(y * width + x) * channels + c];
    case 1: return read(x, y, c);
    case 2: return read(x / f, y / f, (c * f + y % f) * f + x % f);
    case 3: return read(x * f + c % f, y * f + c / f % f, c / (f * f));
    case 4: return read(x, y, c) + other(x / f, y / f, c);
    case 5: return read(x, y, c) + bilinear(x, y, c);
    case 6: return silu(read(x, y, c));
    default: return gate(read(x, y, c), other(x, y, c));
  }
}

void main() {
  const int index = int(gl_GlobalInvocationID.x), x = index / channels, c = index % channels;
  const int y = int(gl_WorkGroupID.y);
  if (x >= width) return;
  if (kind == 1)
    host[(y * width + x) * channels + c] = value(x, y, c);
  else
    result[place(map_of(out_map), ivec2(x, y), c)] = Number(value(x, y, c));
}
