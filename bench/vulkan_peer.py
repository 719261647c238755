#!/usr/bin/env python3
"""vulkan_peer.py [TIMES]: the same networks, 64x64, on the first Vulkan device: vulkan_bench beside ncnn (of build/oracles; script/setup
test brings it and Mesa's lavapipe), alternately, each in a process of its own; medians of TIMES (3) and their ratio."""
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / "build" / "release" / "bin"
PEER = """
import sys, time
sys.path.insert(0, sys.argv[1])
import numpy, ncnn
net = ncnn.Net()
net.opt.use_vulkan_compute = True
half = sys.argv[3] == "half"
net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = half
net.load_param(sys.argv[2] + ".param")
net.load_model(sys.argv[2] + ".bin")
picture = numpy.random.default_rng(1).random((3, 64, 64), dtype=numpy.float32)
seconds = []
for _ in range(4):
    start = time.time()
    extractor = net.create_extractor()
    extractor.input("data", ncnn.Mat(picture))
    numpy.array(extractor.extract("output")[1])
    seconds.append(time.time() - start)
print(min(seconds[1:]))
"""


def ours(model, half):
    text = subprocess.run([BIN / "vulkan_bench", model, "gpu", "64", "64", "3"], check=True, capture_output=True, text=True).stdout
    return float(re.search(("half" if half else "full") + r", 64x64: .*?\(least ([0-9.]+)\)", text)[1])


def peer(base, half):
    command = [sys.executable, "-c", PEER, ROOT / "build" / "oracles", base, "half" if half else "full"]
    return float(subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout.split()[-1])


def main():
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print("| model | precision | esrgan, s | ncnn, s | ncnn to esrgan |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as work:
        for model in ("realesr-animevideov3-x4", "realesrgan-x4plus"):
            base = Path(work) / model
            subprocess.run([BIN / "esrgan", "export", model, "-o", f"{base}.param"], check=True, capture_output=True)
            for half in (False, True):
                pairs = [(ours(model, half), peer(base, half)) for _ in range(times)]
                mine, theirs = (statistics.median(values) for values in zip(*pairs))
                print(f"| {model} | {'half' if half else 'full'} | {mine:.3f} | {theirs:.3f} | {theirs / mine:.2f} |", flush=True)


main()
