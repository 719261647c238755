#!/usr/bin/env bash
# cli_test.sh PROGRAM: what a user meets on the command line, with a tiny network made here.
set -uo pipefail
program=$1
here=$(cd "$(dirname "$0")" && pwd)
source "$here/expect.sh"

/usr/bin/python3 "$here/tiny_model.py" models/tiny.safetensors
/usr/bin/python3 - <<'PYTHON'
import random
random.seed(5)
def picture(path, width, height):
    open(path, "wb").write(b"P6 %d %d 255\n" % (width, height) + random.randbytes(3 * width * height))
picture("a.ppm", 40, 30)
picture("big.ppm", 4000, 4000)
PYTHON

expect 2 "required" "$program" upscale
expect 2 "subcommand" "$program"
expect 2 "--tile-size" "$program" upscale a.ppm --tile-size 7
expect 0 "esrgan 0" "$program" --version
expect 0 "Examples:" "$program" upscale --help
expect 0 "a_x4.ppm: 160x120" env -i "$program" upscale a.ppm
rm -f a_x4.ppm
expect 0 "from the program itself" "$program" models
expect 0 "SPAN x4" "$program" info builtin-x4
expect 1 "script/setup models" "$program" upscale a.ppm -m realesrgan-x4plus
expect 0 "because" "$program" info tiny
expect 0 "a_x2.ppm: 80x60" "$program" upscale a.ppm -m tiny
expect 0 "exists, skipped" "$program" upscale a.ppm -m tiny
expect 0 "80x60" "$program" upscale --input a.ppm --output b.png --model_path tiny --self_ensemble --fp16 --tile 16
expect 0 "100x75" "$program" upscale a.ppm -o c.png -m tiny --scale 2.5
expect 2 "--tile" "$program" upscale a.ppm -o d.png -m tiny --tile small
expect 2 "--tile" "$program" upscale a.ppm -o d.png -m tiny --tile 3
expect 2 "--max-memory" "$program" upscale a.ppm -o d.png -m tiny --max-memory lots
expect 1 "absent.png" "$program" upscale absent.png -o d.png -m tiny
expect 1 "replace its input" "$program" upscale a.ppm -o a.ppm -m tiny --overwrite
expect 1 "no such model" "$program" upscale a.ppm -o d.png -m nothing
expect 2 "format" "$program" upscale a.ppm -o d.xyz -m tiny
[ ! -e d.png ] && [ ! -e d.xyz ] || { echo "FAILED: an output of a failed job exists" >&2; failures=$((failures + 1)); }

# A folder: one bad file does not stop the others.
mkdir -p folder/sub && cp a.ppm folder/good.ppm && cp a.ppm folder/sub/deep.ppm && echo bad >folder/bad.png
expect 1 "bad.png" "$program" upscale folder -o out -m tiny --recursive
[ -f out/good.ppm ] && [ -f out/sub/deep.ppm ] && [ ! -e out/bad.png ] || { echo "FAILED: folder" >&2; failures=$((failures + 1)); }

# Standard output is one JSON document and nothing else; no progress in a pipe.
"$program" upscale folder -o out2 -m tiny --json 2>errors >report.json
/usr/bin/python3 -c '
import json
report = json.load(open("report.json"))
assert [r["status"] for r in report["results"]] == ["failed", "done"], report
assert report["results"][1]["width"] == 80' || failures=$((failures + 1))
if grep -q $'\r' errors; then echo "FAILED: progress in a pipe" >&2; failures=$((failures + 1)); fi

# Ctrl-C: a clean stop, no half file, not even a hidden one.
mkdir stop
"$program" upscale big.ppm -o stop/stopped.png -m tiny --self-ensemble --threads 1 2>/dev/null &
until [ -n "$(ls -A stop)" ]; do kill -0 $! || break; done # its unfinished output
kill -INT $! 2>/dev/null
wait $!
status=$?
if [ "$status" -ne 130 ] || [ -n "$(ls -A stop)" ]; then echo "FAILED: Ctrl-C: status $status, $(ls -A stop)" >&2; failures=$((failures + 1)); fi

# A pipe, and what may be read.
"$program" upscale - -m tiny <a.ppm >piped.png 2>/dev/null && [ "$(head -c 4 piped.png | tail -c 3)" = PNG ] || fail "a picture through a pipe"
expect 1 "is a PNM file" "$program" upscale a.ppm -o e.png -m tiny --formats png,jpg
expect 2 "--formats" "$program" upscale a.ppm -o e.png -m tiny --formats png,nonsense
expect 0 "50x38" "$program" upscale a.ppm -o e.png -m tiny --width 50
expect 0 "77x58" "$program" upscale a.ppm -o f.png -m tiny --longest 77
expect 0 "53x40" "$program" upscale a.ppm -o g.png -m tiny --fit 100x40
expect 2 "--fit" "$program" upscale a.ppm -o h.png -m tiny --fit 100
expect 2 "excludes" "$program" upscale a.ppm -o h.png -m tiny --width 50 --scale 2
expect 0 "a_big.ppm" "$program" upscale a.ppm -m tiny --suffix _big
expect 0 "PNG " "$program" formats

# A full disk.
if [ -w /dev/full ]; then
  (ulimit -f 8; trap '' XFSZ; "$program" upscale a.ppm -o full.tif --format tif --bit-depth 32 -m tiny >full.log 2>&1)
  if [ $? -ne 1 ] || [ -e full.tif ] || ls -A | grep -q '^.full'; then echo "FAILED: full disk: $(cat full.log)" >&2; failures=$((failures + 1)); fi
fi

expect 0 "tiny" "$program" models
expect 0 "mixed.safetensors" "$program" interpolate tiny tiny --alpha 0.5 -o mixed.safetensors
expect 1 "exists already" "$program" interpolate tiny tiny --alpha 0.5 -o mixed.safetensors
expect 0 "psnr.safetensors" "$program" convert tiny models/psnr.safetensors --objective psnr
expect 0 "80x60" "$program" upscale a.ppm -o sharp.png --model-type gan
expect 0 "160x120" "$program" upscale a.ppm -o faithful.png --model-type psnr
for kind in onnx pth param; do
  expect 0 "out.$kind" "$program" export tiny -o out.$kind
  expect 1 "exists already" "$program" export tiny -o out.$kind
  expect 0 "80x60" "$program" upscale a.ppm -o again.png -m out.$kind --overwrite
done
rm out.param && expect 1 "out.bin: exists already" "$program" export tiny -o out.param
expect 2 "--output" "$program" export tiny -o out.xyz
expect 2 "--io fp16" "$program" export tiny -o other.onnx --io fp16
expect 0 "inf" "$program" metrics a.ppm a.ppm
expect 0 "mean" "$program" evaluate -m tiny --data folder/sub --scale 2
expect 0 "mean" "$program" evaluate -m tiny --data folder/sub --scale 2 --save saved
ls saved/*.png >/dev/null || fail "evaluate --save saves nothing"
expect 0 "" "$program" downscale folder/sub --scale 2 -o reduced
first=$("$program" evaluate --data folder/sub --scale 2 --json | grep -o '"psnr_rgb": [0-9.]*' | head -1)
second=$("$program" evaluate --data folder/sub --small reduced --scale 2 --json | grep -o '"psnr_rgb": [0-9.]*' | head -1)
[ "$first" = "$second" ] || fail "evaluate --small: $first is $second"
expect 1 "size of the small picture" "$program" evaluate --data folder/sub --small folder/sub --scale 2
expect 1 "no small picture" "$program" evaluate --data folder/sub --small saved/.. --scale 2
expect 2 "--features" "$program" metrics a.ppm a.ppm --lpips nothing.pth
expect 1 "nothing.pth" "$program" metrics a.ppm a.ppm --features nothing.pth
expect 1 "enlargement of the model" "$program" evaluate -m tiny --data folder/sub --scale 4

# Models side by side: a model that fails is named, and the others are shown all the same.
cp models/tiny.safetensors models/Second_Tiny.safetensors
expect 0 "sheet.png: 328x" "$program" compare a.ppm -m tiny --crop 40x30 -o sheet.png
expect 1 "exists already" "$program" compare a.ppm -m tiny -o sheet.png
expect 0 "Second_Tiny" "$program" compare a.ppm -m second-tiny -m tiny --crop 20x10+5+6 --scale 3 -o sheet.png --overwrite
expect 1 "no such model" "$program" compare a.ppm -m tiny -m nothing -o failed.png
[ -f failed.png ] || fail "no sheet where one of two models failed"
expect 2 "--crop" "$program" compare a.ppm -m tiny --crop 41x30 -o none.png
expect 2 "--crop" "$program" compare a.ppm -m tiny --crop 20x10+30+0 -o none.png
expect 2 "--crop" "$program" compare a.ppm -m tiny --crop 20x10x3 -o none.png
expect 2 "--output" "$program" compare a.ppm -m tiny -o none.xyz
[ ! -e none.png ] || fail "a sheet of a wrong command line"
"$program" compare a.ppm -m tiny -m nothing --json -o json.png >compare.json 2>/dev/null
/usr/bin/python3 -c '
import json
report = json.load(open("compare.json"))
assert report["piece"] == {"left": 0, "top": 0, "width": 40, "height": 30} and report["scale"] == 2, report
done, failed = report["models"]
assert done["status"] == "done" and done["seconds"] > 0 and done["scale"] == 2, report
assert failed["status"] == "failed" and "no such model" in failed["error"], report' || fail "report of compare"

# What is not a model is called by its name.
printf '<!DOCTYPE html>' >models/page.pth
expect 1 "web page" "$program" upscale a.ppm -o d.png -m page
expect 1 "a picture (PNM)" "$program" upscale a.ppm -o d.png -m a.ppm
expect 1 "is 'tiny' meant?" "$program" upscale a.ppm -o d.png -m tinny
expect 0 "also called RealESRGAN_x4plus" "$program" models
rm models/page.pth models/Second_Tiny.safetensors

for shell in bash zsh fish; do expect 0 "self-ensemble" "$program" completion "$shell"; done
expect 0 "self-ensemble" bash -c "source <('$program' completion bash); COMP_WORDS=(esrgan upscale --self) COMP_CWORD=2; _esrgan; echo \${COMPREPLY[@]}"
# Commands that are other programs: completed by this one, and missed with a word on how to get them.
expect 0 "--segment-frames" bash -c "source <('$program' completion bash); COMP_WORDS=(esrgan video --seg) COMP_CWORD=2; _esrgan; echo \${COMPREPLY[@]}"
mkdir alone && cp "$program" alone/esrgan
for command in train video; do expect 1 "'script/setup $command', then build again" env PATH=/nowhere alone/esrgan $command; done

[ "$failures" -eq 0 ] && echo "all fine" || exit 1
