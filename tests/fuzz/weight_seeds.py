"""Small valid files of weights, for the fuzzer to start from."""
import io
import json
import struct
from collections import OrderedDict

import torch


def compact_network():
    weights = OrderedDict()
    for i, (out, inn) in enumerate(((2, 3), (12, 2))):
        weights[f"body.{2 * i}.weight"] = torch.randn(out, inn, 3, 3)
        weights[f"body.{2 * i}.bias"] = torch.randn(out)
    weights["body.1.weight"] = torch.randn(2)
    return weights


def safetensors():
    header, data = {}, b""
    for name, tensor in compact_network().items():
        raw = tensor.numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    yield "compact", struct.pack("<Q", len(text)) + text + data


def saved(value, **options):
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def pth():
    yield "zip", saved({"params_ema": compact_network()})
    yield "legacy", saved(compact_network(), _use_new_zipfile_serialization=False)
    yield "other", saved({"state_dict": {"module.x": torch.ones(2, dtype=torch.int64), "y": torch.ones(3).half()}},
                         _use_new_zipfile_serialization=False)


PARAM = b"""7767517
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


def ncnn():
    yield "compact", PARAM + b"\0" + bytes(4 * (1 + 54 + 2 + 2 + 1 + 216 + 12))


def varint(value):
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def field(number, value):
    """Of a protocol buffer: a whole number, or bytes, or a text."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def onnx():
    def tensor(name, values):
        shape = [values.shape[0], 1, 1] if values.dim() == 1 and name == "body.1.weight" else values.shape
        return field(5, b"".join(field(1, n) for n in shape) + field(2, 1) + field(8, name) + field(9, values.numpy().tobytes()))
    def node(kind, inputs, output, *attributes):
        return field(1, b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, kind) + b"".join(attributes))
    def attribute(name, value):
        return field(5, field(1, name) + field(3, value) + field(20, 2))
    graph = node("Conv", ["input", "body.0.weight", "body.0.bias"], "a") + node("PRelu", ["a", "body.1.weight"], "b")
    graph += node("Conv", ["b", "body.2.weight", "body.2.bias"], "c") + node("DepthToSpace", ["c"], "d", attribute("blocksize", 2))
    graph += b"".join(tensor(name, values) for name, values in compact_network().items())
    yield "compact", field(1, 8) + field(2, "esrgan") + field(7, graph) + field(8, field(2, 17))


SEEDS = {"safetensors": safetensors, "pth": pth, "ncnn": ncnn, "onnx": onnx}
