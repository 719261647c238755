#!/usr/bin/env python3
"""make_cases.py FOLDER: networks of every architecture with random weights, run by PyTorch.

Writes for each case NAME.pth, in the naming and wrapper that the case stands for, and NAME.safetensors with the
tensors in.K and out.K in the layout [height, width, channel]. The networks are
those of reference.py. The seed is printed; give another as second argument.
"""
import importlib
import sys
import types
from collections import OrderedDict
from pathlib import Path

import torch

from reference import *

SIZES = [(1, 1), (2, 3), (7, 5), (17, 33), (61, 97)]
folder = Path(sys.argv[1])
WHEELS = Path(__file__).resolve().parents[2] / "build" / "wheels"
seed = chosen_seed()
torch.manual_seed(seed)
torch.set_num_threads(2)


def trunk_names(w, blocks):
    def rename(name):
        head, _, tail = name.rpartition(".")
        table = {"conv_body": "trunk_conv", "conv_hr": "HRconv", "conv_up1": "upconv1", "conv_up2": "upconv2"}
        if head.startswith("body."):
            _, n, rdb, layer = head.split(".")
            head = f"RRDB_trunk.{n}.RDB{rdb[3]}.{layer}"
        return table.get(head, head) + "." + tail
    return OrderedDict((rename(name), value) for name, value in w.items())


def sequential_names(w, blocks, ups, shuffled=False):
    def rename(name):
        head, _, tail = name.rpartition(".")
        table = {"conv_first": "model.0", "conv_body": f"model.1.sub.{blocks}"}
        for i in range(1, ups + 1):
            table[f"conv_up{i}"] = f"model.{3 * i - 1 if shuffled else 3 * i}"
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


def case(name, checkpoint, run, multiple=1, legacy=False, channels=3):
    torch.save(checkpoint, folder / f"{name}.pth", _use_new_zipfile_serialization=not legacy)
    tensors = {}
    for k, (height, width) in enumerate(SIZES):
        height, width = -(-height // multiple) * multiple, -(-width // multiple) * multiple
        x = torch.rand(1, channels, height, width)
        with torch.no_grad():
            y = run(x)
        tensors[f"in.{k}"], tensors[f"out.{k}"] = x[0].permute(1, 2, 0), y[0].permute(1, 2, 0)
    write_safetensors(folder / f"{name}.safetensors", tensors)


def spandrel_network(package, module, name):
    """A network's class out of spandrel's wheel; the other architectures, and what they need, are left out."""
    wheels = sorted(WHEELS.glob("spandrel-*.whl"))
    if not wheels:
        return None
    for part in ("spandrel", "spandrel.architectures", f"spandrel.architectures.{package}"):
        made = sys.modules.setdefault(part, types.ModuleType(part))
        made.__path__ = [str(wheels[-1] / part.replace(".", "/"))]
    util = sys.modules.setdefault("spandrel.util", types.ModuleType("spandrel.util"))
    util.store_hyperparameters = lambda **_: lambda network: network
    return getattr(importlib.import_module(f"spandrel.architectures.{package}.__arch.{module}"), name)


def beside_spandrel(network, w, run):
    """Runs spandrel's network, after a look that `run` agrees with it; `run` alone where spandrel is not at hand."""
    if network is None:
        print("without spandrel, which is not at hand")
        return run
    network.double().eval().load_state_dict({n: t.double() for n, t in w.items()}, strict=False)

    def run_both(x):
        expected, found = network(x.double()).float(), run(x)
        assert torch.allclose(expected, found, rtol=1e-4, atol=1e-4 * expected.abs().max().item())
        return expected
    return run_both


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
for upsampling in ("pixelshuffle", "transposed"):
    v = new_rrdb(20, 1, 12, upsampling=upsampling)
    case(f"rrdb_{upsampling}_x4", v, lambda x: run_rrdb(v, x))
    if upsampling == "pixelshuffle":
        case("rrdb_sequential_pixelshuffle_x4", sequential_names(v, 1, 2, shuffled=True), lambda x: run_rrdb(v, x))
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
SPAN = spandrel_network("SPAN", "span", "SPAN")
for features, scale, norm in ((16, 1, True), (16, 2, False), (48, 3, True), (48, 4, False), (16, 4, True)):
    v = new_span(features, scale, norm=norm)
    made = SPAN and SPAN(num_in_ch=3, num_out_ch=3, feature_channels=features, upscale=scale, norm=norm)
    case(f"span_{features}{'' if norm else '_no_norm'}_x{scale}", {"params_ema": v},
         beside_spandrel(made, v, lambda x: run_span(v, x, scale)))
RRDB = spandrel_network("ESRGAN", "RRDB", "RRDBNet")
for inputs, outputs in ((4, 4), (1, 3)):
    v = new_rrdb(20, 1, 32, channels=inputs, out=outputs)
    old = sequential_names(v, 1, 2)
    made = RRDB and RRDB(in_nc=inputs, out_nc=outputs, num_filters=20, num_blocks=1)
    case(f"rrdb_{inputs}_to_{outputs}_x4", old, beside_spandrel(made, old, lambda x: run_rrdb(v, x)), channels=inputs)
# Networks that see several frames.
v = new_span(16, 4, norm=False, frames=5)
case("span_time_x4", {"params": v}, lambda x: run_span(v, x, 4), channels=15)
u = new_rrdb(20, 1, 12, frames=5)
case("rrdb_time_x4", u, lambda x: run_rrdb(u, x), channels=15)
# A view into a larger storage, transposed: offsets and strides must be honoured.
strided = new_rrdb(16, 1, 8)
strided["conv_first.weight"] = torch.randn(5, 3, 3, 3, 16)[2].permute(3, 0, 1, 2)
case("rrdb_strided_x4", strided, lambda x: run_rrdb(strided, x))
