"""What dicom_test.py, nifti_test.py and geotiff_test.py share: the program of their command line in a folder of its own, a seed that is shown, and
failures that are counted."""
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy

program = str(pathlib.Path(sys.argv[1]).resolve())
work = pathlib.Path(tempfile.mkdtemp())
os.chdir(work)
seed = int(os.environ.get("ESRGAN_TEST_SEED", random.SystemRandom().randrange(1 << 30)))
print(f"ESRGAN_TEST_SEED={seed}")
chance = numpy.random.default_rng(seed)
failures = []


def check(what, condition, detail=""):
    if not condition:
        failures.append(what)
        print(f"FAILED: {what}: {detail}", file=sys.stderr)


def esrgan(*arguments):
    return subprocess.run([program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def check_damaged(name, count, header, *options):
    """Cut off, or with other bytes among the first `header`, a file is an error, or is borne."""
    whole = pathlib.Path(name).read_bytes()
    for _ in range(count):
        damaged = bytearray(whole[:int(chance.integers(1, len(whole)))] if chance.random() < 0.5 else whole)
        for _ in range(int(chance.integers(0, 6))):
            damaged[int(chance.integers(0, min(len(damaged), header)))] = int(chance.integers(0, 256))
        pathlib.Path("damaged_" + name).write_bytes(damaged)
        result = esrgan("upscale", "damaged_" + name, "-o", "damaged_out_" + name, "--overwrite", "--max-memory", "1G", *options)
        check("damage is an error or is borne", result.returncode in (0, 1), (result.returncode, result.stdout[-300:]))


def finish():
    print(f"{len(failures)} failures")
    sys.exit(1 if failures else 0)
