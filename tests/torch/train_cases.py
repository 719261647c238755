#!/usr/bin/env python3
"""train_cases.py FOLDER: ten steps of training in PyTorch, written down from the definitions, for train_test to repeat.

For each stage STAGE.safetensors holds lr.K and hr.K (the batch of step K), loss.NAME (one number a step), gradient/TENSOR and
gradient_d/TENSOR of the first step, after/TENSOR and after_d/TENSOR (the networks after ten steps). The networks at the start are
generator.safetensors and discriminator.safetensors; vgg.safetensors holds the first layers of a VGG19 with random weights.
"""
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

from reference import *

folder = Path(sys.argv[1])
seed = chosen_seed()
torch.manual_seed(seed)
torch.set_num_threads(1)

STEPS, BATCH, SIDE, SCALE = 10, 3, 128, 4
RATE, BETAS = 1e-4, (0.9, 0.99)
BCE = F.binary_cross_entropy_with_logits


def new_discriminator(features):
    w = OrderedDict()
    inputs, out = 3, features
    for i in range(5):
        if i > 0:
            out = min(2 * inputs, 8 * features)
        new_conv(w, f"conv{i}_0", inputs, out, bias=i == 0)
        if i > 0:
            new_norm(w, f"bn{i}_0", out)
        new_conv(w, f"conv{i}_1", out, out, 4, bias=False)
        new_norm(w, f"bn{i}_1", out)
        inputs = out
    for name, shape in (("linear1", (100, inputs * 16)), ("linear2", (1, 100))):
        w[name + ".weight"] = torch.randn(shape) / shape[1] ** 0.5
        w[name + ".bias"] = torch.randn(shape[0]) * 0.1
    return OrderedDict((n, t) for n, t in w.items() if not n.endswith("num_batches_tracked"))


def run_discriminator(w, x):
    def normalised(name, x):
        return F.batch_norm(x, w[name + ".running_mean"], w[name + ".running_var"], w[name + ".weight"],
                            w[name + ".bias"], training=True)
    for i in range(5):
        x = F.conv2d(x, w[f"conv{i}_0.weight"], w.get(f"conv{i}_0.bias"), padding=1)
        x = F.leaky_relu(normalised(f"bn{i}_0", x) if i > 0 else x, 0.2)
        x = F.conv2d(x, w[f"conv{i}_1.weight"], stride=2, padding=1)
        x = F.leaky_relu(normalised(f"bn{i}_1", x), 0.2)
    x = F.leaky_relu(F.linear(x.flatten(1), w["linear1.weight"], w["linear1.bias"]), 0.2)
    return F.linear(x, w["linear2.weight"], w["linear2.bias"])


def vgg_features(w, x):
    """conv1_2 and conv2_2, before the activation."""
    mean, deviation = torch.tensor([.485, .456, .406]), torch.tensor([.229, .224, .225])
    x = (x - mean[:, None, None]) / deviation[:, None, None]
    x = F.relu(conv(w, "features.0", x))
    first = conv(w, "features.2", x)
    x = F.max_pool2d(F.relu(first), 2)
    x = F.relu(conv(w, "features.5", x))
    return first, conv(w, "features.7", x)


def trained(w):
    return {n: t.clone().requires_grad_("running" not in n) for n, t in w.items()}


def optimiser(w):
    return torch.optim.Adam([t for t in w.values() if t.requires_grad], lr=RATE, betas=BETAS)


def require(w, on):
    for name, t in w.items():
        if "running" not in name:
            t.requires_grad_(on)


def stage(name, start, adversary, vgg):
    g = trained(start)
    adam_g = optimiser(g)
    if adversary is not None:
        d = trained(adversary)
        adam_d = optimiser(d)
    saved, losses = {}, {}

    def note(loss_name, value):
        losses.setdefault(loss_name, []).append(float(value))

    for step in range(STEPS):
        hr = torch.rand(BATCH, 3, SIDE // 8, SIDE // 8)
        hr = (F.interpolate(hr, size=(SIDE, SIDE), mode="bicubic", align_corners=False)
              + 0.1 * torch.rand(BATCH, 3, SIDE, SIDE)).clamp(0, 1)
        lr = F.avg_pool2d(hr, SCALE)
        saved[f"lr.{step}"], saved[f"hr.{step}"] = lr, hr
        adam_g.zero_grad()
        out = run_rrdb(g, lr)
        pixel = F.l1_loss(out, hr)
        note("g_pixel", pixel)
        total = pixel
        if adversary is not None:
            total = 1e-2 * pixel
            with torch.no_grad():
                wanted = vgg_features(vgg, hr)
            feature = sum(weight * F.l1_loss(a, b) for weight, a, b in zip((0.5, 1), vgg_features(vgg, out), wanted))
            note("g_feature", feature)
            require(d, False)
            real, fake = run_discriminator(d, hr).detach(), run_discriminator(d, out)
            gan = (BCE(real - fake.mean(), torch.zeros_like(real)) + BCE(fake - real.mean(), torch.ones_like(fake))) / 2
            note("g_gan", gan)
            total = total + feature + 5e-3 * gan
        total.backward()
        if step == 0:
            saved.update({"gradient/" + n: t.grad.clone() for n, t in g.items() if t.grad is not None})
        adam_g.step()
        if adversary is not None:
            require(d, True)
            adam_d.zero_grad()
            real, fake = run_discriminator(d, hr), run_discriminator(d, out.detach())
            loss = (BCE(real - fake.mean(), torch.ones_like(real)) + BCE(fake - real.mean(), torch.zeros_like(fake))) / 2
            note("d_loss", loss)
            loss.backward()
            if step == 0:
                saved.update({"gradient_d/" + n: t.grad.clone() for n, t in d.items() if t.grad is not None})
            adam_d.step()
    saved.update({"after/" + n: t.detach() for n, t in g.items()})
    if adversary is not None:
        saved.update({"after_d/" + n: t.detach() for n, t in d.items()})
    saved.update({"loss." + n: torch.tensor(values) for n, values in losses.items()})
    write_safetensors(folder / f"{name}.safetensors", saved)


folder.mkdir(parents=True, exist_ok=True)
generator, discriminator, vgg = new_rrdb(16, 2, 8), new_discriminator(8), OrderedDict()
for index, (inputs, outputs) in {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128)}.items():
    new_conv(vgg, f"features.{index}", inputs, outputs)
for file, tensors in (("generator", generator), ("discriminator", discriminator), ("vgg", vgg)):
    write_safetensors(folder / f"{file}.safetensors", tensors)
stage("psnr", generator, None, None)
stage("gan", generator, discriminator, vgg)

# Optimisers on numbers alone, with a warm-up: what a step k is given is gradient.k and rate.k.
RATES = [1e-2 * min(1, (k + 1) / 4) for k in range(STEPS)]
DECAY = 0.03
start = torch.randn(50)
saved = {"start": start, "rates": torch.tensor(RATES)}
gradients = [torch.randn(50) * (1 + k) for k in range(STEPS)]
saved.update({f"gradient.{k}": g for k, g in enumerate(gradients)})
for name, kind in (("Adam", torch.optim.Adam), ("AdamW", torch.optim.AdamW)):
    w = start.clone().requires_grad_()
    steps = kind([w], lr=1, betas=BETAS, weight_decay=DECAY)
    for rate, g in zip(RATES, gradients):
        steps.param_groups[0]["lr"] = rate
        w.grad = g.clone()
        steps.step()
    saved["after." + name] = w.detach()
# Defazio et al. 2024, algorithm 1, with the weights and the bias correction of the authors' code.
x = z = start.double()
v, weights, largest = torch.zeros_like(x), 0, 0
for k, (rate, g) in enumerate(zip(RATES, gradients)):
    y, g = (1 - BETAS[0]) * z + BETAS[0] * x, g.double()
    v = BETAS[1] * v + (1 - BETAS[1]) * g * g
    z = z - rate * (g / ((v / (1 - BETAS[1] ** (k + 1))).sqrt() + 1e-8) + DECAY * y)
    largest = max(largest, rate)
    weights += largest ** 2
    x = (1 - largest ** 2 / weights) * x + largest ** 2 / weights * z
saved["after.AdamWScheduleFree"], saved["learning.AdamWScheduleFree"] = x.float(), ((1 - BETAS[0]) * z + BETAS[0] * x).float()
# Jordan et al. 2024 with the length of Liu et al. 2025, on the convolutions between the first and the last; AdamW on the rest.
shapes = [(4, 3, 3, 3), (4,), (8, 4, 3, 3), (8,), (24, 8, 1, 1), (8, 24, 3, 3), (3, 8, 3, 3)]
weights = [torch.randn(s).double() * 0.1 for s in shapes]
saved.update({f"muon.start.{i}": w.float() for i, w in enumerate(weights)})
mean, square = [torch.zeros_like(w) for w in weights], [torch.zeros_like(w) for w in weights]
for k, rate in enumerate(RATES):
    flat = []
    for i, w in enumerate(weights):
        g = torch.randn(w.shape).double() * (1 + k)
        flat.append(g.flatten().float())
        g = flat[-1].double().view(w.shape)
        mean[i] = BETAS[0] * mean[i] + (1 - BETAS[0]) * g
        square[i] = BETAS[1] * square[i] + (1 - BETAS[1]) * g * g
        w *= 1 - rate * DECAY
        if w.dim() == 4 and 0 < i < len(weights) - 1:
            m = ((1 - BETAS[0]) * g + BETAS[0] * mean[i]).flatten(1)
            x = m / m.norm()
            for _ in range(5):
                x = 3.4445 * x - 4.7750 * (x @ x.T) @ x + 2.0315 * (x @ x.T) @ (x @ x.T) @ x
            w -= rate * 0.2 * max(m.shape) ** 0.5 * x.view(w.shape)
        else:
            root = (square[i] / (1 - BETAS[1] ** (k + 1))).sqrt() + 1e-8
            w -= rate * mean[i] / (1 - BETAS[0] ** (k + 1)) / root
    saved[f"muon.gradient.{k}"] = torch.cat(flat)
saved["muon.after"] = torch.cat([w.flatten() for w in weights]).float()
write_safetensors(folder / "optimisers.safetensors", saved)
