#!/usr/bin/env bash
# trainer_test.sh PROGRAM: training as a user meets it. A run that is killed at random moments ends as one that was not; Ctrl-C, a full
# disk, a mistyped key; the tools. ESRGAN_TEST_SEED repeats the moments.
set -euo pipefail
program=$1
. "$(dirname "$0")/train_support.sh"
work=$(mktemp -d)
mounted=
trap 'jobs -p | xargs -r kill -9 2>/dev/null; [ -z "$mounted" ] || umount "$mounted"; rm -rf "$work"' EXIT
RANDOM=${ESRGAN_TEST_SEED:-$$}
echo "ESRGAN_TEST_SEED=${ESRGAN_TEST_SEED:-$$}"
fail() { echo "trainer_test: $*" >&2; exit 1; }
make_pictures "$work/pictures"

recipe() {  # NAME STEPS [ROOT]
  cat > "$work/$1.yml" <<YAML
name: run
threads: 1
network_G: {nf: 8, nb: 1, gc: 4}
network_D: {which_model_D: discriminator_srgan, nf: 2}
datasets: {train: {HR: $work/pictures, batch_size: 2, HR_size: 32}, val: {own: {HR: $work/pictures}}}
path: {root: ${3:-$work/$1}}
train: {niter: $2, feature_weight: 0, grad_clip: 1, ema: 0.9, precision: bf16}
logger: {print_freq: 1, save_checkpoint_freq: 7, val_freq: 50}
YAML
}
# The table without its times.
losses() { sed 's/,[^,]*,[^,]*$//' "$work/$1/run/metrics.csv"; }

recipe whole 150
"$program" train -opt "$work/whole.yml" 2> /dev/null
recipe killed 150
"$program" train -opt "$work/killed.yml" 2> "$work/log" &
for _ in 1 2 3 4 5; do
  sleep "0.$((RANDOM % 9 + 2))"
  kill -9 $! 2> /dev/null || true
  wait $! 2> /dev/null || true
  "$program" train -opt "$work/killed.yml" --resume 2> "$work/log" &
done
wait $! || fail "the last resume: $(tail -1 "$work/log")"
[ "$(losses whole)" = "$(losses killed)" ] || fail "other losses after kill -9: $(diff <(losses whole) <(losses killed) | head -3)"
cmp "$work"/{whole,killed}/run/models/latest.safetensors || fail "another model after kill -9"
cmp "$work"/{whole,killed}/run/checkpoints/step_00000150.safetensors || fail "another checkpoint after kill -9"
left=$(find "$work/killed" -name '.*' ! -name .lock)
[ -z "$left" ] || fail "half files were left: $left"

recipe stopped 100000
rm "$work/log"
"$program" train -opt "$work/stopped.yml" 2> "$work/log" &
until grep -qs "^step 3/" "$work/log"; do sleep 0.05; done
kill -INT $!
status=0
wait $! || status=$?
[ $status -eq 130 ] || fail "Ctrl-C: exit status $status"
grep -q "resume goes on" "$work/log" || fail "Ctrl-C: $(tail -1 "$work/log")"

mkdir "$work/small"
if mount -t tmpfs -o size=3m tmpfs "$work/small" 2> /dev/null; then
  mounted=$work/small
  recipe full 100000 "$work/small"
  if "$program" train -opt "$work/full.yml" 2> "$work/log"; then fail "trained on a full disk"; fi
  grep -qi "disk\|space" "$work/log" || fail "full disk: $(tail -1 "$work/log")"
  umount "$mounted"
  mounted=
else
  echo "trainer_test: a small disk cannot be mounted here; the full disk SKIPPED"
fi

recipe typo 10
sed -i 's/grad_clip/grad_clp/' "$work/typo.yml"
status=0
"$program" train -opt "$work/typo.yml" 2> "$work/log" || status=$?
[ $status -eq 1 ] && grep -q "typo.yml:7: unknown key 'train.grad_clp': expected grad_clip" "$work/log" || fail "typo: $(cat "$work/log")"

"$program" train -opt "$work/whole.yml" --dry-run | grep -q "first batch: hr 2x3x32x32 lr 2x3x8x8" || fail "--dry-run"
"$program" train -opt "$work/whole.yml" --profile 2 --trace "$work/trace.json" | grep -q "^backward .*%" || fail "--profile"
/usr/bin/python3 - "$work/trace.json" <<'PYTHON' || fail "the trace"
import json, sys
names = {event["name"] for event in json.load(open(sys.argv[1]))["traceEvents"]}
assert {"step", "wait for data", "generator, forward", "discriminator, backward"} <= names, names
PYTHON
# Unpaired pictures: both generators come out, and a run that is killed goes on as one that was not.
cycle() {  # NAME STEPS
  cat > "$work/$1.yml" <<YAML
name: run
threads: 1
scheme: cycle
network_G: {which_model_G: SPAN, nf: 8}
network_F: {which_model_G: SRVGGNetCompact, nf: 8, num_conv: 1}
network_D: {which_model_D: discriminator_patch, nf: 4, layers: 1}
datasets: {train: {type: unpaired, HR: $work/pictures, LR: $work/pictures, batch_size: 2, HR_size: 32}}
path: {root: $work/$1}
train: {niter: $2, pool_size: 5, ema: 0.9, precision: bf16, scheduler: {type: multistep, milestones: [1000]}}
logger: {print_freq: 1, save_checkpoint_freq: 3}
YAML
}
cycle paired 10
"$program" train -opt "$work/paired.yml" 2> "$work/log" || fail "cycle: $(tail -1 "$work/log")"
cycle unpaired 5
"$program" train -opt "$work/unpaired.yml" 2> "$work/log"
cycle unpaired 10
"$program" train -opt "$work/unpaired.yml" --resume 2> "$work/log" || fail "cycle, resumed: $(tail -1 "$work/log")"
for model in latest latest_degrader; do
  cmp "$work"/{paired,unpaired}/run/models/$model.safetensors || fail "cycle: another $model after a resume"
done
"$program" train -opt "$work/unpaired.yml" --set name=again --set "network_G={model: $work/paired/run/models/latest.safetensors}" 2> "$work/log" ||
  fail "cycle, from a model's file: $(tail -1 "$work/log")"
"$program" upscale "$work/pictures/1.png" -m "$work/paired/run/models/latest_degrader.safetensors" -o "$work/bad.png" 2> /dev/null ||
  fail "the degrader does not run"
# Several tasks: strengths change the picture, and a second head keeps its size; killed and not, the same comes out.
tasks() {  # NAME STEPS
  cat > "$work/$1.yml" <<YAML
name: run
threads: 1
scheme: tasks
network_G: {which_model_G: SPAN, nf: 8, tasks: true}
datasets:
  train: {type: tasks, HR: $work/large, batch_size: 2, HR_size: 32}
  val: {sound: {HR: $work/pictures}, noisy: {HR: $work/pictures, denoise: 0.5}, blurred: {HR: $work/pictures, deblur: 1}}
path: {root: $work/$1}
train: {niter: $2, ema: 0.9, precision: bf16, scheduler: {type: multistep, milestones: [1000]}}
logger: {print_freq: 1, save_checkpoint_freq: 3, val_freq: 10}
YAML
}
make_pictures "$work/large" 100
tasks told 10
"$program" train -opt "$work/told.yml" 2> "$work/log" || fail "tasks: $(tail -1 "$work/log")"
grep -q "noisy: " "$work/log" && grep -q "blurred: " "$work/log" || fail "tasks: no quality of each"
tasks resumed 5
"$program" train -opt "$work/resumed.yml" 2> "$work/log"
tasks resumed 10
"$program" train -opt "$work/resumed.yml" --resume 2> "$work/log" || fail "tasks, resumed: $(tail -1 "$work/log")"
told=$work/told/run/models/latest.safetensors
cmp "$told" "$work/resumed/run/models/latest.safetensors" || fail "tasks: another model after a resume"
for strengths in "" "--denoise 1" "--deblur 0.5" "--denoise 1 --scale 1"; do
  "$program" upscale "$work/pictures/1.png" -m "$told" $strengths -o "$work/strengths$strengths.png" 2> "$work/log" ||
    fail "upscale $strengths: $(tail -1 "$work/log")"
done
[ "$(cat "$work"/strengths*.png | sha256sum)" != "$(for i in 1 2 3 4; do cat "$work/strengths.png"; done | sha256sum)" ] || fail "strengths change nothing"
"$program" upscale "$work/pictures/1.png" -m builtin-x4 --denoise 1 -o "$work/no.png" 2> "$work/log" && fail "a network that cannot be told was told"
grep -q "strengths" "$work/log" || fail "strengths: $(cat "$work/log")"
for kind in onnx pth param; do
  "$program" export "$told" -o "$work/told.$kind" --denoise 0.5 2> "$work/log" || fail "export to $kind: $(tail -1 "$work/log")"
done
"$program" train -opt "$work/told.yml" --set network_G.tasks=false 2> "$work/log" && fail "tasks without a network for them"
# Films: parts of one, as it comes and degraded; the network goes back to a film.
if command -v ffmpeg > /dev/null; then
  ffmpeg -v error -nostdin -f lavfi -i testsrc2=s=96x64:r=25 -frames:v 12 -c:v ffv1 "$work/film.mkv"
  cat > "$work/clips.yml" <<YAML
name: run
threads: 1
network_G: {which_model_G: SPAN, nf: 8, frames: 5, time_features: 4}
datasets:
  train: {type: clips, sources: [{frames: $work/film.mkv, count: 8}], batch_size: 2, HR_size: 32}
  val: {held_out: {frames: $work/film.mkv, first: 8, every: 2}}
path: {root: $work/clips}
train: {niter: 4, precision: bf16}
logger: {print_freq: 1, save_checkpoint_freq: 2, val_freq: 4}
YAML
  "$program" train -opt "$work/clips.yml" 2> "$work/log" || fail "clips: $(tail -1 "$work/log")"
  grep -q "8 training pictures" "$work/log" && grep -q "step 4  held_out:  psnr" "$work/log" || fail "clips: $(cat "$work/log")"
  "$program" train -opt "$work/clips.yml" --set name=bad --set "datasets.train.degradation={type: operations, operations: [
    {type: blur}, {type: noise}, {type: reduce}, {type: video}]}" --set datasets.train.degradation.gt_usm=false 2> "$work/log" ||
    fail "degraded clips: $(tail -1 "$work/log")"
  "$program" video "$work/film.mkv" -m "$work/clips/run/models/latest.safetensors" -o "$work/large.mkv" 2> "$work/log" ||
    fail "the model does not enlarge the film: $(tail -1 "$work/log")"
  if "$program" train -opt "$work/clips.yml" --set name=no --set network_G.frames=3 2> "$work/log"; then fail "three frames"; fi
  grep -q "frames.*1, or 5" "$work/log" || fail "three frames: $(tail -1 "$work/log")"
  if "$program" train -opt "$work/whole.yml" --set name=no --set network_G.frames=5 2> "$work/log"; then fail "frames of pictures"; fi
  grep -q "type: clips" "$work/log" || fail "frames of pictures: $(tail -1 "$work/log")"
  if "$program" train -opt "$work/clips.yml" --set name=no --set datasets.train.HR_size=128 2> "$work/log"; then fail "small frames"; fi
  grep -q "the clips cannot be used" "$work/log" || fail "small frames: $(tail -1 "$work/log")"
  "$program" data preview -opt "$work/clips.yml" -o "$work/clips.png" -n 3
else
  echo "trainer_test: no ffmpeg here; clips of films SKIPPED"
fi
"$program" data preview -opt "$work/whole.yml" -o "$work/sheet.png" -n 3
"$program" data extract "$work/pictures" -o "$work/sub" --size 40 --step 20 2> "$work/log"
grep -q "^5 pictures, " "$work/log" || fail "data extract: $(cat "$work/log")"
"$program" upscale "$work/pictures/1.png" -m "$work/whole/run/models/latest.safetensors" -o "$work/large.png" 2> /dev/null ||
  fail "the model does not upscale"
