// The way of a convolution through its maps, their channels, and the rows and columns of the kernel, in one loop: drivers that keep sums
// in memory would copy them at the end of each.
struct Walk {
  ivec2 from;  // of the map: what the kernel's first number falls on
  int entry, c, ky, kx;
  int first, row, pixel, channels;  // of the entry: where `from` lies
};

void enter_map(inout Walk walk) {
  walk.row = table[walk.entry + 1];
  walk.pixel = table[walk.entry + 2];
  walk.channels = table[walk.entry + 3];
  walk.first = table[walk.entry] + walk.from.y * walk.row + walk.from.x * walk.pixel;
}

Walk walk_from(ivec2 from) {
  Walk walk;
  walk.from = from;
  walk.entry = first_input;
  walk.c = walk.ky = walk.kx = 0;
  enter_map(walk);
  return walk;
}

int place_of(Walk walk) { return walk.first + walk.ky * walk.row + walk.kx * walk.pixel + walk.c; }

// After step i.
void go_on(inout Walk walk, int i) {
  if (++walk.kx < kernel) return;
  walk.kx = 0;
  walk.ky += TAPS;
  if (walk.ky < kernel) return;
  walk.ky = 0;
  walk.c += DEPTH;
  if (walk.c < walk.channels || i + 1 == steps) return;
  walk.c = 0;
  walk.entry += 4;
  enter_map(walk);
}
