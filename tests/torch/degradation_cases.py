#!/usr/bin/env python3
"""degradation_cases.py FOLDER: the operations of Real-ESRGAN's degradation in PyTorch, by the formulas that BasicSR has published, with given
parameters, for degradations_test to repeat.

degradations.safetensors holds picture, and KIND.PARAMETERS for each case: kernels, and the picture after a filter, a change of size,
and sharpening.
"""
import math
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

from reference import *

folder = Path(sys.argv[1])
seed = chosen_seed()
torch.manual_seed(seed)
saved = {}


def grid(size):
    axis = torch.arange(size, dtype=torch.float64) - size // 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x, y], -1)


def bivariate(kind, size, sigma_x, sigma_y, angle, beta):
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], dtype=torch.float64)
    covariance = turn @ torch.diag(torch.tensor([sigma_x ** 2, sigma_y ** 2], dtype=torch.float64)) @ turn.t()
    r = grid(size)
    q = torch.einsum("hwi,ij,hwj->hw", r, torch.linalg.inv(covariance), r)
    k = {"gaussian": torch.exp(-q / 2), "generalised": torch.exp(-q ** beta / 2), "plateau": 1 / (q ** beta + 1)}[kind]
    return k / k.sum()


def sinc(size, cutoff):
    r = grid(size).norm(dim=-1)
    k = cutoff * torch.special.bessel_j1(cutoff * r) / (2 * math.pi * r)
    k[size // 2, size // 2] = cutoff ** 2 / (4 * math.pi)
    return k / k.sum()


def filtered(x, kernel):
    size = kernel.shape[0]
    padded = F.pad(x, [size // 2] * 4, mode="reflect")
    return F.conv2d(padded, kernel.expand(3, 1, size, size), groups=3)


def usm(x):
    """Gaussian as OpenCV makes it for 51 pixels; weight 1/2, threshold 10."""
    sigma = 0.3 * ((51 - 1) * 0.5 - 1) + 0.8
    axis = torch.exp(-(torch.arange(51, dtype=torch.float64) - 25) ** 2 / (2 * sigma ** 2))
    kernel = torch.outer(axis, axis) / axis.sum() ** 2
    blur = filtered(x, kernel)
    residual = x - blur
    mask = filtered((residual.abs() * 255 > 10).double(), kernel)
    sharp = (x + 0.5 * residual).clamp(0, 1)
    return mask * sharp + (1 - mask) * x


x = F.interpolate(torch.rand(1, 3, 12, 14, dtype=torch.float64), size=(72, 90), mode="bicubic", align_corners=False)
x = (x + 0.1 * torch.rand(1, 3, 72, 90, dtype=torch.float64)).clamp(0, 1).float().double()
saved["picture"] = x
for kind, size, sx, sy, angle, beta in (("gaussian", 21, 2.5, 0.7, 0.6, 1), ("gaussian", 7, 0.2, 0.2, 0, 1),
                                        ("generalised", 15, 3.0, 1.2, -2.1, 0.5), ("generalised", 9, 1.1, 2.9, 3.0, 3.7),
                                        ("plateau", 13, 1.5, 0.4, 1.1, 1.9)):
    kernel = bivariate(kind, size, sx, sy, angle, beta)
    name = f"{kind},{size},{sx},{sy},{angle},{beta}"
    saved["kernel." + name], saved["blurred." + name] = kernel, filtered(x, kernel)
for size, cutoff in ((7, 1.3), (13, 0.7), (21, 3.0)):
    saved[f"kernel.sinc,{size},{cutoff}"] = sinc(size, cutoff)
for mode in ("area", "bilinear", "bicubic"):
    for height, width in ((20, 31), (72, 90), (101, 60), (18, 22)):
        options = {} if mode == "area" else {"align_corners": False}
        saved[f"resized.{mode},{width},{height}"] = F.interpolate(x, size=(height, width), mode=mode, **options)
saved["sharp.51"] = usm(x)
folder.mkdir(parents=True, exist_ok=True)
write_safetensors(folder / "degradations.safetensors", {n: t.float() for n, t in saved.items()})
