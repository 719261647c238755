#!/usr/bin/python3
"""against_torch.py PROGRAM MODEL.safetensors PICTURE [ROUNDS [THREADS]]: esrgan beside PyTorch (fp32), same picture, same weights.

Both run alternately, whole programs: esrgan from file to file; PyTorch the network alone, weights loaded, one run to
warm up. Prints the medians and their ratio, and how far the two 8-bit results differ. The whole picture is one tile.
"""
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
import torch

from networks import read_weights, rrdbnet

program, model, picture = sys.argv[1:4]
rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
threads = int(sys.argv[5]) if len(sys.argv) > 5 else 2
torch.set_num_threads(threads)


w = {name: torch.from_numpy(values) for name, values in read_weights(model).items()}


def read_picture(path, folder):
    """By way of a plain PPM, so that no Python image library is needed."""
    plain = Path(folder) / (Path(path).stem + ".plain.ppm")
    subprocess.run(["oiiotool", path, "-ch", "R,G,B", "-o", str(plain)], check=True)
    data = plain.read_bytes()
    magic, size, largest, samples = data.split(b"\n", 3)
    width, height = map(int, size.split())
    return numpy.frombuffer(samples, numpy.uint8).reshape(height, width, 3)


with tempfile.TemporaryDirectory() as folder, torch.no_grad():
    pixels = read_picture(picture, folder)
    x = torch.from_numpy(pixels.astype(numpy.float32) / 255).permute(2, 0, 1)[None]
    ours, theirs = [], []
    rrdbnet(w, x[:, :, :32, :32])
    for _ in range(rounds):
        start = time.perf_counter()
        y = rrdbnet(w, x)
        theirs.append(time.perf_counter() - start)
        start = time.perf_counter()
        subprocess.run([program, "upscale", "--precision", "full", picture, "-m", model, "-o", folder + "/ours.png", "--overwrite", "--tile", "0",
                        "--precision", "full", "--threads", str(threads)], check=True, stderr=subprocess.DEVNULL)
        ours.append(time.perf_counter() - start)
    expected = (y[0].permute(1, 2, 0).clamp(0, 1) * 255).round().numpy().astype(int)
    found = read_picture(folder + "/ours.png", folder).astype(int)
difference = numpy.abs(expected - found)
a, b = statistics.median(ours), statistics.median(theirs)
print(f"{pixels.shape[1]}x{pixels.shape[0]}, {threads} threads, medians of {rounds}: esrgan {a:.3f} s (whole program), "
      f"PyTorch {torch.__version__} {b:.3f} s (network alone), ratio {b / a:.2f}")
print(f"8-bit samples equal: {100 * (difference == 0).mean():.4f} %, largest difference {difference.max()}")
