// Feature maps: [row][pixel][channel], with a border of zeros; parts of their memory.
#ifdef HALF
#extension GL_EXT_shader_16bit_storage : require
#define Number float16_t
#else
#define Number float
#endif

layout(std430, binding = 0) readonly buffer Inputs { Number maps[]; };
layout(std430, binding = 5) writeonly buffer Result { Number result[]; };
// Four whole numbers for a map: the place of its first pixel, numbers in a row, numbers in a pixel, and one more.
layout(std430, binding = 2) readonly buffer Table { int table[]; };

// Place, row, pixel.
ivec3 map_of(int entry) { return ivec3(table[entry], table[entry + 1], table[entry + 2]); }

int place(ivec3 map, ivec2 at, int c) { return map.x + at.y * map.y + at.x * map.z + c; }

float silu(float x) { return x / (1 + exp(-x)); }

// SPAN's attention.
float gate(float x, float residual) { return (x + residual) * (1 / (1 + exp(-x)) - 0.5); }
