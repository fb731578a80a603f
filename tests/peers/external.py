"""Makes bioimage.io packages as other tools do, and runs them with `bioimageio.core`.

Request: folder, where packages, images and results go; sample, a package that is there already.
"""
import json
import os
import sys

import numpy as np

os.environ["LOGURU_LEVEL"] = "ERROR"

SAMPLE = "sample"
CASES = {
    # name: (axes, size, preprocessing, postprocessing, output dtype)
    "standardised": ("bcyx", {"min": 16, "step": 4}, [("zero_mean_unit_variance", {"axes": ["channel", "y", "x"]})],
                     [("scale_linear", {"gain": 40.0, "offset": 100.0})], "float32"),
    "percentiles": ("byx", {"min": 17, "step": 6},
                    [("scale_range", {"axes": ["y", "x"], "min_percentile": 1.0, "max_percentile": 99.5}),
                     ("clip", {"min": -0.1, "max": 1.05})], [("sigmoid", {})], "float32"),
    "fixed": ("yx", 48, [("fixed_zero_mean_unit_variance", {"mean": 100.0, "std": 25.0})], [], "float32"),
    "bytes": ("bcyx", {"min": 8, "step": 2}, [("scale_linear", {"gain": 0.01, "offset": -1.0})],
              [("scale_linear", {"gain": 60.0, "offset": 120.0}), ("clip", {"min": 0.0, "max": 255.0}),
               ("ensure_dtype", {"dtype": "uint8"})], "uint8"),
    "mask": ("bcyx", {"min": 8, "step": 8}, [("scale_range", {"axes": ["channel", "y", "x"]})],
             [("binarize", {"threshold": 0.1})], "float32"),
    "tiled": ("bcyx", {"min": 10, "step": 1}, [], [], "float32"),
    "unet": ("bcyx", {"min": 16, "step": 4}, [("scale_linear", {"gain": 0.02, "offset": -2.0})],
             [("scale_linear", {"gain": 50.0, "offset": 100.0})], "float32"),
    "plain": ("bcyx", {"min": 1, "step": 1}, [], [], "float32"),
    "clipped": ("bcyx", {"min": 8, "step": 4},
                [("clip", {"axes": ["channel", "y", "x"], "min_percentile": 5.0, "max_percentile": 92.0}),
                 ("scale_linear", {"gain": 0.02, "offset": -2.0})], [], "float32"),
    # In format 0.4.
    "older": ("bcyx", {"min": 16, "step": 8}, [("zero_mean_unit_variance", {"mode": "per_sample", "axes": "cyx"})],
              [("clip", {"min": -1.5, "max": 2.0})], "float32"),
    "older_fixed": ("bcyx", {"min": 16, "step": 8},
                    [("zero_mean_unit_variance", {"mode": "fixed", "axes": "cyx", "mean": 90.0, "std": 20.0}),
                     ("clip", {"min": -2.0, "max": 2.5})], [("sigmoid", {})], "float32"),
    "older_range": ("bcyx", 40, [("scale_range", {"mode": "per_sample", "axes": "cyx", "min_percentile": 2.0,
                                                  "max_percentile": 98.0})], [], "float32"),
}
OLDER = "older"


def network(axes, path, seed):
    """Two convolutions between a strided one and its transpose, or element by element where there is no channel."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(seed)
    names = {"b": "n", "c": 1, "y": "h", "x": "w"}
    shape = [names[axis] for axis in axes]
    weights, nodes = [], []

    def weight(name, array):
        weights.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def node(operator, inputs, output, **attributes):
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))

    if seed == list(CASES).index("unet"):
        unet(random, weight, node, weights)
    elif axes == "bcyx":
        kernel = weight("kernel", random.standard_normal((3, 1, 3, 3)) * 0.4)
        node("Conv", ["in", kernel, weight("bias", [0.1, -0.1, 0.2])], "a", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        node("LeakyRelu", ["a"], "b", alpha=0.2)
        kernel = weight("back", random.standard_normal((3, 1, 3, 3)) * 0.4)
        node("ConvTranspose", ["b", kernel], "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        node("Tanh", ["c"], "d")
        node("Add", ["d", "in"], "out")
    else:
        node("Mul", ["in", weight("gain", 1.5)], "a")
        node("Tanh", ["a"], "b")
        node("Sub", ["b", weight("less", 0.25)], "out")
    graph = helper.make_graph(
        nodes, "external", [helper.make_tensor_value_info("in", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def unet(random, weight, node, weights):
    """What networks of images are made of: poolings, strides, norms, attention, sizes that are computed."""
    from onnx import numpy_helper

    def convolve(name, input, output, shape, **attributes):
        kernel = weight(name, random.standard_normal(shape) * (2 / np.prod(shape[1:])) ** 0.5)
        node("Conv", [input, kernel, weight(f"{name} bias", random.standard_normal(shape[0]) * 0.1)], output,
             kernel_shape=list(shape[2:]), **attributes)

    def integers(name, values):
        weights.append(numpy_helper.from_array(np.asarray(values, np.int64), name))
        return name

    node("Pad", ["in", integers("pads", [0, 0, 1, 1, 0, 0, 1, 1])], "padded", mode="reflect")
    convolve("first", "padded", "a", (4, 1, 3, 3))
    ones = weight("ones", np.ones(4))
    node("BatchNormalization", ["a", ones, weight("shift", [0.1] * 4), weight("mean", [0.05] * 4),
                                weight("variance", [0.5] * 4)], "b", epsilon=1e-3)
    node("Elu", ["b"], "c", alpha=0.7)
    convolve("strided", "c", "d", (8, 4, 3, 3), pads=[1, 1, 1, 1], strides=[2, 2])
    eight = weight("eight", np.ones(8))
    node("InstanceNormalization", ["d", eight, weight("zero", np.zeros(8))], "e", epsilon=1e-5)
    node("PRelu", ["e", weight("slope", np.full((8, 1, 1), 0.1))], "f")
    node("AveragePool", ["f"], "g", kernel_shape=[2, 2], strides=[2, 2])
    convolve("dilated", "g", "h", (8, 8, 3, 3), pads=[2, 2, 2, 2], dilations=[2, 2])
    node("GlobalAveragePool", ["h"], "pooled")
    convolve("attention", "pooled", "gate", (8, 8, 1, 1))
    node("Sigmoid", ["gate"], "open")
    node("Mul", ["h", "open"], "i")
    # As PyTorch writes it for interpolation to the size of another tensor.
    node("Shape", ["f"], "shape")
    node("Slice", ["shape", integers("two", [2]), integers("four", [4])], "size")
    node("Concat", [integers("one and eight", [1, 8]), "size"], "sizes", axis=0)
    node("Resize", ["i", "", "", "sizes"], "j", mode="linear", coordinate_transformation_mode="half_pixel")
    node("Concat", ["j", "f"], "k", axis=1)
    kernel = weight("up", random.standard_normal((16, 4, 2, 2)) * 0.3)
    node("ConvTranspose", ["k", kernel], "l", kernel_shape=[2, 2], strides=[2, 2])
    node("Add", ["l", "c"], "m")
    node("Softplus", ["m"], "n")
    convolve("last", "n", "o", (1, 4, 1, 1))
    node("Sqrt", [weight("sixteen", [16.0])], "root")
    node("Div", ["o", "root"], "p")
    node("Clip", ["p", weight("least", -2.0), weight("most", 2.0)], "q")
    node("Add", ["q", "in"], "out")


def make(name, package, folder):
    """One of the cases as a package; its test output is what bioimageio.core makes of its test input."""
    from bioimageio.spec import save_bioimageio_package
    from bioimageio.spec.model import v0_4 as older
    from bioimageio.spec.model import v0_5 as spec

    axes, size, before, after, kind = CASES[name]
    seed = list(CASES).index(name)
    onnx = os.path.join(folder, f"{name}.onnx")
    network(axes, onnx, seed)
    sizes = {"y": size, "x": size}
    lengths = {a: size if isinstance(size, int) else size["min"] + 3 * size["step"] for a in "yx"}
    test = (100 + 25 * np.random.default_rng(seed).standard_normal([lengths.get(axis, 1) for axis in axes]))
    files = [os.path.join(folder, f"{name}_{part}.npy") for part in ("in", "out")]
    kinds = ["<f4", "<u1" if kind == "uint8" else "<f4"]
    for file, stored in zip(files, kinds):
        np.save(file, test.astype(stored))

    def axis(letter, output):
        if letter == "b":
            return {"type": "batch"}
        if letter == "c":
            return {"type": "channel", "channel_names": ["grey"]}
        length = sizes[letter]
        if output and not isinstance(length, int):
            length = {"tensor_id": "raw", "axis_id": letter}
        halo = {"halo": 3} if output and name == "tiled" else {}
        return {"type": "space", "id": letter, "size": length, **halo}

    def steps(listed, key="id"):
        return [{key: step, "kwargs": kwargs} if kwargs else {key: step} for step, kwargs in listed]

    about = {
        "type": "model", "name": f"external {name}", "description": "made in a test", "license": "MIT",
        "authors": [{"name": "Ada"}], "cite": [{"text": "none", "doi": "10.48550/arXiv.1603.09056"}], "tags": [],
        "documentation": os.path.join(folder, "README.md"),
    }

    def describe():
        if name.startswith(OLDER):
            return describe_older()
        return spec.ModelDescr.model_validate({
            **about, "format_version": "0.5.4",
            "inputs": [{"id": "raw", "axes": [axis(a, False) for a in axes], "data": {"type": "float32"},
                        "preprocessing": steps(before), "test_tensor": {"source": files[0]}}],
            "outputs": [{"id": "made", "axes": [axis(a, True) for a in axes], "data": {"type": kind},
                         "postprocessing": steps(after), "test_tensor": {"source": files[1]}}],
            "weights": {"onnx": {"source": onnx, "opset_version": 16}},
        })

    def describe_older():
        if isinstance(size, int):
            shape = made = [1, 1, size, size]
        else:
            shape = {"min": [1, 1, size["min"], size["min"]], "step": [0, 0, size["step"], size["step"]]}
            made = {"reference_tensor": "raw", "scale": [1, 1, 1, 1], "offset": [0, 0, 0, 0]}
        return older.ModelDescr.model_validate({
            **about, "format_version": "0.4.10", "timestamp": "2024-01-01T00:00:00",
            "inputs": [{"name": "raw", "axes": axes, "data_type": "float32", "shape": shape,
                        "preprocessing": steps(before, "name")}],
            "outputs": [{"name": "made", "axes": axes, "data_type": kind, "shape": made, "halo": [0, 0, 4, 4],
                         "postprocessing": steps(after, "name")}],
            "test_inputs": [files[0]], "test_outputs": [files[1]],
            "weights": {"onnx": {"source": onnx, "opset_version": 16}},
        })

    with open(os.path.join(folder, "README.md"), "w") as readme:
        readme.write("# A model\n\n## Validation\n\nNone.\n")
    np.save(files[1], predict(describe(), test.astype("<f4"), bare=True).astype(kinds[1]))
    save_bioimageio_package(describe(), output_path=package)


def predict(model, image, bare=False):
    """What bioimageio.core makes of an image that has the model's axes; test images are bare, without the halo."""
    from bioimageio.core import Sample, Tensor, create_prediction_pipeline
    from bioimageio.core.digest_spec import get_member_ids

    input, output = get_member_ids(model.inputs)[0], get_member_ids(model.outputs)[0]
    axes = model.inputs[0].axes
    names = {"b": "batch", "c": "channel"}
    dims = [names.get(axis, axis) for axis in axes] if isinstance(axes, str) else [axis.id for axis in axes]
    sample = Sample(members={input: Tensor.from_numpy(image, dims=dims)}, stat={}, id="image")
    with create_prediction_pipeline(model, weights_format="onnx") as pipeline:
        made = pipeline.predict_sample_without_blocking(sample, skip_input_padding=bare, skip_output_cropping=bare)
    return np.asarray(made.members[output].data)


if __name__ == "__main__":
    from bioimageio.core import load_description

    request = json.loads(sys.argv[1])
    for name in CASES:
        make(name, os.path.join(request["folder"], f"{name}.zip"), request["folder"])
    answers = {}
    for name, package in {**{name: os.path.join(request["folder"], f"{name}.zip") for name in CASES},
                          SAMPLE: request["sample"]}.items():
        model = load_description(package)
        lengths = {"fixed": (48, 48), "percentiles": (35, 41), "older_range": (40, 40), SAMPLE: (64, 96)}.get(name, (24, 40))
        image = (100 + 25 * np.random.default_rng(7).standard_normal(lengths)).astype("<f4")
        image.tofile(os.path.join(request["folder"], f"{name}.in"))
        leading = [1] * (len(model.inputs[0].axes) - 2)
        made = predict(model, image.reshape(leading + list(lengths)))
        made.astype("<f4").tofile(os.path.join(request["folder"], f"{name}.out"))
        answers[name] = {"height": lengths[0], "width": lengths[1], "kind": str(made.dtype)}
    print(json.dumps(answers))
