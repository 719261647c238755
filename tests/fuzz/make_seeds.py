#!/usr/bin/python3
"""make_seeds.py FOLDER [TARGET...]: small valid files for each fuzz target, or those named, to start from."""
import sys
from pathlib import Path

import picture_seeds


def weights_seeds(name):
    import weight_seeds  # needs PyTorch
    return weight_seeds.SEEDS[name]()


makers = {name: lambda name=name: weights_seeds(name) for name in ("safetensors", "pth", "ncnn", "onnx")}
makers.update(picture_seeds.SEEDS)
for target in sys.argv[2:] or makers:
    folder = Path(sys.argv[1]) / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in makers[target]():
        (folder / name).write_bytes(data)
