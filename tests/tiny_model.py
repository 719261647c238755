"""tiny_model.py FILE: writes a compact network of 3 small layers, x2, whose weights are random (seed 5)."""
import json
import random
import struct
import sys

random.seed(5)
tensors = {}
for i, (out, inn) in enumerate(((8, 3), (8, 8), (12, 8))):
    tensors[f"body.{2 * i}.weight"] = ([out, inn, 3, 3], [random.gauss(0, 0.1) for _ in range(out * inn * 9)])
    tensors[f"body.{2 * i}.bias"] = ([out], [0.0] * out)
    if i < 2:
        tensors[f"body.{2 * i + 1}.weight"] = ([out], [0.2] * out)
header, data = {}, b""
for name, (shape, values) in tensors.items():
    raw = struct.pack(f"<{len(values)}f", *values)
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
text = json.dumps(header).encode()
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
