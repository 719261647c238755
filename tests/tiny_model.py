"""tiny_model.py FILE [frames]: writes a network whose weights are random (seed 5): a compact one of 3 small layers, x2, or with
`frames` a SPAN, x2, that sees five frames."""
import json
import random
import struct
import sys

random.seed(5)
tensors = {}


def convolution(name, *shape):
    count, inputs = 1, 1
    for i, extent in enumerate(shape):
        count *= extent
        inputs *= extent if i > 0 else 1
    tensors[name + ".weight"] = (shape, [random.gauss(0, inputs ** -0.5) for _ in range(count)])
    tensors[name + ".bias"] = (shape[:1], [0.0] * shape[0])


if sys.argv[2:] == ["frames"]:
    convolution("conv_1", 8, 3, 3, 3)
    convolution("time_1", 4, 3, 3, 3, 3)
    convolution("time_2", 8, 4, 3, 3, 3)
    for n in range(1, 7):
        for k in range(1, 4):
            convolution(f"block_{n}.c{k}_r", 8, 8, 3, 3)
    convolution("conv_2", 8, 8, 3, 3)
    convolution("conv_cat", 8, 32, 1, 1)
    convolution("upsampler.0", 12, 8, 3, 3)
    tensors["no_norm"] = ([1], [0.0])
else:
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
