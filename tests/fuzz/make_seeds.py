#!/usr/bin/python3
"""make_seeds.py FOLDER: small valid files of each format, for the fuzzer to start from."""
import json
import struct
import sys
from collections import OrderedDict
from pathlib import Path

import torch

root = Path(sys.argv[1])
for name in ("safetensors", "pth", "ncnn"):
    (root / name).mkdir(parents=True, exist_ok=True)
weights = OrderedDict()
for i, (out, inn) in enumerate(((2, 3), (12, 2))):
    weights[f"body.{2 * i}.weight"] = torch.randn(out, inn, 3, 3)
    weights[f"body.{2 * i}.bias"] = torch.randn(out)
weights["body.1.weight"] = torch.randn(2)
header, data = {}, b""
for name, tensor in weights.items():
    raw = tensor.numpy().tobytes()
    header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
text = json.dumps(header).encode()
(root / "safetensors/compact").write_bytes(struct.pack("<Q", len(text)) + text + data)
torch.save({"params_ema": weights}, root / "pth/zip")
torch.save(weights, root / "pth/legacy", _use_new_zipfile_serialization=False)
torch.save({"state_dict": {"module.x": torch.ones(2, dtype=torch.int64), "y": torch.ones(3).half()}}, root / "pth/other",
           _use_new_zipfile_serialization=False)
param = b"""7767517
8 8
Input in 0 1 data
Split split 1 2 data d0 d1
Convolution c0 1 1 d0 a 0=2 1=3 4=1 5=1 6=54
PReLU p0 1 1 a b 0=2
Convolution c1 1 1 b c 0=12 1=3 4=1 5=1 6=216
PixelShuffle ps 1 1 c e 0=2
Interp up 1 1 d1 f 0=1 1=2.0 2=2.0
BinaryOp add 2 1 e f out
"""
zeros = lambda count: b"\0" * (4 * count)
(root / "ncnn/compact").write_bytes(param + b"\0" + zeros(1 + 54 + 2 + 2 + 1 + 216 + 12))
