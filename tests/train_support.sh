# For the tests of the trainer: pictures to learn from. Sourced.

# make_pictures FOLDER [SIDE]: five noisy gradients.
make_pictures() {
  local i
  mkdir -p "$1"
  for i in 1 2 3 4 5; do
    oiiotool --pattern fill:topleft=1,0,0:topright=0,1,0:bottomleft=0,0,1:bottomright=1,1,1 "${2:-80}x${2:-7$i}" 3 \
      --noise:type=gaussian:mean=0:stddev=0.2:seed=$i -d uint8 -o "$1/$i.png"
  done
}
