#!/usr/bin/env bash
# shared_data_test.sh PROGRAM SHARED: published numbers and real models, on data that the repository does not hold.
set -uo pipefail
program=$1 shared=$2
if [ ! -d "$shared/data/Set5" ]; then
  echo "skipped: no $shared/data"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$program" evaluate --data "$shared/data/Set5/HR" --json >"$work/set5.json" || exit 1
"$program" evaluate --data "$shared/data/Set14" --json >"$work/set14.json" || exit 1
for scale in 2 3 4; do
  "$program" downscale "$shared/data/Set5/HR" --scale $scale -o "$work/X$scale" || exit 1
  for file in "$work/X$scale"/*.png; do
    name=$(basename "$file" .png)
    "$program" metrics "$shared/data/Set5/LR_bicubic/X$scale/${name}x$scale.png" "$file" --channel rgb | grep -q '^PSNR inf' ||
      { echo "$name x$scale differs from the published file"; exit 1; }
  done
done
/usr/bin/python3 - "$work" <<'PYTHON'
import json, sys
def mean(name):
    return json.load(open(f"{sys.argv[1]}/{name}.json"))["mean"]["bicubic"]
set5, set14 = mean("set5"), mean("set14")
print("bicubic x4:", set5, set14)
assert abs(set5["psnr_y"] - 28.42) <= 0.01 and abs(set5["ssim_y"] - 0.8104) <= 0.0005, set5
assert abs(set14["psnr_y"] - 26.00) <= 0.01 and abs(set14["ssim_y"] - 0.7027) <= 0.0005, set14
PYTHON

# A real film: every frame, the sound bit for bit, and its times (nothing enlarged, so that it is quick).
film=$shared/data/misc/bigbuckbunny.mp4
if [ -f "$film" ] && "$program" video --help >/dev/null && command -v ffprobe >/dev/null; then
  "$program" video "$film" -o "$work/film.mp4" -m none || exit 1
  packets() { ffprobe -v error -select_streams "$2" -show_packets -show_data_hash md5 -show_entries "packet=$3" -of csv=p=0 "$1" | tr -d ' ' | sort; }
  diff <(packets "$film" a pts_time,data_hash) <(packets "$work/film.mp4" a pts_time,data_hash) >/dev/null ||
    { echo "the film's sound changed"; exit 1; }
  diff <(packets "$film" v pts_time) <(packets "$work/film.mp4" v pts_time) >/dev/null ||
    { echo "the times of the film's frames changed"; exit 1; }
fi
