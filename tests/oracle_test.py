"""oracle_test.py PROGRAM: OpenImageIO reads what the program wrote, and the program reads what OpenImageIO wrote, to the
same samples. Skipped (77) without oiiotool."""
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

program = sys.argv[1]
if shutil.which("oiiotool") is None:
    print("skipped: there is no oiiotool (script/setup formats)")
    sys.exit(77)
seed = int(os.environ.get("ESRGAN_TEST_SEED", random.randrange(2**31)))
print(f"ESRGAN_TEST_SEED={seed}")
random.seed(seed)
work = pathlib.Path(tempfile.mkdtemp())
os.chdir(work)
failures = []


def make(path, channels, bits):
    """A portable anymap of random size and samples."""
    width, height = random.randrange(1, 60), random.randrange(1, 60)
    magic = {1: b"P5", 3: b"P6"}[channels]
    samples = random.randbytes(width * height * channels * bits // 8)
    pathlib.Path(path).write_bytes(magic + b"\n%d %d\n%d\n" % (width, height, (1 << bits) - 1) + samples)


def samples(path):
    """What follows the three fields of the header, each followed by one white space, and the comments that there may be."""
    lines = pathlib.Path(path).read_bytes().split(b"\n", 3)
    return lines[1:3] + [lines[3]]


def convert(source, target):
    """By the program itself, which reduces by 1 and changes nothing."""
    result = subprocess.run([program, "downscale", source, "-o", target, "--scale", "1", "--overwrite"], capture_output=True,
                            text=True)
    if result.returncode != 0:
        failures.append(result.stderr)


# OpenImageIO 2.4 is off by one in anymaps of 16 bits, so that these are left to the program.
rounds = 0
for ours in ("png", "tif", "bmp"):
    for theirs in ("png", "tif", "bmp"):
        for channels in (1, 3):
            for bits in (8, 16):
                if "bmp" in (ours, theirs) and (bits == 16 or channels == 1):
                    continue
                make("in.pnm", channels, bits)
                back = "back.pgm" if channels == 1 else "back.ppm"
                convert("in.pnm", f"ours.{ours}")
                subprocess.run(["oiiotool", f"ours.{ours}", "-o", f"theirs.{theirs}"], check=True, capture_output=True)
                convert(f"theirs.{theirs}", back)
                rounds += 1
                if samples(back)[2] != samples("in.pnm")[2]:
                    failures.append(f"{channels} channels, {bits} bits, as {ours} to OpenImageIO, as {theirs} back: other samples")
print(f"{rounds} rounds")

os.chdir("/")
shutil.rmtree(work)
for failure in failures:
    print(f"FAILED: {failure}", file=sys.stderr)
print("all fine" if not failures else f"{len(failures)} failures")
sys.exit(bool(failures))
