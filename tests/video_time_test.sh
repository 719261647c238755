#!/usr/bin/env bash
# video_time_test.sh PROGRAM: films by a network that sees several frames: what of a film is computed with what, in one go or in parts,
# changes nothing, and shots do not mix.
set -uo pipefail
program=$1
here=$(cd "$(dirname "$0")" && pwd)
source "$here/expect.sh"
/usr/bin/python3 "$here/tiny_model.py" models/time.safetensors frames
ffmpeg -v error -nostdin -y -f lavfi -i testsrc2=s=64x48:r=25:d=2 -c:v ffv1 first.mkv || fail ffmpeg
ffmpeg -v error -nostdin -y -f lavfi -i testsrc2=s=64x48:r=25:d=2 -f lavfi -i mandelbrot=s=64x48:r=25 \
  -filter_complex "[0]format=yuv420p[a];[1]format=yuv420p,trim=end_frame=50[b];[a][b]concat" -frames:v 100 -c:v ffv1 -g 9 shots.mkv || fail ffmpeg
in_time=("$program" video -m time --precision full --encoder ffv1)
frames_of() { ffmpeg -v error -nostdin -i "$1" -f framemd5 - | grep -v '^#' | awk '{print $NF}'; }
expect 0 "100 frames" "${in_time[@]}" shots.mkv -o shots_whole.mkv
frames_of shots_whole.mkv >shots_whole.txt
for length in 1 7 33; do
  expect 0 "100 frames" "${in_time[@]}" shots.mkv -o "shots_$length.mkv" --segment-frames $length
  frames_of "shots_$length.mkv" | cmp - shots_whole.txt || fail "segments of $length frames give another film"
done
for share in 2 3 1; do expect 0 "this share is done" "${in_time[@]}" shots.mkv -o shots_shared.mkv --segment-frames 7 --segment $share/3; done
expect 0 "100 frames" "$program" video -o shots_shared.mkv --join
cmp shots_7.mkv shots_shared.mkv || fail "shares give another film, with several frames"
for kill in 1 2 3 4; do
  "${in_time[@]}" shots.mkv -o shots_killed.mkv --segment-frames 7 -j 1 2>/dev/null &
  for _ in $(seq 200); do [ -e "shots_killed.mkv.parts/segment-00000$kill" ] && break; sleep 0.02; done
  kill -9 $! 2>/dev/null
  wait $! 2>/dev/null
done
[ -e shots_killed.mkv ] || expect 0 "100 frames" "${in_time[@]}" shots.mkv -o shots_killed.mkv --segment-frames 7
cmp shots_7.mkv shots_killed.mkv || fail "a killed and resumed job gives another film, with several frames"
expect 0 "50 frames" "${in_time[@]}" first.mkv -o first_large.mkv
frames_of first_large.mkv | cmp - <(head -50 shots_whole.txt) || fail "the second shot changes the first"
echo "50  # the second shot" >cuts.txt
expect 0 "100 frames" "${in_time[@]}" shots.mkv -o shots_told.mkv --cuts cuts.txt
frames_of shots_told.mkv | cmp - shots_whole.txt || fail "a cut that is told is another than one that is found"
echo "# none" >cuts.txt
expect 0 "100 frames" "${in_time[@]}" shots.mkv -o shots_uncut.mkv --cuts cuts.txt
[ "$(frames_of shots_uncut.mkv | diff - shots_whole.txt | grep -c '^>')" -eq 4 ] || fail "without a cut, not the four frames around it differ"
echo "fifty" >cuts.txt
expect 1 "cuts.txt:1: the number of a frame that begins a shot" "${in_time[@]}" shots.mkv -o never.mkv --cuts cuts.txt
# Frames of a folder that are there already are left alone, and those around them are the same.
expect 0 "100 frames" "${in_time[@]}" shots.mkv -o large/
cp -r large some && rm some/00000049.png some/00000052.png some/00000100.png
expect 0 "100 frames" "${in_time[@]}" shots.mkv -o some/
for frame in 00000049 00000052 00000100; do cmp large/$frame.png some/$frame.png || fail "frame $frame is another when it is made alone"; done
# Fields are films of their own; gray and alpha go along.
ffmpeg -v error -nostdin -y -f lavfi -i testsrc2=s=64x48:r=50:d=1 -vf tinterlace=interleave_top,format=gray -flags +ildct -c:v ffv1 gray.mkv || fail ffmpeg
expect 0 "25 frames" "${in_time[@]}" gray.mkv -o gray_large.mkv

# How far films are from each other.
expect 0 "100 frames" "$program" metrics --film shots_whole.mkv shots_told.mkv
"$program" metrics --film --json shots_whole.mkv shots_uncut.mkv >differ.json || fail "metrics --film"
/usr/bin/python3 - <<'PYTHON' || fail "metrics --film tells something else"
import json
said = json.load(open("differ.json"))
assert said["same_length"] and len(said["frames"]) == 100
differing = [i for i, frame in enumerate(said["frames"]) if frame["psnr"] is not None]
assert differing == [48, 49, 50, 51], differing
unknown = [i for i, frame in enumerate(said["frames"]) if "flicker" not in frame]
assert unknown == [0] and said["flicker"] > 0, (unknown, said["flicker"])
PYTHON
expect 1 "not equally long: the first 50" "$program" metrics --film first_large.mkv shots_whole.mkv
expect 2 "differ in size" "$program" metrics --film first.mkv first_large.mkv
expect 1 "missing.mkv" "$program" metrics --film first.mkv missing.mkv

[ "$failures" -eq 0 ] || { echo "$failures failed" >&2; exit 1; }
