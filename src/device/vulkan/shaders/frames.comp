// Frames of films to the network's input, and its result to frames: matrix, range, chroma sampling, rounding.
//   HALF    maps of 16 bits
#version 450
#extension GL_GOOGLE_include_directive : require
#include "maps.glsl"

layout(constant_id = 0) const int way = 0;  // FrameWay
layout(local_size_x = 64) in;

// The planes, one behind the other; rows begin on whole words.
layout(std430, binding = 1) buffer Host { uint words[]; };
// The matrix, row by row; then for each column, and for each row, the first sample that it is made of and the factors.
layout(std430, binding = 3) readonly buffer Format { float format[]; };

// Of what is written: whether a number is not finite, and whether one is above 0.
layout(std430, binding = 4) buffer Remarks { uint remarks[2]; };

layout(push_constant) uniform Frame {
  int width, height;  // of the first plane
  int chroma_width, chroma_height;
  int bits;
  int at_0, at_1, at_2;    // of the planes, in words
  int row_words, chroma_row_words;
  int across, across_count, down, down_count;  // places in `format`, and numbers of factors
  int map;                                     // in the table
};

vec4 matrix_row(int i) { return vec4(format[4 * i], format[4 * i + 1], format[4 * i + 2], format[4 * i + 3]); }

float sample_at(int row, int x) {
  const uint word = bits > 8 ? words[row + x / 2] >> (x % 2 * 16) & 0xFFFFu : words[row + x / 4] >> (x % 4 * 8) & 0xFFu;
  return float(word);
}

vec2 chroma(int x, int y) {
  const int columns = across + x * (across_count + 1), rows = down + y * (down_count + 1);
  const int first_x = int(format[columns]), first_y = int(format[rows]);
  vec2 sum = vec2(0);
  for (int j = 0; j < down_count; ++j) {
    const int row = (first_y + j) * chroma_row_words;
    vec2 line = vec2(0);
    for (int i = 0; i < across_count; ++i)
      line += format[columns + 1 + i] * vec2(sample_at(at_1 + row, first_x + i), sample_at(at_2 + row, first_x + i));
    sum += format[rows + 1 + j] * line;
  }
  return sum;
}

void read_pixel(int x, int y) {
  const vec4 samples = vec4(sample_at(at_0 + y * row_words, x), chroma(x, y), 1);
  const int to = place(map_of(map), ivec2(x, y), 0);
  for (int c = 0; c < 3; ++c) result[to + c] = Number(dot(matrix_row(c), samples));
}

vec3 pixel(ivec3 from, int x, int y) {
  const int at = place(from, ivec2(x, y), 0);
  return vec3(maps[at], maps[at + 1], maps[at + 2]);
}

uint whole(float number) { return uint(roundEven(clamp(number, 0, float((1 << bits) - 1)))); }

vec3 resampled(ivec3 from, int x, int y) {
  const int columns = across + x * (across_count + 1), rows = down + y * (down_count + 1);
  const int first_x = int(format[columns]), first_y = int(format[rows]);
  vec3 sum = vec3(0);
  for (int j = 0; j < down_count; ++j) {
    vec3 line = vec3(0);
    for (int i = 0; i < across_count; ++i) line += format[columns + 1 + i] * pixel(from, first_x + i, first_y + j);
    sum += format[rows + 1 + j] * line;
  }
  return sum;
}

// A word of the first plane, or one of each of the others.
void write_word(int index, int y, bool is_chroma) {
  const int samples = bits > 8 ? 2 : 4, shift = 32 / samples;
  const ivec3 from = map_of(map);
  uvec2 word = uvec2(0);
  bool not_finite = false, above_zero = false;
  for (int s = 0; s < samples; ++s) {
    const int x = index * samples + s;
    if (x >= (is_chroma ? chroma_width : width)) break;
    if (is_chroma) {
      const vec4 numbers = vec4(resampled(from, x, y), 1);
      word |= uvec2(whole(dot(matrix_row(1), numbers)), whole(dot(matrix_row(2), numbers))) << (s * shift);
    } else {
      const vec3 numbers = pixel(from, x, y);
      not_finite = not_finite || any(equal(floatBitsToUint(numbers) & 0x7F800000u, uvec3(0x7F800000u)));
      above_zero = above_zero || any(greaterThan(numbers, vec3(0)));
      word.x |= whole(dot(matrix_row(0), vec4(numbers, 1))) << (s * shift);
    }
  }
  // All share the remarks, which mostly are there already.
  if (not_finite && remarks[0] == 0) atomicOr(remarks[0], 1);
  if (above_zero && remarks[1] == 0) atomicOr(remarks[1], 1);
  if (is_chroma) {
    words[at_1 + y * chroma_row_words + index] = word.x;
    words[at_2 + y * chroma_row_words + index] = word.y;
  } else {
    words[at_0 + y * row_words + index] = word.x;
  }
}

void main() {
  const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
  const bool is_chroma = gl_WorkGroupID.z == 1;
  if (way == 0) {
    if (x < width) read_pixel(x, y);
  } else if (x < (is_chroma ? chroma_row_words : row_words) && y < (is_chroma ? chroma_height : height)) {
    write_word(x, y, is_chroma);
  }
}
