"""The benchmarks' networks (x4) in PyTorch, and their weights from safetensors: what esrgan is compared with."""
import json
import pathlib
import struct

import numpy


def read_weights(path):
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header, data = json.loads(data[8:8 + length]), data[8 + length:]
    header.pop("__metadata__", None)
    types = {"F16": numpy.float16, "F32": numpy.float32}
    return {name: numpy.frombuffer(data[slice(*e["data_offsets"])], types[e["dtype"]]).reshape(e["shape"]).astype(numpy.float32)
            for name, e in header.items()}


def network(weights, x):
    """RRDBNet or SRVGGNetCompact, by the names of the weights; x: [batch][3][height][width]."""
    return (rrdbnet if "conv_first.weight" in weights else compact)(weights, x)


def convolution(weights, name, x):
    import torch.nn.functional as F
    return F.conv2d(x, weights[name + ".weight"], weights[name + ".bias"], padding=1)


def compact(weights, x):
    import torch.nn.functional as F
    last = max(int(name.split(".")[1]) for name in weights)
    y = x
    for i in range(0, last, 2):
        y = F.prelu(convolution(weights, f"body.{i}", y), weights[f"body.{i + 1}.weight"])
    return F.pixel_shuffle(convolution(weights, f"body.{last}", y), 4) + F.interpolate(x, scale_factor=4, mode="nearest")


def rrdbnet(weights, x):
    import torch
    import torch.nn.functional as F

    def conv(name, x, slope=None):
        y = convolution(weights, name, x)
        return y if slope is None else F.leaky_relu(y, slope, inplace=True)

    first = x = conv("conv_first", x)
    for n in range(sum(name.endswith("rdb1.conv1.weight") for name in weights)):
        outer = x
        for k in (1, 2, 3):
            maps = x
            for j in (1, 2, 3, 4):
                maps = torch.cat((maps, conv(f"body.{n}.rdb{k}.conv{j}", maps, 0.2)), 1)
            x = conv(f"body.{n}.rdb{k}.conv5", maps) * 0.2 + x
        x = x * 0.2 + outer
    x = first + conv("conv_body", x)
    for i in (1, 2):
        x = conv(f"conv_up{i}", F.interpolate(x, scale_factor=2, mode="nearest"), 0.2)
    return conv("conv_last", conv("conv_hr", x, 0.2))
