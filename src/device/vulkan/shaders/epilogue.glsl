// What follows a convolution's sums.
layout(std430, binding = 3) readonly buffer Constants { float constants[]; };
layout(std430, binding = 4) readonly buffer Others { Number others[]; };

layout(constant_id = 8) const int AFTER = 0;  // 0 nothing, 1 SiLU, 2 gate

layout(push_constant) uniform Convolution {
  int width, height;        // pixels; of an enlarged input those of the input
  int kernel, before;       // taps across; how many of them lie before a pixel
  int steps;                // DEPTH channels of a map by TAPS taps of a column
  int first_input;          // where the table has the maps: place, row, pixel, channels
  int first_weight, slice_weights;
  int outs;
  int first_constant;  // biases, then slopes
  int has_slope;
  float scale;
  int residuals, first_residual;  // in the table: place, row, pixel, scale as bits
  float residual_scale;           // of the first
  int gate_map;
  int phases;    // 4: the input is enlarged twice
  int spread;    // factor of a pixel-shuffle
  int base_map;  // enlarged by `spread` and added, or -1
  int out_map;
};

ivec2 phase_of(int number) { return ivec2(number & 1, number >> 1); }

// What is the same for all numbers of an output.
struct Output {
  int channel;
  float bias, slope;
  ivec3 out_map, gate_map, base_map, first_residual;
  int shuffled_channel;
  ivec2 shuffled;  // pixel within `spread`
};

void read_maps(inout Output o) {
  o.out_map = map_of(out_map);
  if (AFTER == 2) o.gate_map = map_of(gate_map);
  if (base_map >= 0) o.base_map = map_of(base_map);
  if (residuals > 0) o.first_residual = map_of(first_residual);
}

void read_channel(inout Output o, int c) {
  o.channel = c;
  o.bias = constants[first_constant + c];
  o.slope = has_slope != 0 ? constants[first_constant + outs + c] : 1;
  o.shuffled_channel = c / (spread * spread);
  o.shuffled = ivec2(c % spread, c / spread % spread);
}

void finish(Output o, ivec2 at, ivec2 phase, float sum) {
  if (phases == 4) at = 2 * at + phase;
  float v = sum + o.bias;
  v *= v < 0 ? o.slope * scale : scale;
  if (residuals > 0) v += residual_scale * float(others[place(o.first_residual, at, o.channel)]);
  for (int r = 1; r < residuals; ++r) {
    const int entry = first_residual + 4 * r;
    v += intBitsToFloat(table[entry + 3]) * float(others[place(map_of(entry), at, o.channel)]);
  }
  if (AFTER == 1) v = silu(v);
  if (AFTER == 2) v = gate(v, float(others[place(o.gate_map, at, o.channel)]));
  if (base_map >= 0) v += float(others[place(o.base_map, at, o.shuffled_channel)]);
  result[place(o.out_map, at * spread + o.shuffled, o.shuffled_channel)] = Number(v);
}
