"""The engines that the benchmarks compare, each timed in a process of its own that waits for its turn.

An engine answers lines `apply|train CHANNELS SIZE BATCH RUNS` with the seconds of its runs; `main.rs` does so for this
project. `python peers.py ENGINE` is such a process.
"""

import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from process import Process  # noqa: E402

THREADS = len(os.sched_getaffinity(0))
LAYERS = 6


def onnx_model(channels):
    """RED-Net with PReLU and a residual output, with random weights, as ONNX bytes."""
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random, nodes, weights = numpy.random.default_rng(1), [], []

    def weight(name, shape, scale):
        values = (scale * random.standard_normal(shape)).astype("float32")
        weights.append(numpy_helper.from_array(values, name))
        return name

    def convolve(name, image, inputs, outputs, activate=True):
        kernel = weight(f"{name}.weight", (outputs, inputs, 3, 3), (2 / 9 / inputs) ** 0.5)
        bias = weight(f"{name}.bias", (outputs,), 0.0)
        nodes.append(helper.make_node("Conv", [image, kernel, bias], [name], kernel_shape=[3, 3], pads=[1] * 4))
        if not activate:
            return name
        slope = weight(f"{name}.slope", (outputs, 1, 1), 0.25)
        nodes.append(helper.make_node("PRelu", [name, slope], [f"{name}.active"]))
        return f"{name}.active"

    weights.append(numpy_helper.from_array(numpy.array([1, 1, 2, 2], "float32"), "scales"))
    image, remembered = "input", []
    for level in range(LAYERS):
        image = convolve(f"encoder.{level}", image, 1 if level == 0 else channels, channels)
        if level + 1 < LAYERS:
            remembered.append(image)
            nodes.append(helper.make_node("MaxPool", [image], [f"pool.{level}"], kernel_shape=[2, 2], strides=[2, 2]))
            image = f"pool.{level}"
    for level in reversed(range(LAYERS - 1)):
        modes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        nodes.append(helper.make_node("Resize", [image, "", "scales"], [f"unpool.{level}"], **modes))
        nodes.append(helper.make_node("Add", [f"unpool.{level}", remembered.pop()], [f"sum.{level}"]))
        image = convolve(f"decoder.{level}", f"sum.{level}", channels, channels)
    image = convolve("difference", image, channels, 1, activate=False)
    nodes.append(helper.make_node("Add", [image, "input"], ["output"]))
    shape = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1, "h", "w"])
    graph = helper.make_graph(nodes, "RED-Net", [shape("input")], [shape("output")], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


class OnnxRuntime:
    ahead = False

    def __init__(self):
        self.sessions = {}

    def prepare(self, what, channels, images):
        import onnxruntime

        if what != "apply":
            raise SystemExit("ONNX Runtime only applies")
        if channels not in self.sessions:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = THREADS
            self.sessions[channels] = onnxruntime.InferenceSession(onnx_model(channels), options)
        return lambda: self.sessions[channels].run(None, {"input": images})

    def wait(self):
        """It has computed when it returns."""


class Torch:
    """On the CPU, or with `cuda` on the GPU: eager, with `tf32` channels-last too, with `compile` compiled as well."""

    def __init__(self, *words):
        import torch

        torch.set_num_threads(THREADS)
        self.networks = {}
        self.device = "cuda" if "cuda" in words else "cpu"
        self.compiled = "compile" in words
        self.layout = torch.contiguous_format
        if self.compiled or "tf32" in words:
            self.layout = torch.channels_last
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
            torch.backends.cudnn.benchmark = True

        self.ahead = self.device == "cuda"

    def wait(self):
        """A GPU computes ahead."""
        if self.ahead:
            import torch

            torch.cuda.synchronize()

    def network(self, channels):
        from torch import nn

        class RedNet(nn.Module):
            def __init__(self):
                super().__init__()
                convolve = lambda inputs, outputs: nn.Conv2d(inputs, outputs, 3, padding=1)
                self.encoder = nn.ModuleList(convolve(channels if level else 1, channels) for level in range(LAYERS))
                self.decoder = nn.ModuleList(convolve(channels, channels) for _ in range(LAYERS - 1))
                self.slopes = nn.ModuleList(nn.PReLU(channels) for _ in range(2 * LAYERS - 1))
                self.difference = convolve(channels, 1)

            def forward(self, image):
                remembered, slopes, x = [], iter(self.slopes), image
                for level, convolve in enumerate(self.encoder):
                    x = next(slopes)(convolve(x))
                    if level + 1 < LAYERS:
                        remembered.append(x)
                        x = nn.functional.max_pool2d(x, 2)
                for convolve in self.decoder:
                    x = nn.functional.interpolate(x, scale_factor=2, mode="nearest") + remembered.pop()
                    x = next(slopes)(convolve(x))
                return self.difference(x) + image

        return RedNet()

    def prepare(self, what, channels, images):
        import torch

        if channels not in self.networks:
            network = self.network(channels).to(self.device, memory_format=self.layout)
            if self.compiled:
                network = torch.compile(network)
            self.networks[channels] = network, torch.optim.Adam(network.parameters(), 1e-3)
        network, adam = self.networks[channels]
        host = torch.from_numpy(images)
        # What a training and a restoration do each time: the images come from the host, the restored ones go back.
        given = lambda: host.to(self.device, memory_format=self.layout)

        def apply():
            with torch.inference_mode():
                network(given()).cpu()

        def train():
            adam.zero_grad()
            ((network(given()) - given()) ** 2).mean().backward()
            adam.step()

        return apply if what == "apply" else train


def peer(name, *words):
    return Process(" ".join([name, *words]), [sys.executable, str(pathlib.Path(__file__).resolve()), name, *words])


def has_gpu():
    import torch

    return torch.cuda.is_available()


def compare(engines, what, cases, rounds, runs=2):
    """Runs the engines in turn and prints medians, and the median of each round's ratio to the first engine."""
    from statistics import median

    print("| channels | size | batch | engine | median, s | fastest, s | images/s | times as long as undulator |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for channels, size, batch in cases:
        times = {engine.name: [] for engine in engines}
        for turn in range(rounds + 1):
            for engine in engines:
                # The first round warms up, and the last run of each turn is counted, when the caches are the engine's.
                second = engine.ask(what, channels, size, batch, runs)[-1]
                if turn:
                    times[engine.name].append(second)
                time.sleep(0.05)
        first = times[engines[0].name]
        for name, seconds in times.items():
            ratio = median(second / own for second, own in zip(seconds, first))
            middle = median(seconds)
            case = f"| {channels} | {size} | {batch} | {name} | {middle:.4f} | {min(seconds):.4f} |"
            print(f"{case} {batch / middle:.1f} | {ratio:.2f} |", flush=True)


def main():
    import numpy

    engine = {"onnxruntime": OnnxRuntime, "pytorch": Torch}[sys.argv[1]](*sys.argv[2:])
    for line in sys.stdin:
        what, *numbers = line.split()
        channels, size, batch, runs = map(int, numbers)
        images = numpy.random.default_rng(1).random((batch, 1, size, size), dtype="float32")
        run, seconds = engine.prepare(what, channels, images), []
        for _ in range(runs):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
        engine.wait()
        if engine.ahead:
            seconds = [(sum(seconds) + time.perf_counter() - start) / runs] * runs
        print(*(f"{second:.6f}" for second in seconds), flush=True)


if __name__ == "__main__":
    main()
