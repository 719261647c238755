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

count=0
for recipe in "$options"/*.yml; do
  small=(--set network_G.nf=8 --set path.pretrain_model_G= --set datasets.val= --set datasets.train.HR="$work/pictures"
    --set datasets.train.LR= --set datasets.train.sources= --set datasets.train.pack= --set datasets.train.batch_size=2
    --set train.feature_weight=0 --set train.pixel_weight=1)
  grep -q SRVGGNetCompact "$recipe" && small+=(--set network_G.num_conv=2) || small+=(--set network_G.nb=1)
  grep -q RRDBNet "$recipe" && small+=(--set network_G.gc=4)
  if grep -q '^network_D' "$recipe"; then small+=(--set network_D.nf=2); fi
  grep -q discriminator_vgg "$recipe" || small+=(--set datasets.train.HR_size=48)
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
echo "$count recipes and the mission's text were trained and resumed"
