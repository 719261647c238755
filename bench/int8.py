#!/usr/bin/env python3
"""int8.py PICTURE...: what 8-bit products would do to realesrgan-x4plus; a simulation in PyTorch.

Prints the PSNR against full precision, in the middle 64x64 pixels of each picture, of convolutions whose factors are rounded to
8 bits: direct ones, and Winograd's F(4x4, 3x3) and F(2x2, 3x3) with the factors of each point rounded. Scales are the best that
8-bit instructions allow for: of weights one for each output channel (and point), of inputs one for each place or tile (and
point), all from the values at hand.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
import torch.nn.functional as F

import networks


def rounded(x, dimensions):
    """To 255 levels with one scale for all values along the dimensions."""
    scale = x.abs().amax(dimensions, keepdim=True).clamp_min(1e-20) / 127
    return (x / scale).round() * scale


def direct(weights, name, x):
    w, b = weights[name + ".weight"], weights[name + ".bias"]
    n, c, height, width = x.shape
    patches = rounded(F.unfold(x, 3, padding=1), (1,))
    y = rounded(w.reshape(len(w), -1), (1,)) @ patches
    return y.reshape(n, len(w), height, width) + b[:, None, None]


# Lavin and Gray 2016; for F(4x4) with the points of src/device/cpu/kernels/winograd.h.
def matrices(tile):
    points = [0.0, 1.0, -1.0] if tile == 2 else [0.0, 0.75, -0.75, 1.5, -1.5]
    size = tile + 2
    g = numpy.array([[p ** k for k in range(3)] for p in points] + [[0, 0, 1]])
    a = numpy.array([[p ** k for k in range(tile)] for p in points] + [[0] * (tile - 1) + [1]])
    # y = A'[(G g)(B' d)] must hold for all unit vectors: solve for B'.
    left = numpy.einsum("pi,pk->ikp", a, g).reshape(-1, size)
    right = numpy.array([[1.0 if j == i + k else 0.0 for j in range(size)] for i in range(tile) for k in range(3)])
    b = numpy.linalg.lstsq(left, right, rcond=None)[0]
    return (torch.tensor(m, dtype=torch.float32) for m in (a, g, b))


def winograd(tile):
    a, g, b = matrices(tile)

    def convolution(weights, name, x):
        w, bias = weights[name + ".weight"], weights[name + ".bias"]
        height, width = x.shape[2:]
        d = F.pad(x, (1, 1, 1, 1)).unfold(2, tile + 2, tile).unfold(3, tile + 2, tile)[0]  # channel, row, column, 6, 6
        d = torch.einsum("pi,cyxij,qj->pqcyx", b, d, b)
        w = torch.einsum("pi,ocij,qj->pqoc", g, w, g)
        m = torch.einsum("pqoc,pqcyx->pqoyx", rounded(w, (3,)), rounded(d, (2,)))
        y = torch.einsum("pi,pqoyx,qj->oyixj", a, m, a)
        return y.reshape(1, len(bias), height, width) + bias[:, None, None]
    return convolution


def middle(picture):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["oiiotool", picture, "-ch", "R,G,B", "-d", "uint8", "-o", f"{folder}/x.ppm"], check=True)
        _, extent, _, samples = pathlib.Path(f"{folder}/x.ppm").read_bytes().split(b"\n", 3)
    width, height = map(int, extent.split())
    pixels = numpy.frombuffer(samples, numpy.uint8).reshape(height, width, 3)
    top, left = height // 2 - 32, width // 2 - 32
    return torch.from_numpy(pixels[top:top + 64, left:left + 64].transpose(2, 0, 1)[None] / numpy.float32(255))


@torch.no_grad()
def main():
    models = pathlib.Path(os.environ.get("ESRGAN_MODELS") or pathlib.Path(
        os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share") / "esrgan/models")
    weights = {k: torch.from_numpy(v.copy())
               for k, v in networks.read_weights(models / "realesrgan-x4plus.safetensors").items()}
    exact = networks.convolution
    for picture in sys.argv[1:]:
        x = middle(picture)
        networks.convolution = exact
        expected = networks.network(weights, x)
        found = []
        for kind, body in (("direct", direct), ("F(2x2)", winograd(2)), ("F(4x4)", winograd(4))):
            networks.convolution = body
            error = (networks.network(weights, x) - expected).square().mean()
            found.append(f"{kind} {-10 * torch.log10(error):.1f} dB")
        print(f"{pathlib.Path(picture).name}: {', '.join(found)}", flush=True)


main()
