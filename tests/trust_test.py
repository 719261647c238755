"""trust_test.py PROGRAM FAILING_CALLS TINY_MODEL: an output is whole, or it is not there and the program says so.

Every write, flush, close and rename of a file fails once, for every format and in a batch; disks are too small; batches
are killed. ESRGAN_TEST_SEED repeats a run."""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # beside the sources

program, shim, tiny_model = sys.argv[1:4]
seed = int(os.environ.get("ESRGAN_TEST_SEED", random.randrange(2**31)))
print(f"ESRGAN_TEST_SEED={seed}")
random.seed(seed)
work = pathlib.Path(tempfile.mkdtemp())
os.chdir(work)
subprocess.run(["/usr/bin/python3", tiny_model, "tiny.safetensors"], check=True)
failures = []


def check(what, condition, detail=""):
    if not condition:
        failures.append(what)
        print(f"FAILED: {what}: {detail}", file=sys.stderr)


def picture(path, width, height):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"P6 %d %d 255\n" % (width, height) + random.randbytes(3 * width * height))


def run(*arguments, **environment):
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, errors="replace",
                          env={**os.environ, **environment}, stdin=subprocess.DEVNULL)


def entries(folder):
    return sorted(entry.name for entry in pathlib.Path(folder).iterdir())


def source_of_its_kind(extension, side):
    """A picture that a result of this kind can be made of; None where that takes what is not installed."""
    if extension == "nii":
        sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "fuzz"))
        from picture_seeds import nifti
        name, content = work / f"{side}.nii", nifti(extents=(side, side))
        name.write_bytes(content)
        return name
    try:
        import pydicom
    except ImportError:
        return None
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "2.25.1"
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data = pydicom.dataset.FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID, data.SeriesInstanceUID = meta.MediaStorageSOPClassUID, "2.25.1", "2.25.2"
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = side, side, 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.PixelData = bytes(b % 16 if i % 2 else b for i, b in enumerate(random.randbytes(2 * side * side)))
    data["PixelData"].VR = "OW"
    data.is_little_endian, data.is_implicit_VR = True, False
    data.save_as(work / f"{side}.dcm", write_like_original=False)
    return work / f"{side}.dcm"


def formats(source, side):
    """Extensions that can be written, each with what it is written of: `source`, or one of its kind."""
    found = []
    for entry in json.loads(run("formats", "--json").stdout):
        extension = entry["extensions"][0]
        of = source_of_its_kind(extension, side) if entry["of_its_kind"] else source
        if entry["write"] and of is not None:
            found.append((extension, of))
    return found


def every_call_fails_once(name, command, target_folder, look):
    """Until nothing fails any more: each failure is told of, and look() finds what should be there."""
    for at in range(1, 1000):
        shutil.rmtree(target_folder, ignore_errors=True)
        pathlib.Path(target_folder).mkdir()
        sign = work / "failed"
        sign.unlink(missing_ok=True)
        result = run(*command, LD_PRELOAD=shim, ESRGAN_FAIL_AT=str(at), ESRGAN_FAILED=str(sign))
        if not sign.exists():
            check(f"{name}: without a failing call", result.returncode == 0, result.stderr)
            return at - 1
        check(f"{name}: call {at}", result.returncode == 1, f"status {result.returncode}: {result.stderr}")
        check(f"{name}: call {at} is told of", "No space left on device" in result.stderr, result.stderr)
        look(at, result)
    check(name, False, "there is no end of calls")
    return 0


picture(work / "in.ppm", 24, 16)
total = 0
for extension, source in formats(work / "in.ppm", 20):
    if extension == "pgm":
        (work / "in.pgm").write_bytes(b"P5 24 16 255\n" + random.randbytes(24 * 16))
        source = work / "in.pgm"

    def nothing_is_left(at, result, extension=extension):
        check(f"{extension}: call {at} leaves nothing", entries("out") == [], entries("out"))
        check(f"{extension}: call {at} names the file", f"out/a.{extension}" in result.stderr, result.stderr)

    total += every_call_fails_once(extension, ["upscale", source, "-o", f"out/a.{extension}", "-m", "tiny.safetensors", "--not-for-diagnosis"],
                                   "out", nothing_is_left)

for number in range(4):
    picture(work / f"batch/{number}.ppm", 20 + number, 10)
reference = work / "reference"
check("batch", run("upscale", "batch", "-o", reference, "-f", "png", "-m", "tiny.safetensors").returncode == 0)


def same_as_reference(folder, what):
    check(f"{what}: names", entries(folder) == entries(reference), entries(folder))
    for name in entries(reference):
        path = pathlib.Path(folder) / name
        if path.exists():
            check(f"{what}: {name}", path.read_bytes() == (reference / name).read_bytes())


def the_others_are_done(at, result):
    check(f"batch: call {at}: one of four is missing", len(entries("out")) == 3, entries("out"))
    missing = set(entries(reference)) - set(entries("out"))
    check(f"batch: call {at} names the file", any(name in result.stderr for name in missing), result.stderr)
    again = run("upscale", "batch", "-o", "out", "-f", "png", "-m", "tiny.safetensors")
    check(f"batch: call {at}: the next run does it", again.returncode == 0, again.stderr)
    same_as_reference("out", f"batch: after call {at}")


total += every_call_fails_once(
    "batch", ["upscale", "batch", "-o", "out", "-f", "png", "-m", "tiny.safetensors"], "out", the_others_are_done)
print(f"{total} calls failed one by one")

# Disks of a few KiB.
disk = work / "disk"
disk.mkdir()
mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", disk], capture_output=True).returncode == 0
if mounted:
    subprocess.run(["umount", disk], check=True)
    picture(work / "large.ppm", 60, 50)
    for extension, source in formats("large.ppm", 60):
        if extension == "pgm":
            continue
        for size in (4, 8, 16, 32):
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", disk], check=True)
            result = run("upscale", source, "-o", f"disk/a.{extension}", "-m", "tiny.safetensors", "--not-for-diagnosis")
            if result.returncode == 0:  # it was small enough
                check(f"disk of {size} KiB, {extension}: readable", run(
                    "metrics", f"disk/a.{extension}", f"disk/a.{extension}").returncode == 0)
            else:
                check(f"disk of {size} KiB, {extension}: status", result.returncode == 1, result.returncode)
                check(f"disk of {size} KiB, {extension}: reason", "No space left" in result.stderr, result.stderr)
                check(f"disk of {size} KiB, {extension}: leaves nothing", entries(disk) == [], entries(disk))
            subprocess.run(["umount", disk], check=True)
else:
    print("skipped: small disks (mounting one is not allowed)")

# Batches that are killed at any moment.
shutil.rmtree("out")
pathlib.Path("many").mkdir()
for number in range(40):
    picture(work / f"many/{number:02}.ppm", 60, 40)
command = ["upscale", "many", "-f", "png", "-m", "tiny.safetensors", "-o"]
shutil.rmtree(reference)
run(*command, reference)
for round_number in range(8):
    shutil.rmtree("out", ignore_errors=True)
    wanted = random.randrange(0, 40)
    process = subprocess.Popen([program, *command, "out"], stderr=subprocess.PIPE, text=True)
    for _ in range(wanted):  # so many are told of, and then somewhere in the next
        process.stderr.readline()
    process.kill()
    process.communicate()
    again = run(*command, "out")
    check(f"killed after {wanted}: the next run", again.returncode == 0, again.stderr)
    same_as_reference("out", f"killed after {wanted}")

os.chdir("/")
shutil.rmtree(work)
print("all fine" if not failures else f"{len(failures)} failures")
sys.exit(bool(failures))
