#!/usr/bin/python3
"""train_beside_torch.py FOLDER_OF_PROGRAMS FOLDER_OF_PICTURES [--blocks 4] [--rounds 5] [--steps 8] [--curve 300] [--threads 2]

The PSNR stage (RRDBNet x4, L1, Adam, batch 16 of 128x128) with esrgan train in mixed precision, and with PyTorch as BasicSR runs
it: fp32, NCHW, modules and torch.optim.Adam. Both learn from the same patches and start from the same weights.

Alternately ROUNDS times STEPS steps, each in a process of its own: the medians of the seconds of a step without the first two.
Then, with --curve N, one run of N steps each: the losses side by side, and how far apart they are.
"""
import argparse
import csv
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy

parser = argparse.ArgumentParser()
parser.add_argument("programs", type=Path)
parser.add_argument("pictures", type=Path)
parser.add_argument("--blocks", type=int, default=4)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--steps", type=int, default=8)
parser.add_argument("--curve", type=int, default=0)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--side", type=int, default=128)
parser.add_argument("--batch", type=int, default=16)
parser.add_argument("--torch-worker", nargs=3, help=argparse.SUPPRESS)  # weights, batches, steps
options = parser.parse_args()
WARM_UP = 2


def train_torch(weights, batches, steps):
    """Prints the loss and the seconds of each step."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    from networks import read_weights

    class DenseBlock(nn.Module):
        def __init__(self, nf, gc):
            super().__init__()
            for j in range(1, 6):
                setattr(self, f"conv{j}", nn.Conv2d(nf + (j - 1) * gc, nf if j == 5 else gc, 3, 1, 1))
            self.act = nn.LeakyReLU(0.2, inplace=True)

        def forward(self, x):
            maps = [x]
            for j in range(1, 5):
                maps.append(self.act(getattr(self, f"conv{j}")(torch.cat(maps, 1))))
            return self.conv5(torch.cat(maps, 1)) * 0.2 + x

    class Block(nn.Module):
        def __init__(self, nf, gc):
            super().__init__()
            self.rdb1, self.rdb2, self.rdb3 = (DenseBlock(nf, gc) for _ in range(3))

        def forward(self, x):
            return self.rdb3(self.rdb2(self.rdb1(x))) * 0.2 + x

    class Network(nn.Module):
        def __init__(self, nf=64, gc=32):
            super().__init__()
            self.conv_first = nn.Conv2d(3, nf, 3, 1, 1)
            self.body = nn.Sequential(*(Block(nf, gc) for _ in range(options.blocks)))
            for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
                setattr(self, name, nn.Conv2d(nf, nf, 3, 1, 1))
            self.conv_last = nn.Conv2d(nf, 3, 3, 1, 1)
            self.act = nn.LeakyReLU(0.2, inplace=True)

        def forward(self, x):
            x = self.conv_first(x)
            x = x + self.conv_body(self.body(x))
            x = self.act(self.conv_up1(F.interpolate(x, scale_factor=2, mode="nearest")))
            x = self.act(self.conv_up2(F.interpolate(x, scale_factor=2, mode="nearest")))
            return self.conv_last(self.act(self.conv_hr(x)))

    torch.set_num_threads(options.threads)
    network = Network()
    network.load_state_dict({name.removeprefix("generator/"): torch.from_numpy(values.copy())
                             for name, values in read_weights(weights).items() if name.startswith("generator/")})
    adam = torch.optim.Adam(network.parameters(), lr=1e-4, betas=(0.9, 0.99))
    count, large = options.batch, options.side
    with open(batches, "rb") as file:
        def patches(side):
            data = numpy.frombuffer(file.read(count * 3 * side * side), numpy.uint8).reshape(count, 3, side, side)
            return torch.from_numpy(data.astype(numpy.float32) / 255)
        for _ in range(steps):
            lr, hr = patches(large // 4), patches(large)
            start = time.perf_counter()
            adam.zero_grad()
            loss = F.l1_loss(network(lr), hr)
            loss.backward()
            adam.step()
            print(loss.item(), time.perf_counter() - start, flush=True)


if options.torch_worker:
    train_torch(options.torch_worker[0], options.torch_worker[1], int(options.torch_worker[2]))
    sys.exit()


def recipe(folder, name, steps):
    file = folder / f"{name}.yml"
    file.write_text(f"""name: {name}
scale: 4
threads: {options.threads}
path: {{root: {folder}}}
network_G: {{which_model_G: RRDBNet, nf: 64, nb: {options.blocks}, gc: 32}}
datasets: {{train: {{HR: {options.pictures}, batch_size: {options.batch}, HR_size: {options.side}}}}}
train: {{niter: {steps}, lr_G: 1e-4, pixel_criterion: l1, precision: bf16, channels_last: true}}
logger: {{print_freq: 1, save_checkpoint_freq: 1000000}}
""")
    return file


def train_esrgan(folder, name, steps):
    subprocess.run([options.programs / "esrgan-train", "-opt", recipe(folder, name, steps)], check=True, stderr=subprocess.DEVNULL)
    with open(folder / name / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    return [float(r["g_pixel"]) for r in rows], [float(r["seconds_per_step"]) for r in rows]


def beside(folder, name, steps):
    ours = train_esrgan(folder, name, steps)
    start = folder / name / "checkpoints" / "step_00000000.safetensors"
    output = subprocess.run([sys.executable, __file__, *sys.argv[1:], "--torch-worker", start, folder / "batches", str(steps)],
                            check=True, capture_output=True, text=True).stdout
    rows = [tuple(map(float, line.split())) for line in output.splitlines()]
    return ours, ([r[0] for r in rows], [r[1] for r in rows])


with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    subprocess.run([options.programs / "training_batches", recipe(folder, "batches_of", 1), str(max(options.steps, options.curve)),
                    folder / "batches"], check=True, stderr=subprocess.DEVNULL)
    ours, theirs = [], []
    for i in range(options.rounds):
        a, b = beside(folder, f"round{i}", options.steps)
        ours += a[1][WARM_UP:]
        theirs += b[1][WARM_UP:]
    if ours:
        a, b = statistics.median(ours), statistics.median(theirs)
        print(f"nb {options.blocks}, batch {options.batch}, {options.side}x{options.side}, {options.threads} threads, medians of {len(ours)} "
              f"steps in {options.rounds} alternating rounds: esrgan {a:.3f} s ({min(ours):.3f} to {max(ours):.3f}), "
              f"PyTorch {b:.3f} s ({min(theirs):.3f} to {max(theirs):.3f}), ratio {b / a:.2f}", flush=True)
    if options.curve:
        a, b = beside(folder, "curve", options.curve)
        ours, theirs = numpy.array(a[0]), numpy.array(b[0])
        print("steps          esrgan    PyTorch   difference")
        for begin in range(0, options.curve, 20):
            x, y = ours[begin:begin + 20].mean(), theirs[begin:begin + 20].mean()
            print(f"{begin:4d} to {begin + 20:4d}  {x:.5f}   {y:.5f}   {100 * (x / y - 1):+.2f} %")
        print(f"step by step the losses differ by {100 * numpy.abs(ours / theirs - 1).mean():.2f} % on average; neighbouring steps' "
              f"by {100 * numpy.abs(numpy.diff(theirs) / theirs[1:]).mean():.1f} %")
