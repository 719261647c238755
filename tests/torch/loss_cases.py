#!/usr/bin/env python3
"""loss_cases.py FOLDER: losses of the trainer in PyTorch, written down from their papers, for losses_test to repeat.

losses.safetensors holds fake, target and smooth (what the running mean made), and for each case value.NAME and gradient.NAME, by fake.
vgg16.safetensors is a VGG16 of few channels with random weights, lpips.safetensors and dists.safetensors heads for it. Where the
package pytorch_msssim is at hand, it must agree on MS-SSIM.
"""
import importlib
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

from features import *
from reference import *

WHEELS = Path(__file__).resolve().parents[2] / "build" / "wheels"

folder = Path(sys.argv[1])
seed = chosen_seed()
torch.manual_seed(seed)
torch.set_num_threads(1)

MS_WEIGHTS = torch.tensor([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])


def window(size, sigma):
    x = torch.arange(size, dtype=torch.float64) - size // 2
    w = torch.exp(-x * x / (2 * sigma * sigma))
    w = w / w.sum()
    return w[:, None] * w[None, :]


def each_channel(x, kernel):
    channels = x.shape[1]
    return F.conv2d(x, kernel.to(x.dtype).expand(channels, 1, *kernel.shape), groups=channels)


def ms_ssim(x, y, weights):
    kernel = window(11, 1.5)
    c1, c2 = 0.01 ** 2, 0.03 ** 2
    product = 1
    for i, weight in enumerate(weights):
        if i > 0:
            padding = [s % 2 for s in x.shape[2:]]
            x, y = F.avg_pool2d(x, 2, padding=padding), F.avg_pool2d(y, 2, padding=padding)
        mx, my = each_channel(x, kernel), each_channel(y, kernel)
        vx, vy = each_channel(x * x, kernel) - mx ** 2, each_channel(y * y, kernel) - my ** 2
        cov = each_channel(x * y, kernel) - mx * my
        found = (2 * cov + c2) / (vx + vy + c2)
        if i + 1 == len(weights):
            found = found * (2 * mx * my + c1) / (mx ** 2 + my ** 2 + c1)
        product = product * F.relu(found.mean((2, 3))) ** weight
    return product.mean()


def ldl(fake, target, smooth, size=7):
    with torch.no_grad():
        error, other = (target - fake).abs().sum(1, True), (target - smooth).abs().sum(1, True)
        padded = F.pad(error, [size // 2] * 4, mode="reflect")
        local = padded.unfold(2, size, 1).unfold(3, size, 1).var(dim=(-1, -2), unbiased=True)
        weights = local * error.var(dim=(1, 2, 3), keepdim=True) ** 0.2
        weights[error < other] = 0
    return F.l1_loss(fake * weights, target * weights)


def sobel(x):
    across = torch.tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=torch.float64) / 4
    return torch.cat([each_channel(x, across), each_channel(x, across.t())], 1)


def blurred(x, sigma):
    reach = -int(-3 * sigma // 1)
    return each_channel(F.pad(x, [reach] * 4, mode="replicate"), window(2 * reach + 1, sigma))


def smooth_pool(x):
    a = torch.tensor([0.5, 1, 0.5], dtype=x.dtype)
    kernel = a[:, None] * a[None, :]
    channels = x.shape[1]
    y = F.conv2d(x ** 2, (kernel / kernel.sum()).expand(channels, 1, 3, 3), stride=2, padding=1, groups=channels)
    return (y + 1e-12).sqrt()


def dists(w, heads, x, y):
    fx, fy = [x] + vgg16(w, x, smooth_pool), [y] + vgg16(w, y, smooth_pool)
    total = heads["alpha"].sum() + heads["beta"].sum()
    sizes = [3] + CHANNELS
    alpha, beta = torch.split(heads["alpha"] / total, sizes, 1), torch.split(heads["beta"] / total, sizes, 1)
    like = 0
    for a, b, p, q in zip(alpha, beta, fx, fy):
        mp, mq = p.mean([2, 3], keepdim=True), q.mean([2, 3], keepdim=True)
        texture = (2 * mp * mq + 1e-6) / (mp ** 2 + mq ** 2 + 1e-6)
        vp, vq = ((p - mp) ** 2).mean([2, 3], keepdim=True), ((q - mq) ** 2).mean([2, 3], keepdim=True)
        cov = (p * q).mean([2, 3], keepdim=True) - mp * mq
        like = like + (a * texture).sum(1) + (b * (2 * cov + 1e-6) / (vp + vq + 1e-6)).sum(1)
    return (1 - like).mean()


folder.mkdir(parents=True, exist_ok=True)
target = picture(2, 176)
fake, smooth = near(0.9 * target + 0.03, 0.06), near(target, 0.05)
vgg = new_vgg16()
lpips_heads = {f"lin{i}.model.1.weight": torch.rand(1, c, 1, 1) for i, c in enumerate(CHANNELS)}
dists_heads = {n: torch.rand(1, 3 + sum(CHANNELS), 1, 1) for n in ("alpha", "beta")}
for file, tensors in (("vgg16", vgg), ("lpips", lpips_heads), ("dists", dists_heads)):
    write_safetensors(folder / f"{file}.safetensors", tensors)

# From here on the reference computes with doubles: what is compared is the rounding of the other side alone.
saved = {"fake": fake, "target": target, "smooth": smooth}
target, smooth = target.double(), smooth.double()
vgg, lpips_heads, dists_heads = ({n: t.double() for n, t in w.items()} for w in (vgg, lpips_heads, dists_heads))

try:
    wheel = sorted(WHEELS.glob("pytorch_msssim-*.whl"))[0]
    sys.path.insert(0, str(wheel))
    published = importlib.import_module("pytorch_msssim").ms_ssim
    found, expected = ms_ssim(fake.double(), target, MS_WEIGHTS), published(fake.double(), target, data_range=1)
    assert abs(found - expected) < 1e-6, (found, expected)
except (IndexError, ImportError):
    print("without pytorch_msssim, which is not at hand")

# What has room for four scales only shares the weights of all among them.
small, small_target = fake[:, :, :100, :112].contiguous(), target[:, :, :100, :112].contiguous()
cases = {
    "l1": (fake, lambda x: F.l1_loss(x, target)),
    "l2": (fake, lambda x: F.mse_loss(x, target)),
    "charbonnier": (fake, lambda x: ((x - target) ** 2 + 1e-12).sqrt().mean()),
    "tv": (fake, lambda x: (x[..., 1:] - x[..., :-1]).abs().mean() + (x[..., 1:, :] - x[..., :-1, :]).abs().mean()),
    "ms-ssim": (fake, lambda x: 1 - ms_ssim(x, target, MS_WEIGHTS)),
    "ms-ssim_small": (small, lambda x: 1 - ms_ssim(x, small_target, MS_WEIGHTS[:4] * MS_WEIGHTS.sum() / MS_WEIGHTS[:4].sum())),
    "ldl": (fake, lambda x: ldl(x, target, smooth)),
    "gradient": (fake, lambda x: F.l1_loss(sobel(x), sobel(target))),
    "colour": (fake, lambda x: F.l1_loss(blurred(x, 3.0), blurred(target, 3.0))),
    "vgg": (fake, lambda x: sum(weight * F.mse_loss(a, b) for weight, a, b in zip(
        (0.25, 0.5, 0, 0, 1), vgg16(vgg, x, lambda t: F.max_pool2d(t, 2), True),
        vgg16(vgg, target, lambda t: F.max_pool2d(t, 2), True)))),
    "lpips": (fake, lambda x: lpips(vgg, lpips_heads, x, target)),
    "dists": (fake, lambda x: dists(vgg, dists_heads, x, target)),
}
saved |= {"small": small, "small_target": small_target.float()}
for name, (start, loss) in cases.items():
    x = start.double().requires_grad_()
    value = loss(x)
    value.backward()
    saved["value." + name], saved["gradient." + name] = value.detach().float().reshape(1), x.grad.float()
write_safetensors(folder / "losses.safetensors", saved)
