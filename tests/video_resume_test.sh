#!/usr/bin/env bash
# video_resume_test.sh PROGRAM: films whose enlargement is killed, stopped, shared among machines or starved of disk.
set -uo pipefail
program=$1
here=$(cd "$(dirname "$0")" && pwd)
source "$here/expect.sh"
/usr/bin/python3 "$here/tiny_model.py" models/tiny.safetensors
seed=${ESRGAN_TEST_SEED:-$RANDOM}
echo "ESRGAN_TEST_SEED=$seed"
RANDOM=$seed

# Key frames at irregular places, B frames across them (open GOP), sound.
ffmpeg -v error -nostdin -y -f lavfi -i testsrc2=s=160x120:r=25:d=24 -f lavfi -i sine=440:d=24 -c:v libx264 -preset fast \
  -x264-params "keyint=40:min-keyint=8:scenecut=60:open-gop=1:bframes=3" -c:a aac film.mkv || fail ffmpeg
enlarge=("$program" video film.mkv -m tiny --segment-frames 20 --encoder-options preset=ultrafast)
expect 0 "600 frames" "${enlarge[@]}" -o whole.mkv
[ -e whole.mkv.parts ] && fail "the work folder was left behind"

# Killed ten times, at moments spread over the time that it needs.
begin=$(date +%s%N)
expect 0 "600 frames" "${enlarge[@]}" -o timed.mkv
milliseconds=$((($(date +%s%N) - begin) / 1000000))
cmp whole.mkv timed.mkv || fail "two uninterrupted runs differ"
for kill in 1 2 3 4 5 6 7 8 9 10; do
  "${enlarge[@]}" -o killed.mkv 2>/dev/null &
  wait_for=$((milliseconds / 4 + RANDOM % (milliseconds / 4 + 1)))
  sleep $((wait_for / 1000)).$(printf '%03d' $((wait_for % 1000)))
  kill -9 $! 2>/dev/null
  wait $! 2>/dev/null
done
[ -e killed.mkv ] || expect 0 "600 frames" "${enlarge[@]}" -o killed.mkv
cmp whole.mkv killed.mkv || fail "a killed and resumed job gives another film"

# Ctrl-C keeps what is done, and says so.
"${enlarge[@]}" -o stopped.mkv 2>stopped.txt &
for _ in $(seq 100); do [ -e stopped.mkv.parts/segment-000001 ] && break; sleep 0.05; done
kill -INT $!
wait $!
[ $? -eq 130 ] || fail "Ctrl-C: another exit status"
[ -e stopped.mkv ] && fail "Ctrl-C left a film"
grep -q "goes on" stopped.txt || fail "Ctrl-C: nothing is said of going on: $(cat stopped.txt)"
ls -A stopped.mkv.parts | grep -q part- && fail "Ctrl-C left a half file: $(ls -A stopped.mkv.parts)"
# Another job in the same place is refused, and what is there is kept.
expect 1 "belongs to another job" "${enlarge[@]}" -o stopped.mkv --crf 30
expect 0 "600 frames" "${enlarge[@]}" -o stopped.mkv
cmp whole.mkv stopped.mkv || fail "a stopped and resumed job gives another film"

# Shares, in any order, on what could be several machines.
for share in 3 1 2; do expect 0 "this share is done" "${enlarge[@]}" -o shared.mkv --segment $share/3; done
[ -e shared.mkv ] && fail "a share made the film"
mv shared.mkv.parts/segment-000007 aside
expect 1 "1 missing (8)" "$program" video -o shared.mkv --join
mv aside shared.mkv.parts/segment-000007
expect 0 "600 frames" "$program" video -o shared.mkv --join
cmp whole.mkv shared.mkv || fail "shares give another film"
expect 1 "holds no unfinished film" "$program" video -o shared2.mkv --join
expect 2 "I/N" "${enlarge[@]}" -o shared.mkv --segment 4/3 --overwrite

# A disk that is full (here: files may not grow): said by name; what is done is kept, and the job goes on later.
(
  failures=0
  trap '' XFSZ
  ulimit -f 60
  expect 1 "cannot be written: File too large" "${enlarge[@]}" -o full.mkv
  exit "$failures"
) || fail "a full disk"
[ -e full.mkv ] && fail "a full disk left a film"
expect 0 "600 frames" "${enlarge[@]}" -o full.mkv
cmp whole.mkv full.mkv || fail "a job that met a full disk gives another film"

# Launchers tell which share is whose.
shared() { expect 0 "this share is done" env "$@" "${enlarge[@]}" -o launched.mkv --segment auto; }
shared RANK=0 WORLD_SIZE=4
shared OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4
shared SLURM_PROCID=2 SLURM_STEP_NUM_TASKS=4
expect 0 "this share is done" env JOB_COMPLETION_INDEX=3 "${enlarge[@]}" -o launched.mkv --segment auto/4
expect 0 "600 frames" "$program" video -o launched.mkv --join
cmp whole.mkv launched.mkv || fail "shares by launchers give another film"
expect 2 "auto/N" env JOB_COMPLETION_INDEX=3 "${enlarge[@]}" -o launched2.mkv --segment auto
expect 2 "auto where" "${enlarge[@]}" -o launched2.mkv --segment auto
mkdir photos
for i in 1 2 3 4 5; do ffmpeg -v error -nostdin -f lavfi -i testsrc2=s=32x24 -frames:v 1 photos/$i.png; done
for i in 0 1 2; do expect 0 "" env JOB_COMPLETION_INDEX=$i "$program" upscale photos -o enlarged -m tiny --shard auto/3; done
[ "$(ls enlarged | wc -l)" -eq 5 ] || fail "shards left pictures out"
[ "$("$program" upscale photos -o more -m tiny --shard 2/3 2>&1 | grep -c 64x48)" -eq 2 ] || fail "a shard of 5 pictures in 3"

[ "$failures" -eq 0 ] || { echo "$failures failed" >&2; exit 1; }
