"""The benchmarks' networks as ONNX: plain nodes, any height and width."""
import itertools

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


class Writer:
    def __init__(self, weights):
        self.weights = weights
        self.nodes, self.constants = [], [numpy_helper.from_array(v, k) for k, v in weights.items()]
        self.count = itertools.count()

    def add(self, kind, *inputs, output=None, **attributes):
        name = output or f"t{next(self.count)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values, shape=()):
        name = f"c{next(self.count)}"
        self.constants.append(numpy_helper.from_array(numpy.array(values, numpy.float32).reshape(shape), name))
        return name

    def conv(self, name, x, slope=None):
        y = self.add("Conv", x, name + ".weight", name + ".bias", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        return y if slope is None else self.add("LeakyRelu", y, alpha=slope)

    def enlarged(self, x, factor):
        return self.add("Resize", x, "", self.constant([1, 1, factor, factor], (4,)), mode="nearest",
                        nearest_mode="floor", coordinate_transformation_mode="asymmetric")

    def rrdbnet(self):
        fifth = self.constant(0.2)
        first = x = self.conv("conv_first", "x")
        for n in range(sum(name.endswith("rdb1.conv1.weight") for name in self.weights)):
            outer = x
            for k in (1, 2, 3):
                maps = [x]
                for j in (1, 2, 3, 4):
                    joined = self.add("Concat", *maps, axis=1) if j > 1 else x
                    maps.append(self.conv(f"body.{n}.rdb{k}.conv{j}", joined, 0.2))
                last = self.conv(f"body.{n}.rdb{k}.conv5", self.add("Concat", *maps, axis=1))
                x = self.add("Add", self.add("Mul", last, fifth), x)
            x = self.add("Add", self.add("Mul", x, fifth), outer)
        x = self.add("Add", self.conv("conv_body", x), first)
        for i in (1, 2):
            x = self.conv(f"conv_up{i}", self.enlarged(x, 2), 0.2)
        return self.conv("conv_last", self.conv("conv_hr", x, 0.2))

    def compact(self):
        last = max(int(name.split(".")[1]) for name in self.weights)
        x = "x"
        for i in range(0, last, 2):
            slope = self.constant(self.weights[f"body.{i + 1}.weight"], (-1, 1, 1))
            x = self.add("PRelu", self.conv(f"body.{i}", x), slope)
        x = self.add("DepthToSpace", self.conv(f"body.{last}", x), blocksize=4, mode="CRD")
        return self.add("Add", x, self.enlarged("x", 4))

    def write(self, path):
        self.add("Identity", self.rrdbnet() if "conv_first.weight" in self.weights else self.compact(), output="y")
        x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, None, None]) for name in "xy")
        graph = helper.make_graph(self.nodes, "network", [x], [y], self.constants)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def write_onnx(weights, path):
    """weights: as esrgan names them, of RRDBNet or SRVGGNetCompact, x4."""
    Writer(weights).write(path)
