"""bench/memory.py PROGRAM TINY_MODEL [CEILING...]: the peak of the whole program beside --max-memory, over kinds of files,
options and outputs. Each run stays below its ceiling, or is refused with it named. Needs Pillow and numpy."""
import os
import pathlib
import subprocess
import sys
import tempfile


def make_pictures():
    import numpy
    from PIL import Image

    width, height = 2400, 1800
    y, x = numpy.mgrid[0:height, 0:width]
    noise = numpy.random.default_rng(1).integers(-20, 20, (height, width, 3))
    rgb = numpy.stack([x * 255 / width, y * 255 / height, (x + y) % 256], 2) + noise
    picture = Image.fromarray(numpy.clip(rgb, 0, 255).astype("uint8"))
    rgba = picture.copy()
    rgba.putalpha(Image.fromarray(((x + 2 * y) % 256).astype("uint8")))
    turned = Image.Exif()
    turned[274] = 6
    picture.save("plain.png", compress_level=1)
    rgba.save("alpha.png", compress_level=1)
    picture.convert("L").save("gray.png", compress_level=1)
    picture.save("plain.jpg", quality=90)
    picture.save("progressive.jpg", quality=90, progressive=True)
    picture.save("turned.jpg", quality=90, exif=turned)
    picture.save("strips.tif")
    rgba.save("alpha.tif")
    picture.save("plain.bmp")
    picture.save("plain.webp", quality=80, method=0)
    rgba.save("alpha.webp", quality=80, method=0)
    Image.fromarray((x * 65535 // width).astype("uint16")).save("deep.png", compress_level=1)
    Image.fromarray(x.astype("float32") / width).save("float.tif")


if sys.argv[1:] == ["--make-pictures"]:
    make_pictures()
    sys.exit()
program, tiny = sys.argv[1:3]
ceilings = sys.argv[3:] or ["100M", "200M", "400M"]
script = pathlib.Path(__file__).resolve()
work = pathlib.Path(tempfile.mkdtemp())
os.chdir(work)
subprocess.run([sys.executable, tiny, "tiny.safetensors"], check=True)
# In a process of its own: what a parent holds counts as the peak of its children.
subprocess.run([sys.executable, script, "--make-pictures"], check=True)
for extension in ("avif", "heic", "jxl", "exr", "ppm"):
    subprocess.run([program, "upscale", "plain.jpg", "-o", f"plain.{extension}", "-m", "tiny.safetensors", "--scale", "1"],
                   capture_output=True)
inputs = sorted(p.name for p in work.iterdir() if p.suffix not in (".safetensors",))

variants = [([], "png"), ([], "jpg"), ([], "tif"), ([], "webp"), (["--lossless"], "webp"), ([], "bmp"), ([], "jxl"),
            ([], "exr"), (["--self-ensemble"], "png"), (["--scale", "1.3"], "png"), (["--scale", "0.5"], "jpg"),
            (["--edges", "wrap"], "png"), (["--input-size", "500"], "png"), (["--denoise-tv", "0.02", "--scale", "0.4"], "png"),
            (["--bit-depth", "16"], "tif")]


def run(arguments):
    """Exit status, messages, and the peak of resident memory in bytes."""
    process = subprocess.Popen([program, *arguments], stderr=subprocess.PIPE, text=True)
    text = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, text, usage.ru_maxrss * 1024


units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
counts = {"below": 0, "refused": 0, "above": 0, "failed": 0}
worst = 0.0
for ceiling in ceilings:
    limit = float(ceiling[:-1]) * units[ceiling[-1]]
    for name in inputs:
        for options, extension in variants:
            status, text, peak = run(["upscale", name, "-o", f"out.{extension}", "--overwrite", "-m", "tiny.safetensors",
                                      "--max-memory", ceiling, *options])
            if status == 0 and peak <= limit:
                kind = "below"
                worst = max(worst, peak / limit)
            elif status != 0 and ("--max-memory" in text or "do not fit into" in text):
                kind = "refused" if peak <= limit else "above"
            else:
                kind = "above" if status == 0 else "failed"
            counts[kind] += 1
            if kind in ("above", "failed"):
                print(f"{kind}: {ceiling} {name} {' '.join(options)} -> {extension}: {peak / 2**20:.0f} MiB, status {status}: {text.strip()[-200:]}",
                      flush=True)
print(f"{sum(counts.values())} runs: {counts}; highest peak {100 * worst:.0f} % of its ceiling")
