#!/usr/bin/env python3
"""measure_cases.py FOLDER: the features' distance, LPIPS and naturalness of pictures, for measure_test to repeat.

measures.safetensors holds fake and target (height x width x channels), and the values; vgg16.safetensors and lpips.safetensors are a
VGG16 of few channels with random weights and heads for it, natural.safetensors are statistics of natural pictures. Naturalness is
written down from Mittal et al. 2013 in NumPy.
"""
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from features import *
from reference import *

folder = Path(sys.argv[1])
torch.manual_seed(chosen_seed())
torch.set_num_threads(1)
SHAPES = np.arange(0.2, 10.0005, 0.001)
RATIOS = np.array([math.exp(2 * math.lgamma(2 / a) - math.lgamma(1 / a) - math.lgamma(3 / a)) for a in SHAPES])


def asymmetric(x):
    left, right = math.sqrt((x[x < 0] ** 2).mean()), math.sqrt((x[x > 0] ** 2).mean())
    g = left / right
    wanted = np.abs(x).mean() ** 2 / (x ** 2).mean() * (g ** 3 + 1) * (g + 1) / (g ** 2 + 1) ** 2
    shape = SHAPES[np.argmin((RATIOS - wanted) ** 2)]
    width = math.sqrt(math.gamma(1 / shape) / math.gamma(3 / shape))
    return shape, left * width, right * width


def part_features(x):
    shape, left, right = asymmetric(x)
    found = [shape, (left + right) / 2]
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        shape, left, right = asymmetric(x * np.roll(x, shift, (0, 1)))
        found += [shape, (right - left) * math.gamma(2 / shape) / math.gamma(1 / shape), left, right]
    return found


def normalised(gray):
    d = (np.arange(7) - 3) / (7 / 6)
    w = np.exp(-d * d / 2)
    w /= w.sum()
    kernel = torch.from_numpy(np.outer(w, w))[None, None]
    def blurred(x):
        return F.conv2d(F.pad(torch.from_numpy(x)[None, None], [3] * 4, mode="replicate"), kernel)[0, 0].numpy()
    mean = blurred(gray)
    return (gray - mean) / (np.sqrt(np.abs(blurred(gray * gray) - mean * mean)) + 1)


def halved(gray):
    """MATLAB's bicubic by one half."""
    w = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 256
    for axis in (0, 1):
        x = np.moveaxis(gray, axis, 0)
        padded = np.concatenate([x[2::-1], x, x[:-4:-1]])
        x = sum(w[t] * padded[t:t + len(x) - 1:2] for t in range(8))
        gray = np.moveaxis(x, 0, axis)
    return gray


def naturalness(rgb, mean, covariance):
    gray = rgb @ np.array([65.481, 128.553, 24.966]) + 16
    gray = gray[:gray.shape[0] // 96 * 96, :gray.shape[1] // 96 * 96]
    whole, half = normalised(gray), normalised(halved(gray))
    rows = [part_features(whole[y:y + 96, x:x + 96]) + part_features(half[y // 2:y // 2 + 48, x // 2:x // 2 + 48])
            for y in range(0, gray.shape[0], 96) for x in range(0, gray.shape[1], 96)]
    rows = np.array(rows)
    d = rows.mean(0) - mean
    return math.sqrt(d @ np.linalg.solve((np.cov(rows.T) + covariance) / 2, d))


folder.mkdir(parents=True, exist_ok=True)
target = picture(1, 210)
fake = near(0.9 * target + 0.03, 0.06)
vgg = new_vgg16()
heads = {f"lin{i}.model.1.weight": torch.rand(1, c, 1, 1) for i, c in enumerate(CHANNELS)}
ones = {name: torch.ones_like(head) for name, head in heads.items()}
factor = torch.randn(36, 36) * 0.1
natural = {"mean": torch.rand(36), "covariance": factor @ factor.T + 0.01 * torch.eye(36)}
for file, tensors in (("vgg16", vgg), ("lpips", heads), ("natural", natural)):
    write_safetensors(folder / f"{file}.safetensors", tensors)
vgg, heads, ones = ({n: t.double() for n, t in w.items()} for w in (vgg, heads, ones))
rows = fake[0].permute(1, 2, 0)
write_safetensors(folder / "measures.safetensors", {
    "fake": rows.contiguous(), "target": target[0].permute(1, 2, 0).contiguous(),
    "features": lpips(vgg, ones, fake.double(), target.double()).float().reshape(1),
    "lpips": lpips(vgg, heads, fake.double(), target.double()).float().reshape(1),
    "naturalness": torch.tensor([naturalness(rows.double().numpy(), natural["mean"].double().numpy(),
                                             natural["covariance"].double().numpy())]).float()})
