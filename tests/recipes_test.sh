#!/usr/bin/env bash
# recipes_test.sh ESRGAN OPTIONS: every recipe of the project, made small by --set, takes five steps, is resumed and takes five more;
# so does the mission's text, word for word, with DIV2K in both of its layouts.
set -euo pipefail
esrgan=$1 options=$2
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/train_support.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "recipes_test: $*" >&2; exit 1; }
make_pictures "$work/pictures" 144

# run RECIPE STEPS ARGUMENTS...: the last line of its table must be that of the last step.
run() {
  local recipe=$1 steps=$2 name
  name=$(basename "$recipe" .yml)
  shift 2
  "$esrgan" train -opt "$recipe" --set name="$name" --set path.root="$work/runs" --set threads=1 --set train.niter="$steps" \
    --set logger.print_freq=1 "$@" >"$work/log" 2>&1 || { cat "$work/log"; fail "$recipe failed"; }
  [ "$(tail -n 1 "$work/runs/$name/metrics.csv" | cut -d, -f1)" = "$steps" ] || fail "$recipe has not done $steps steps"
}

# fall TABLE SHARE LOSS...: at the end of a run's table each loss is less than this share of what it was.
fall() {
  /usr/bin/python3 -c '
import csv, sys
rows, share = list(csv.DictReader(open(sys.argv[1]))), float(sys.argv[2])
for loss in sys.argv[3:]:
    assert float(rows[-1][loss]) < share * float(rows[0][loss]), (loss, rows[0][loss], rows[-1][loss])
' "$@"
}

count=0
for recipe in "$options"/*.yml; do
  small=(--set network_G.nf=8 --set path.pretrain_model_G= --set datasets.val= --set datasets.train.batch_size=2
    --set train.feature_weight=0 --set train.pixel_weight=1)
  if grep -q 'type: clips' "$recipe"; then
    small+=(--set "datasets.train.sources=[{HR: $work/pictures, motion: 1}]" --set datasets.train.HR_size=64)
  elif grep -q 'type: unpaired' "$recipe"; then
    small+=(--set datasets.train.HR="$work/pictures" --set datasets.train.LR="$work/pictures" --set network_F.num_conv=1 --set datasets.train.HR_size=64)
  else
    small+=(--set datasets.train.HR="$work/pictures" --set datasets.train.LR= --set datasets.train.sources= --set datasets.train.pack=)
  fi
  if grep -v '^network_F' "$recipe" | grep -q 'which_model_G: SRVGGNetCompact'; then
    small+=(--set network_G.num_conv=2)
  elif ! grep -q 'which_model_G: SPAN' "$recipe"; then
    small+=(--set network_G.nb=1)
  fi
  grep -q 'which_model_G: RRDBNet' "$recipe" && small+=(--set network_G.gc=4)
  if grep -q '^network_D' "$recipe"; then small+=(--set network_D.nf=2); fi
  # The layers that are compared are those of a large teacher.
  grep -q '^distillation' "$recipe" && small+=(--set distillation.teacher=builtin-x4 --set distillation.feature_weight=0)
  grep -qE "discriminator_vgg|type: (clips|unpaired)" "$recipe" || small+=(--set datasets.train.HR_size=48)
  # What is damaged is cut out of more.
  grep -q "type: tasks" "$recipe" && small+=(--set datasets.train.HR_size=16)
  run "$recipe" 5 "${small[@]}"
  run "$recipe" 10 "${small[@]}" --resume
  count=$((count + 1))
done

cat >"$work/mission.yml" <<'YAML'
network_G: {which_model_G: RRDB, nf: 64, nb: 23}
train: {lr_G: 1e-4, lr_D: 1e-4, pixel_criterion: l1, feature_criterion: l1}
optimizer_G: {lr: 1e-5}
YAML
mkdir -p "$work/official/DIV2K_train_LR_bicubic/X4" "$work/brief/train_LR_bicubic/X4"
cp -r "$work/pictures" "$work/official/DIV2K_train_HR"
cp -r "$work/pictures" "$work/brief/train_HR"
"$esrgan" downscale "$work/pictures" -s 4 -o "$work/small" >/dev/null 2>&1
for picture in "$work"/small/*.png; do
  cp "$picture" "$work/official/DIV2K_train_LR_bicubic/X4/$(basename "$picture" .png)x4.png"
  cp "$picture" "$work/brief/train_LR_bicubic/X4/$(basename "$picture" .png)x4.png"
done
for layout in official brief; do
  rm -rf "$work/runs/mission"
  run "$work/mission.yml" 20 --set network_G.nb=1 --set datasets.train.root="$work/$layout" --set datasets.train.HR_size=32 \
    --set datasets.train.batch_size=1
  grep -q "5 training pictures" "$work/log" || fail "$layout: $(cat "$work/log")"
done
# All that has a table: losses, networks, optimisers, operations, mixtures, metrics.
cat >"$work/all.yml" <<YAML
network_G: {which_model_G: SPAN, nf: 8}
network_D: {which_model_D: discriminator_patch, nf: 4, norm: spectral}
datasets:
  train:
    HR: $work/pictures
    batch_size: 2
    HR_size: 64
    mixup_prob: 0.3
    cutmix_prob: 0.3
    cutblur_prob: 0.3
    degradation:
      type: operations
      common: [{type: gray, prob: 0.5}, {type: fading, prob: 0.5}]
      operations:
        - {type: halation, prob: 0.5}
        - {type: halftone, prob: 0.5}
        - {type: fading, prob: 0.5}
        - {type: grain, prob: 0.5}
        - {type: scratches}
        - type: any_order
          groups:
            - operations: [{type: blur, prob: 0.8, kernel_range: [3, 9]}, {type: defocus, prob: 0.3}, {type: motion, prob: 0.3}]
            - operations: [{type: resize, filters: [lanczos, nearest, area]}, {type: noise}]
        - {type: reduce, filters: [bicubic, lanczos]}
        - {type: sinc, prob: 0.3}
        - {type: jpeg, jpeg_range: [40, 90]}
        - {type: webp, prob: 0.5}
  val: {own: {HR: $work/pictures}}
train:
  ema: 0.9
  precision: bf16
  losses:
    - {type: charbonnier, weight: 1}
    - {type: ms-ssim, weight: 0.1}
    - {type: gradient, weight: 0.1}
    - {type: colour, weight: 0.1}
    - {type: ldl, weight: 0.1}
    - {type: tv, weight: 1e-4}
    - {type: feature-matching, weight: 0.1}
    - {type: gan, weight: 0.05, gan_type: hinge}
optimizer_G: {type: AdamWScheduleFree, lr: 1e-3, weight_decay: 0.01}
optimizer_D: {type: AdamW, lr: 1e-4}
validation: {metrics: [{type: psnr}, {type: ssim_rgb}], best: ssim_rgb, all_pictures: true}
logger: {val_freq: 5}
YAML
run "$work/all.yml" 5 --resume auto
run "$work/all.yml" 10 --resume auto
grep -q "goes on after step 5" "$work/log" || fail "--resume auto did not go on"
[ "$(find "$work/runs/all/samples/own_step_00000010" -name '*.png' | wc -l)" -eq 5 ] || fail "not all pictures were kept"
[ -e "$work/runs/all/models/best.safetensors" ] || fail "best: ssim_rgb chose none"
[ "$(head -n 1 "$work/runs/all/validation.csv")" = "step,set,psnr,ssim_rgb,bicubic_psnr,bicubic_ssim_rgb" ] || fail "validation.csv"
"$esrgan" upscale "$work/pictures/1.png" -o "$work/upscaled.png" -m "$work/runs/all/models/latest.safetensors" >/dev/null 2>&1 ||
  fail "the engine does not run what was trained"
"$esrgan" info "$work/runs/all/models/latest.safetensors" | grep -q "SPAN" || fail "what was trained is no SPAN"

# A teacher: the student comes near it, on the way too; what comes out is the student alone.
cat >"$work/distil.yml" <<YAML
scale: 4
network_G: {which_model_G: SRVGGNetCompact, nf: 4, num_conv: 2}
distillation:
  teacher: $work/runs/all/models/latest.safetensors
  self_ensemble: true
  feature_weight: 1
  feature_criterion: l2
  features: [{teacher: block_6.c3_r, student: body.3}]
datasets: {train: {HR: $work/pictures, batch_size: 2, HR_size: 64}}
train: {precision: bf16, pixel_weight: 0, ema: 0.5}
optimizer_G: {lr: 5e-3}
logger: {print_freq: 20}
YAML
run "$work/distil.yml" 100
fall "$work/runs/distil/metrics.csv" 0.7 g_teacher g_layers || fail "the student does not come near its teacher"
"$esrgan" info "$work/runs/distil/models/latest.safetensors" | grep -q "SRVGGNetCompact x4, 2 convolutions, 4 features" || fail "the student is another network"
"$esrgan" train -opt "$work/distil.yml" --set distillation.features.0.student=nothing --set name=none --set path.root="$work/runs" >"$work/log" 2>&1 &&
  fail "a layer that there is not was taken"
grep -q "layer of the student: expected one of body.1" "$work/log" || fail "the layers are not named: $(cat "$work/log")"

# Pruned: by what the pictures tell, then fine-tuned; and by the gammas that training made small.
"$esrgan" prune "$work/runs/all/models/latest.safetensors" -o "$work/pruned.safetensors" --keep 0.6 --multiple 2 --batches 2 \
  --data "$work/pictures" --sheet "$work/sheet.png" --json >"$work/pruned.json" 2>"$work/log" || fail "prune: $(cat "$work/log")"
/usr/bin/python3 -c '
import json, sys
table = json.load(open(sys.argv[1]))
assert table["after"]["macs_per_input_pixel"] <= 0.6 * table["before"]["macs_per_input_pixel"], table
assert table["after"]["parameters"] < table["before"]["parameters"] and table["after"]["seconds"] > 0, table
' "$work/pruned.json" || fail "the table of prune"
[ -s "$work/sheet.png" ] || fail "prune --sheet writes nothing"
cat >"$work/sparse.yml" <<YAML
scale: 2
network_G: {which_model_G: SRResNet, nf: 8, nb: 1}
datasets: {train: {HR: $work/pictures, batch_size: 2, HR_size: 32}}
train: {sparsity: 1e-2}
optimizer_G: {lr: 1e-2}
logger: {print_freq: 10}
YAML
run "$work/sparse.yml" 40
fall "$work/runs/sparse/metrics.csv" 0.9 g_sparsity || fail "the gammas do not fall"
"$esrgan" prune "$work/runs/sparse/models/latest.safetensors" -o "$work/gamma.safetensors" --keep 0.8 --multiple 2 --importance gamma \
  --test "$work/pictures" >"$work/log" 2>&1 || fail "prune by gamma: $(cat "$work/log")"
"$esrgan" prune "$work/runs/all/models/latest.safetensors" -o "$work/none.safetensors" >"$work/log" 2>&1 && fail "prune without pictures"
grep -q -e "--data" "$work/log" || fail "prune does not ask for pictures: $(cat "$work/log")"
"$esrgan" quantize "$work/runs/all/models/latest.safetensors" -o "$work/q.onnx" --data "$work/pictures" --batches 2 --keep-float 1 \
  >"$work/table" 2>"$work/log" || fail "quantize: $(cat "$work/log")"
grep -q "which stays in floats" "$work/log" && grep -q "^after" "$work/table" || fail "quantize does not tell: $(cat "$work/log" "$work/table")"

# The network of a file goes on learning.
cat >"$work/file.yml" <<YAML
scale: 4
network_G: {model: $work/pruned.safetensors}
datasets: {train: {HR: $work/pictures, batch_size: 2, HR_size: 64}}
train: {precision: bf16}
YAML
run "$work/file.yml" 3
[ "$("$esrgan" info "$work/runs/file/models/latest.safetensors" | sed -n 's/^parameters *//p')" = "$("$esrgan" info "$work/pruned.safetensors" | sed -n 's/^parameters *//p')" ] ||
  fail "the file's network has changed"
"$esrgan" train -opt "$work/file.yml" --dry-run --set scale=2 --set name=none --set path.root="$work/runs" >"$work/log" 2>&1 &&
  fail "a network of another enlargement was taken"
grep -q "scale" "$work/log" || fail "the scale is not named: $(cat "$work/log")"

# A start that fits in parts: the x4 network of another run, for x2.
"$esrgan" train -opt "$options/quick_cpu.yml" --set name=partial --set path.root="$work/runs" --set train.niter=1 --set scale=2 \
  --set datasets.train.HR="$work/pictures" --set datasets.train.HR_size=48 --set network_G.nf=8 --set network_G.num_conv=2 \
  --set path.strict=false --set path.pretrain_model_G="$work/runs/quick_cpu/models/latest.safetensors" >"$work/log" 2>&1 ||
  fail "strict: false: $(cat "$work/log")"
grep -q "begun anew: body.6.bias, body.6.weight" "$work/log" || fail "strict: false does not say what it left: $(cat "$work/log")"

# The schema knows every key of the recipes.
"$esrgan" train --schema >"$work/schema.json"
/usr/bin/python3 - "$work/schema.json" "$options"/*.yml "$work/all.yml" <<'PYTHON' || fail "the schema does not fit"
import json
import sys

import yaml


def check(value, schema, where):
    if isinstance(value, dict):
        for key, inner in value.items():
            known = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            if not isinstance(known, dict):
                sys.exit(f"{where}.{key} is not in the schema")
            check(inner, known, f"{where}.{key}")
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for i, inner in enumerate(value):
            check(inner, schema["items"], f"{where}[{i}]")
    elif "enum" in schema and value not in schema["enum"]:
        sys.exit(f"{where}: {value} is none of {schema['enum']}")


with open(sys.argv[1]) as file:
    whole = json.load(file)
for recipe in sys.argv[2:]:
    with open(recipe) as file:
        check(yaml.safe_load(file), whole, recipe)
PYTHON
echo "$count recipes and the mission's text were trained and resumed"
