#!/usr/bin/env python3
"""make_cases.py FOLDER: networks of every architecture with random weights, run by PyTorch.

Writes for each case NAME.pth, in the naming and wrapper that the case stands for, and NAME.safetensors with the
tensors in.K and out.K in the layout [height, width, channel]. The networks are written down here once more, on
torch.nn.functional alone, from the papers' descriptions. The seed is printed; give another as second argument.
"""
import json
import struct
import sys
from collections import OrderedDict
from pathlib import Path

import torch
import torch.nn.functional as F

SIZES = [(1, 1), (2, 3), (7, 5), (17, 33), (61, 97)]
folder = Path(sys.argv[1])
seed = int(sys.argv[2]) if len(sys.argv) > 2 else torch.seed() % 100000
torch.manual_seed(seed)
torch.set_num_threads(2)
print("seed", seed)


def conv(w, name, x, slope=None):
    weight = w[name + ".weight"]
    y = F.conv2d(x, weight, w.get(name + ".bias"), padding=weight.shape[2] // 2)
    return y if slope is None else F.leaky_relu(y, slope)


def new_conv(w, name, inputs, outputs, kernel=3, bias=True):
    w[name + ".weight"] = torch.randn(outputs, inputs, kernel, kernel) / (inputs * kernel * kernel) ** 0.5
    if bias:
        w[name + ".bias"] = torch.randn(outputs) * 0.1


def new_norm(w, name, features):
    w[name + ".weight"] = torch.rand(features) + 0.5
    w[name + ".bias"] = torch.randn(features) * 0.1
    w[name + ".running_mean"] = torch.randn(features) * 0.1
    w[name + ".running_var"] = torch.rand(features) + 0.5
    w[name + ".num_batches_tracked"] = torch.tensor(7)


def norm(w, name, x):
    return F.batch_norm(x, w[name + ".running_mean"], w[name + ".running_var"], w[name + ".weight"], w[name + ".bias"])


def new_rrdb(features, blocks, growth, channels=3, out=3, ups=2, plus=False, learned=False, uneven=False):
    w = OrderedDict()
    new_conv(w, "conv_first", channels, features)
    for n in range(blocks):
        for k in (1, 2, 3):
            known = features
            for j in (1, 2, 3, 4):
                step = growth - (n + j if uneven else 0)
                new_conv(w, f"body.{n}.rdb{k}.conv{j}", known, step)
                known += step
            new_conv(w, f"body.{n}.rdb{k}.conv5", known, features)
            if plus:
                new_conv(w, f"body.{n}.rdb{k}.conv1x1", features, growth, 1, bias=False)
            if learned:
                w[f"body.{n}.rdb{k}.residual_scale"] = torch.rand(1)
        if learned:
            w[f"body.{n}.residual_scale"] = torch.rand(1)
    new_conv(w, "conv_body", features, features)
    for i in range(ups):
        new_conv(w, f"conv_up{i + 1}", features, features)
    new_conv(w, "conv_hr", features, features)
    new_conv(w, "conv_last", features, out)
    return w


def run_rrdb(w, x, fold=1):
    if fold > 1:
        x = F.pixel_unshuffle(x, fold)
    first = x = conv(w, "conv_first", x)
    n = 0
    while f"body.{n}.rdb1.conv1.weight" in w:
        outer = x
        for k in (1, 2, 3):
            p = f"body.{n}.rdb{k}"
            maps = [x]
            for j in (1, 2, 3, 4):
                y = conv(w, f"{p}.conv{j}", torch.cat(maps, 1), 0.2)
                if p + ".conv1x1.weight" in w and j == 2:
                    y = y + conv(w, p + ".conv1x1", x)
                if p + ".conv1x1.weight" in w and j == 4:
                    y = y + maps[2]
                maps.append(y)
            x = w.get(p + ".residual_scale", 0.2) * conv(w, p + ".conv5", torch.cat(maps, 1)) + x
        x = w.get(f"body.{n}.residual_scale", 0.2) * x + outer
        n += 1
    x = first + conv(w, "conv_body", x)
    i = 1
    while f"conv_up{i}.weight" in w:
        x = conv(w, f"conv_up{i}", F.interpolate(x, scale_factor=2, mode="nearest"), 0.2)
        i += 1
    return conv(w, "conv_last", conv(w, "conv_hr", x, 0.2))


def new_compact(features, inner, scale, act):
    w = OrderedDict()
    for i in range(inner + 1):
        new_conv(w, f"body.{2 * i}", 3 if i == 0 else features, features)
        if act == "prelu":
            w[f"body.{2 * i + 1}.weight"] = torch.randn(features) * 0.3
    new_conv(w, f"body.{2 * inner + 2}", features, 3 * scale * scale)
    return w


def run_compact(w, x, scale):
    last = max(int(name.split(".")[1]) for name in w)
    y = x
    for i in range(0, last, 2):
        y = conv(w, f"body.{i}", y)
        y = F.prelu(y, w[f"body.{i + 1}.weight"]) if f"body.{i + 1}.weight" in w else F.relu(y)
    return F.pixel_shuffle(conv(w, f"body.{last}", y), scale) + F.interpolate(x, scale_factor=scale, mode="nearest")


def new_msrresnet(features, blocks, factors):
    w = OrderedDict()
    new_conv(w, "conv_first", 3, features)
    for n in range(blocks):
        new_conv(w, f"body.{n}.conv1", features, features)
        new_conv(w, f"body.{n}.conv2", features, features)
    for i, factor in enumerate(factors):
        new_conv(w, f"upconv{i + 1}", features, features * factor * factor)
    new_conv(w, "conv_hr", features, features)
    new_conv(w, "conv_last", features, 3)
    return w


def run_msrresnet(w, x, factors):
    y = conv(w, "conv_first", x, 0.1)
    n = 0
    while f"body.{n}.conv1.weight" in w:
        y = y + conv(w, f"body.{n}.conv2", F.relu(conv(w, f"body.{n}.conv1", y)))
        n += 1
    scale = 1
    for i, factor in enumerate(factors):
        y = F.leaky_relu(F.pixel_shuffle(conv(w, f"upconv{i + 1}", y), factor), 0.1)
        scale *= factor
    y = conv(w, "conv_last", conv(w, "conv_hr", y, 0.1))
    return y + F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)


def new_srresnet(features, blocks, shared_slope):
    slopes = 1 if shared_slope else features
    w = OrderedDict()
    new_conv(w, "conv_first", 3, features, 9)
    w["act_first.weight"] = torch.rand(slopes) * 0.5
    for n in range(blocks):
        new_conv(w, f"body.{n}.conv1", features, features, bias=shared_slope)
        new_norm(w, f"body.{n}.bn1", features)
        w[f"body.{n}.act.weight"] = torch.rand(slopes) * 0.5
        new_conv(w, f"body.{n}.conv2", features, features, bias=shared_slope)
        new_norm(w, f"body.{n}.bn2", features)
    new_conv(w, "conv_body", features, features, bias=shared_slope)
    new_norm(w, "bn_body", features)
    for i in (1, 2):
        new_conv(w, f"conv_up{i}", features, features * 4)
        w[f"act_up{i}.weight"] = torch.rand(slopes) * 0.5
    new_conv(w, "conv_last", features, 3, 9)
    return w


def run_srresnet(w, x):
    first = y = F.prelu(conv(w, "conv_first", x), w["act_first.weight"])
    n = 0
    while f"body.{n}.conv1.weight" in w:
        z = F.prelu(norm(w, f"body.{n}.bn1", conv(w, f"body.{n}.conv1", y)), w[f"body.{n}.act.weight"])
        y = y + norm(w, f"body.{n}.bn2", conv(w, f"body.{n}.conv2", z))
        n += 1
    y = first + norm(w, "bn_body", conv(w, "conv_body", y))
    for i in (1, 2):
        y = F.prelu(F.pixel_shuffle(conv(w, f"conv_up{i}", y), 2), w[f"act_up{i}.weight"])
    return conv(w, "conv_last", y)


def trunk_names(w, blocks):
    def rename(name):
        head, _, tail = name.rpartition(".")
        table = {"conv_body": "trunk_conv", "conv_hr": "HRconv", "conv_up1": "upconv1", "conv_up2": "upconv2"}
        if head.startswith("body."):
            _, n, rdb, layer = head.split(".")
            head = f"RRDB_trunk.{n}.RDB{rdb[3]}.{layer}"
        return table.get(head, head) + "." + tail
    return OrderedDict((rename(name), value) for name, value in w.items())


def sequential_names(w, blocks, ups):
    def rename(name):
        head, _, tail = name.rpartition(".")
        table = {"conv_first": "model.0", "conv_body": f"model.1.sub.{blocks}"}
        for i in range(1, ups + 1):
            table[f"conv_up{i}"] = f"model.{3 * i}"
        table["conv_hr"] = f"model.{3 * ups + 2}"
        table["conv_last"] = f"model.{3 * ups + 4}"
        if head.startswith("body."):
            _, n, rdb, layer = head.split(".")
            head = f"model.1.sub.{n}.RDB{rdb[3]}.{layer}" + ("" if layer == "conv1x1" else ".0")
        return table.get(head, head) + "." + tail
    return OrderedDict((rename(name), value) for name, value in w.items())


def lornatang_names(w):
    def rename(name):
        head, _, tail = name.rpartition(".")
        table = {"conv_first": "conv1.0", "act_first": "conv1.1", "conv_body": "conv2.0", "bn_body": "conv2.1",
                 "conv_last": "conv3"}
        for i in (1, 2):
            table[f"conv_up{i}"] = f"upsampling.{i - 1}.upsample_block.0"
            table[f"act_up{i}"] = f"upsampling.{i - 1}.upsample_block.2"
        if head.startswith("body."):
            _, n, layer = head.split(".")
            number = {"conv1": 0, "bn1": 1, "act": 2, "conv2": 3, "bn2": 4}[layer]
            head = f"trunk.{n}.rcb.{number}"
        return table.get(head, head) + "." + tail
    return OrderedDict((rename(name), value) for name, value in w.items())


def leftthomas_names(w, blocks):
    def rename(name):
        head, _, tail = name.rpartition(".")
        table = {"conv_first": "block1.0", "act_first": "block1.1", "conv_body": f"block{blocks + 2}.0",
                 "bn_body": f"block{blocks + 2}.1", "conv_last": f"block{blocks + 3}.2"}
        for i in (1, 2):
            table[f"conv_up{i}"] = f"block{blocks + 3}.{i - 1}.conv"
            table[f"act_up{i}"] = f"block{blocks + 3}.{i - 1}.prelu"
        if head.startswith("body."):
            _, n, layer = head.split(".")
            head = f"block{int(n) + 2}." + layer.replace("act", "prelu")
        return table.get(head, head) + "." + tail
    return OrderedDict((rename(name), value) for name, value in w.items())


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.contiguous().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def case(name, checkpoint, run, multiple=1, legacy=False):
    torch.save(checkpoint, folder / f"{name}.pth", _use_new_zipfile_serialization=not legacy)
    tensors = {}
    for k, (height, width) in enumerate(SIZES):
        height, width = -(-height // multiple) * multiple, -(-width // multiple) * multiple
        x = torch.rand(1, 3, height, width)
        with torch.no_grad():
            y = run(x)
        tensors[f"in.{k}"], tensors[f"out.{k}"] = x[0].permute(1, 2, 0), y[0].permute(1, 2, 0)
    write_safetensors(folder / f"{name}.safetensors", tensors)


folder.mkdir(parents=True, exist_ok=True)

w = new_rrdb(64, 3, 32)
case("rrdb_canonical_x4", {"params_ema": w, "params": OrderedDict()}, lambda x: run_rrdb(w, x))
case("rrdb_legacy_file_x4", OrderedDict(("module." + n, t) for n, t in w.items()), lambda x: run_rrdb(w, x), legacy=True)
case("rrdb_trunk_x4", trunk_names(w, 3), lambda x: run_rrdb(w, x))
for ups in (0, 1, 2, 3):
    v = new_rrdb(24, 2, 12, ups=ups)
    case(f"rrdb_sequential_x{2 ** ups}", {"state_dict": {"model": sequential_names(v, 2, ups)}}, lambda x: run_rrdb(v, x))
for fold in (2, 4):
    v = new_rrdb(32, 1, 16, channels=3 * fold * fold)
    case(f"rrdb_unshuffle_x{4 // fold}", {"params": v}, lambda x: run_rrdb(v, x, fold), multiple=fold)
v = new_rrdb(32, 2, 16, plus=True)
case("rrdb_plus_x4", sequential_names(v, 2, 2), lambda x: run_rrdb(v, x))
v = new_rrdb(32, 2, 16, learned=True)
case("rrdb_learned_scale_x4", {"netG": {"netG." + n: t for n, t in v.items()}}, lambda x: run_rrdb(v, x))
v = new_rrdb(40, 2, 17, uneven=True)
case("rrdb_pruned_x4", {"params-ema": v}, lambda x: run_rrdb(v, x))
half = OrderedDict((n, t.half()) for n, t in new_rrdb(16, 1, 8).items())
case("rrdb_half_x4", half, lambda x: run_rrdb({n: t.float() for n, t in half.items()}, x))
brain = OrderedDict((n, t.bfloat16()) for n, t in new_rrdb(16, 1, 8).items())
case("rrdb_bfloat16_x4", brain, lambda x: run_rrdb({n: t.float() for n, t in brain.items()}, x), legacy=True)
for scale, act in ((1, "prelu"), (2, "relu"), (3, "prelu"), (4, "prelu")):
    v = new_compact(64 if scale == 4 else 20, 4, scale, act)
    case(f"compact_{act}_x{scale}", {"params": v}, lambda x: run_compact(v, x, scale))
for factors in ((2,), (3,), (2, 2)):
    v = new_msrresnet(64, 3, factors)
    case(f"msrresnet_{'_'.join(map(str, factors))}", {"params": v}, lambda x: run_msrresnet(v, x, factors))
v = new_srresnet(64, 3, False)
case("srresnet_canonical", v, lambda x: run_srresnet(v, x))
case("srresnet_lornatang", {"state_dict": lornatang_names(v), "epoch": 3, "best": 27.5}, lambda x: run_srresnet(v, x))
u = new_srresnet(24, 2, True)
case("srresnet_leftthomas", leftthomas_names(u, 2), lambda x: run_srresnet(u, x))
# A view into a larger storage, transposed: offsets and strides must be honoured.
strided = new_rrdb(16, 1, 8)
strided["conv_first.weight"] = torch.randn(5, 3, 3, 3, 16)[2].permute(3, 0, 1, 2)
case("rrdb_strided_x4", strided, lambda x: run_rrdb(strided, x))
