"""The networks once more, on torch.nn.functional alone, from the papers' descriptions; and a writer for their tensors."""
import json
import os
import struct
import sys
from collections import OrderedDict

import torch
import torch.nn.functional as F


def chosen_seed():
    """The second argument, or ESRGAN_TEST_SEED, or one by chance; shown."""
    given = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("ESRGAN_TEST_SEED")
    seed = int(given) if given else torch.seed() % 100000
    print("seed", seed)
    return seed


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


def new_rrdb(features, blocks, growth, channels=3, out=3, ups=2, plus=False, learned=False, uneven=False,
             upsampling="nearest", frames=1):
    w = OrderedDict()
    new_head(w, "conv_first", channels, features, frames)
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
        if upsampling == "transposed":
            new_conv(w, f"conv_up{i + 1}", features, features, 4)
        else:
            new_conv(w, f"conv_up{i + 1}", features, features * (4 if upsampling == "pixelshuffle" else 1))
    new_conv(w, "conv_hr", features, features)
    new_conv(w, "conv_last", features, out)
    return w


def scaled_sum(w, block, y, x):
    learned = w.get(block + ".residual_scale")
    return torch.add(x, y, alpha=0.2) if learned is None else learned * y + x


def run_rrdb(w, x, fold=1):
    if fold > 1:
        x = F.pixel_unshuffle(x, fold)
    first = x = head(w, lambda x: conv(w, "conv_first", x), x)
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
            x = scaled_sum(w, p, conv(w, p + ".conv5", torch.cat(maps, 1)), x)
        x = scaled_sum(w, f"body.{n}", x, outer)
        n += 1
    x = first + conv(w, "conv_body", x)
    i = 1
    while f"conv_up{i}.weight" in w:
        up, taken = w[f"conv_up{i}.weight"], w.get(f"conv_up{i + 1}.weight", w["conv_hr.weight"]).shape[1]
        if up.shape[2] == 4:
            x = F.leaky_relu(F.conv_transpose2d(x, up, w[f"conv_up{i}.bias"], stride=2, padding=1), 0.2)
        elif up.shape[0] == 4 * taken:
            x = F.leaky_relu(F.pixel_shuffle(conv(w, f"conv_up{i}", x), 2), 0.2)
        else:
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


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.contiguous().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def new_head(w, first, channels, features, frames):
    """The first convolution, and those in space and time of a network that sees several frames."""
    if first is not None:
        new_conv(w, first, channels, features)
    if frames == 1:
        return
    for name, inputs, outputs in (("time_1", channels, frames + 4), ("time_2", frames + 4, features)):
        w[f"{name}.weight"] = torch.randn(outputs, inputs, 3, 3, 3) * (2 / (27 * inputs)) ** 0.5
        w[f"{name}.bias"] = torch.randn(outputs) * 0.1


def head(w, first, x):
    if "time_1.weight" not in w:
        return first(x)
    frames = x.unflatten(1, (-1, w["time_1.weight"].shape[1])).transpose(1, 2)  # n, c, t, h, w
    middle = x.unflatten(1, (5, -1))[:, 2]
    maps = F.leaky_relu(F.conv3d(frames, w["time_1.weight"], w["time_1.bias"], padding=(0, 1, 1)), 0.1)
    return first(middle) + F.conv3d(maps, w["time_2.weight"], w["time_2.bias"], padding=(0, 1, 1)).squeeze(2)


def new_span(features, scale, channels=3, norm=True, frames=1):
    """SPAN (arXiv:2311.12770) as it is trained: Conv3XC by its parts."""
    w = OrderedDict()

    def conv3xc(name, inputs, outputs):
        new_conv(w, name + ".sk", inputs, outputs, 1)
        new_conv(w, name + ".conv.0", inputs, 2 * inputs, 1)
        new_conv(w, name + ".conv.1", 2 * inputs, 2 * outputs)
        new_conv(w, name + ".conv.2", 2 * outputs, outputs, 1)
        new_conv(w, name + ".eval_conv", inputs, outputs)  # what lies in files and is not to be trusted

    conv3xc("conv_1", channels, features)
    new_head(w, None, channels, features, frames)
    for n in range(1, 7):
        for k in (1, 2, 3):
            conv3xc(f"block_{n}.c{k}_r", features, features)
    new_conv(w, "conv_cat", 4 * features, features, 1)
    conv3xc("conv_2", features, features)
    new_conv(w, "upsampler.0", features, channels * scale * scale)
    if not norm:
        w["no_norm"] = torch.zeros(1)
        return w
    for part in ("sk", "conv.2"):  # 255 times larger inputs would drive every gate to its end
        for tensor in ("weight", "bias"):
            w[f"conv_1.{part}.{tensor}"] /= 255
    return w


def run_span(w, x, scale):
    def conv3xc(name, x):
        y = F.pad(x, (1, 1, 1, 1))
        for part in (0, 1, 2):
            y = F.conv2d(y, w[f"{name}.conv.{part}.weight"], w[f"{name}.conv.{part}.bias"])
        return y + conv(w, name + ".sk", x)

    if "no_norm" not in w:
        x = (x - torch.tensor([0.4488, 0.4371, 0.4040])[: x.shape[1]].view(1, -1, 1, 1)) * 255
    first = y = head(w, lambda x: conv3xc("conv_1", x), x)
    for n in range(1, 7):
        inner = F.silu(conv3xc(f"block_{n}.c1_r", y))
        third = conv3xc(f"block_{n}.c3_r", F.silu(conv3xc(f"block_{n}.c2_r", inner)))
        y = (third + y) * (torch.sigmoid(third) - 0.5)
        if n == 1:
            after_first = y
    y = conv(w, "conv_cat", torch.cat([first, conv3xc("conv_2", y), after_first, inner], 1))
    return F.pixel_shuffle(conv(w, "upsampler.0", y), scale)
