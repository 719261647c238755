"""export_oracles_test.py PROGRAM CASES BUILD: what `esrgan export` writes, in the programs that it is for.

CASES holds networks with random weights and what PyTorch makes of pictures with them (torch/make_cases.py). Each network runs in ONNX
Runtime, OpenVINO and ncnn, as far as these are in BUILD/oracles (script/setup test), and its .pth in spandrel, whose wheel lies in
BUILD/wheels. Skipped (77) where none is.
"""
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

program, cases, build = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
failures = []


def expect(condition, text):
    if not condition:
        failures.append(text)
        print("FAILED:", text)


def export(network, target, *options):
    subprocess.run([program, "export", network, "-o", target, "--overwrite", *options], check=True, capture_output=True)
    return str(target)


# ---- PyTorch, in a process of its own: the others bring another NumPy ----

def torch_part():
    import importlib
    import types

    import torch
    wheels = sorted((build / "wheels").glob("spandrel-*.whl"))
    if not wheels:
        return
    for part in ("spandrel", "spandrel.architectures", "spandrel.architectures.SPAN", "spandrel.architectures.ESRGAN",
                 "spandrel.architectures.Compact"):
        made = sys.modules.setdefault(part, types.ModuleType(part))
        made.__path__ = [str(wheels[-1] / part.replace(".", "/"))]
    util = sys.modules.setdefault("spandrel.util", types.ModuleType("spandrel.util"))
    util.store_hyperparameters = lambda **_: lambda network: network
    find = lambda package, module, name: getattr(importlib.import_module(f"spandrel.architectures.{package}.__arch.{module}"), name)
    span, rrdb, compact = find("SPAN", "span", "SPAN"), find("ESRGAN", "RRDB", "RRDBNet"), find("Compact", "SRVGG", "SRVGGNetCompact")
    made = {"span_48_no_norm_x4": span(num_in_ch=3, num_out_ch=3, feature_channels=48, upscale=4, norm=False),
            "span_16_x4": span(num_in_ch=3, num_out_ch=3, feature_channels=16, upscale=4, norm=True),
            "rrdb_4_to_4_x4": rrdb(in_nc=4, out_nc=4, num_filters=20, num_blocks=1),
            "compact_prelu_x4": None}
    # A collapsed network comes out as the layers that the published one has.
    collapsed = work / "collapsed.onnx"
    export(cases / "span_48_no_norm_x4.pth", collapsed)
    for name, network in made.items():
        for source in [cases / f"{name}.pth"] + ([collapsed] if name == "span_48_no_norm_x4" else []):
            weights = torch.load(export(source, work / "torch.pth"), weights_only=True)["params"]
            if name == "compact_prelu_x4":
                features, convolutions = weights["body.0.weight"].shape[0], (max(int(n.split(".")[1]) for n in weights) - 2) // 2
                network = compact(num_in_ch=3, num_out_ch=3, num_feat=features, num_conv=convolutions, upscale=4, act_type="prelu")
            if name.startswith("rrdb"):  # spandrel keeps the first names
                weights = {old_name(n, 1): t for n, t in weights.items()}
            lost = network.eval().load_state_dict(weights, strict=False)
            expect(not lost.missing_keys and set(lost.unexpected_keys) <= {"no_norm"}, f"{name}: spandrel misses {lost}")
            for x, y in pictures(name):
                found = network(torch.from_numpy(x)[None])[0].detach().numpy()
                expect(abs(found - y).max() <= 1e-4 * abs(y).max(), f"{name}: spandrel finds {abs(found - y).max()}")
    print("spandrel:", ", ".join(made))


def old_name(name, blocks):
    head, _, tail = name.rpartition(".")
    table = {"conv_first": "model.0", "conv_body": f"model.1.sub.{blocks}", "conv_up1": "model.3", "conv_up2": "model.6",
             "conv_hr": "model.8", "conv_last": "model.10"}
    if head.startswith("body."):
        _, n, rdb, layer = head.split(".")
        return f"model.1.sub.{n}.RDB{rdb[3]}.{layer}.0.{tail}"
    return f"{table[head]}.{tail}"


# ---- the cases ----

def tensors(file):
    import numpy
    data = file.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    for name, entry in json.loads(data[8:8 + length]).items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            yield name, numpy.frombuffer(data[begin:end], dtype=numpy.float32).reshape(entry["shape"])


def pictures(name):
    """Pairs of what goes in and what PyTorch made of it, channels first."""
    found = dict(tensors(cases / f"{name}.safetensors"))
    return [(found[f"in.{k}"].transpose(2, 0, 1).copy(), found[f"out.{k}"].transpose(2, 0, 1))
            for k in range(len(found) // 2)]


def psnr(found, expected):
    import numpy
    return 10 * numpy.log10(abs(expected).max() ** 2 / max(1e-30, ((found - expected) ** 2).mean()))


# ---- ONNX ----

def onnx_part(name, options, runtimes):
    import numpy
    import onnx
    half = "half" in options
    file = export(cases / f"{name}.pth", work / "net.onnx", *options)
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    said = {entry.key: entry.value for entry in model.metadata_props}
    multiple = int(said["esrgan.multiple"])
    kind = numpy.float16 if "fp16" in options else numpy.float32
    for runtime, open_network in runtimes.items():
        run = open_network(file)
        for x, y in pictures(name):
            if x.shape[1] % multiple or x.shape[2] % multiple:
                continue
            for batch in (1, 3):
                found = run(numpy.stack([x] * batch).astype(kind)).astype(numpy.float32)
                expect(found.shape == (batch, *y.shape), f"{name} {runtime}: shape {found.shape} for {y.shape}")
                for each in found:
                    if half:
                        expect(psnr(each, y) > 50, f"{name} {runtime} {options}: {psnr(each, y):.1f} dB")
                    else:
                        worst = abs(each - y).max() / max(1, abs(y).max())
                        expect(worst <= 1e-4, f"{name} {runtime}: {worst:.1e}")


def in_onnx_runtime(file):
    import onnxruntime
    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"input": x})[0]


def in_openvino(file):
    import openvino
    network = openvino.Core().compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda x: network(x)[0]


# ---- ncnn ----

def ncnn_part(name, options):
    import ncnn
    import numpy
    file = export(cases / f"{name}.pth", work / "net.param", *options)
    network = ncnn.Net()
    for switch in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(network.opt, "opt_" + switch if hasattr(network.opt, "opt_" + switch) else switch, False)
    expect(network.load_param(file) == 0 and network.load_model(file.replace(".param", ".bin")) == 0, f"{name}: ncnn cannot load it")
    for x, y in pictures(name):
        with network.create_extractor() as extractor:
            extractor.input("data", ncnn.Mat(x))
            status, found = extractor.extract("output")
            found = numpy.array(found)
        if x.shape[1] < 2 or x.shape[2] < 2:
            continue  # ncnn drops the axes of a single pixel
        expect(status == 0 and found.shape == y.shape, f"{name}: ncnn gives {found.shape} for {y.shape}")
        if "half" in options:
            expect(psnr(found, y) > 60, f"{name} ncnn {options}: {psnr(found, y):.1f} dB")
        else:
            worst = abs(found - y).max() / max(1, abs(y).max())
            expect(worst <= 1e-4, f"{name} ncnn: {worst:.1e}")


def others_part():
    sys.path.insert(0, str(build / "oracles"))
    import onnx  # noqa: F401, so that what is missing shows here
    runtimes = {"ONNX Runtime": in_onnx_runtime}
    try:
        import openvino  # noqa: F401
        runtimes["OpenVINO"] = in_openvino
    except ImportError:
        print("without OpenVINO")
    names = sorted(file.stem for file in cases.glob("*.pth"))
    random.seed(int(os.environ.get("ESRGAN_TEST_SEED", 1)))
    for name in names:
        onnx_part(name, [], {"ONNX Runtime": in_onnx_runtime})
        if "unshuffle" not in name:
            ncnn_part(name, [])
    some = ["rrdb_canonical_x4", "compact_prelu_x4", "span_48_no_norm_x4", "msrresnet_2", "srresnet_canonical", "rrdb_unshuffle_x2"]
    for name in some:
        onnx_part(name, [], {runtime: run for runtime, run in runtimes.items() if runtime != "ONNX Runtime"})
        onnx_part(name, ["--precision", "half"], {"ONNX Runtime": in_onnx_runtime})
        onnx_part(name, ["--precision", "half", "--io", "fp16"], {"ONNX Runtime": in_onnx_runtime})
        if "unshuffle" not in name:
            ncnn_part(name, ["--precision", "half"])
    print(", ".join(runtimes), "and ncnn:", len(names), "networks")


with tempfile.TemporaryDirectory() as folder:
    work = pathlib.Path(folder)
    if "--torch" in sys.argv:
        torch_part()
    else:
        subprocess.run([sys.executable, *sys.argv, "--torch"], check=True)
        if not (build / "oracles").exists():
            print("skipped: there is no ONNX Runtime (script/setup test)")
            sys.exit(77)
        others_part()
sys.exit(1 if failures else 0)
