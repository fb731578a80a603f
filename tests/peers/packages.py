"""Makes bioimage.io packages with `bioimageio.spec` over its optional fields, and runs them with `bioimageio.core`.

Request: folder, where packages, images and results go. Answer: for each package what became of it there.
"""
import copy
import io
import json
import os
import sys
import zipfile

import numpy as np

os.environ["LOGURU_LEVEL"] = "CRITICAL"

Y = {"type": "space", "id": "y", "size": {"min": 16, "step": 4}}
X = {"type": "space", "id": "x", "size": {"min": 16, "step": 4}}
BATCH = {"type": "batch"}
CHANNEL = {"type": "channel", "channel_names": ["grey"]}
ONE_Z = {"type": "space", "id": "z", "size": 1}
PLAIN = [BATCH, CHANNEL, Y, X]
RAW = ["y", "x"]


def case(**changes):
    """A package, as what differs from the plainest: no field is given that may be left out."""
    return changes


def pre(*steps, **more):
    return case(pre=list(steps), **more)


def post(*steps, **more):
    return case(post=list(steps), **more)


def step(name, **kwargs):
    return {"id": name, "kwargs": kwargs} if kwargs else {"id": name}


CASES = {
    "nothing": case(),
    # data
    "data_empty": case(data={}),
    "data_channels": case(data=[{"type": "float32"}]),
    "data_interval": case(data={"range": [0, None], "unit": "arbitrary unit", "scale": 2.0, "offset": 3.0}),
    "data_double": case(data={"type": "float64"}, network_type="float64"),
    "data_bytes": case(data={"type": "uint8"}, network_type="uint8"),
    "data_words": case(data={"type": "uint16"}, network_type="uint16"),
    "data_whole": case(data={"type": "int32"}, network_type="int32"),
    "data_mismatch": case(data={"type": "float64"}),
    "out_bytes": post(step("scale_linear", gain=0.5, offset=60.0), out_data={"type": "uint8"}),
    "out_words": post(step("scale_linear", gain=100.0), out_data={"type": "uint16"}),
    "out_short": post(step("scale_linear", gain=3.0, offset=-400.0), out_data={"type": "int16"}),
    "out_listed": post(step("scale_linear", gain=0.02), step("clip", min=0.0, max=3.0),
                       out_data={"values": [0, 1, 2, 3]}),
    "out_double": case(out_data={"type": "float64"}),
    # tensors
    "optional": case(input={"optional": True, "description": "a slice"}),
    "named": case(input={"id": "first"}, output={"id": "last"}),
    "no_test": case(test=False),
    # axes
    "bare": case(axes=[Y, X]),
    "unnamed_x": case(axes=[BATCH, CHANNEL, Y, {"type": "space", "size": {"min": 16, "step": 4}}]),
    "batch_one": case(axes=[{"type": "batch", "size": 1, "description": "one"}, CHANNEL, Y, X]),
    "channel_last": case(axes=[BATCH, Y, X, CHANNEL]),
    "columns": case(axes=[BATCH, CHANNEL, X, Y]),
    "one_z": case(axes=[BATCH, CHANNEL, ONE_Z, Y, X]),
    "one_z_last": case(axes=[Y, X, ONE_Z]),
    "one_time": case(axes=[{"type": "time", "size": 1, "unit": "second"}, Y, X]),
    "one_index": case(axes=[{"type": "index", "size": 1}, BATCH, Y, X]),
    "free_z": case(axes=[BATCH, CHANNEL, {"type": "space", "id": "z", "size": {"min": 1, "step": 1}}, Y, X]),
    "concatenable": case(axes=[BATCH, CHANNEL, {**Y, "concatenable": True}, {**X, "unit": "micrometer", "scale": 0.5}]),
    "square": case(axes=[BATCH, CHANNEL, Y, {"type": "space", "id": "x", "size": {"tensor_id": "input", "axis_id": "y"}}],
                   size=(24, 24)),
    "wider": case(axes=[BATCH, CHANNEL, Y, {"type": "space", "id": "x", "size": {"tensor_id": "input", "axis_id": "y",
                                                                              "offset": 4}}], size=(24, 28)),
    "fixed": case(axes=[BATCH, CHANNEL, {**Y, "size": 24}, {**X, "size": 28}], size=(24, 28)),
    "other_names": case(axes=[BATCH, CHANNEL, {**Y, "id": "h"}, {**X, "id": "w"}]),
    # halo and padding
    "halo": case(halo=3),
    "halo_reflect": case(halo=3, input={"pad": {"mode": "reflect"}}),
    "halo_edge": case(halo=3, input={"pad": {"mode": "edge"}}),
    "halo_zero": case(halo=3, input={"pad": {"mode": "constant"}}),
    "halo_unnamed": case(halo=3, input={"pad": {}}),
    "halo_value": pre(step("scale_linear", gain=0.5, offset=3.0), halo=3, input={"pad": {"mode": "constant", "value": 90.0}}),
    # preprocessing, with and without keywords
    "standardise": pre(step("zero_mean_unit_variance")),
    "standardise_batch": pre(step("zero_mean_unit_variance", axes=["batch", *RAW])),
    "standardise_slice": pre(step("zero_mean_unit_variance", axes=["channel", *RAW])),
    "standardise_rows": pre(step("zero_mean_unit_variance", axes=["x"])),
    "standardise_eps": pre(step("zero_mean_unit_variance", axes=RAW, eps=0.1), test=False),
    "range": pre(step("scale_range")),
    "range_percentiles": pre(step("scale_range", min_percentile=2.0, max_percentile=97.0)),
    "range_slice": pre(step("scale_range", axes=["channel", *RAW], min_percentile=1.0, max_percentile=99.8)),
    "range_self": pre(step("scale_range", axes=RAW, reference_tensor="input")),
    "range_twice": pre(step("scale_linear", gain=2.0), step("scale_range", axes=RAW), step("clip", min=0.1, max=0.9)),
    "clip_low": pre(step("clip", min=80.0)),
    "clip_high": pre(step("clip", max=120.0)),
    "clip_percentiles": pre(step("clip", min_percentile=5.0, max_percentile=90.0)),
    "clip_slice": pre(step("clip", axes=RAW, min_percentile=5.0, max_percentile=90.0)),
    "clip_one_percentile": pre(step("scale_linear", gain=0.02), step("clip", axes=RAW, max_percentile=90.0)),
    "clip_mixed": pre(step("clip", axes=RAW, min_percentile=20.0, max=110.0)),
    "linear_gain": pre(step("scale_linear", gain=0.02)),
    "linear_offset": pre(step("scale_linear", offset=-90.0)),
    "linear_channel": pre(step("scale_linear", axis="channel", gain=[0.02], offset=[-1.0])),
    "fixed_normal": pre(step("fixed_zero_mean_unit_variance", mean=101.0, std=24.0)),
    "fixed_channel": pre(step("fixed_zero_mean_unit_variance", axis="channel", mean=[101.0], std=[24.0])),
    "sigmoid": pre(step("scale_linear", gain=0.04, offset=-4.0), step("sigmoid")),
    "cast_twice": pre(step("ensure_dtype", dtype="uint8"), step("scale_linear", gain=0.1), step("ensure_dtype", dtype="float32")),
    "cast_double": pre(step("ensure_dtype", dtype="float64"), network_type="float64"),
    "binary_last": pre(step("binarize", threshold=100.0), test=False),
    "binary_float": pre(step("binarize", threshold=100.0), step("ensure_dtype", dtype="float32")),
    "binary_channel": pre(step("binarize", axis="channel", threshold=[100.0]), step("ensure_dtype", dtype="float32")),
    "softmax": pre(step("softmax")),
    "softmax_rows": pre(step("scale_linear", gain=0.04), step("softmax", axis="x")),
    # postprocessing
    "post_linear": post(step("scale_linear", gain=2.0)),
    "post_sigmoid": post(step("scale_linear", gain=0.04, offset=-4.0), step("sigmoid")),
    "post_binary": post(step("binarize", threshold=100.0)),
    "post_clip": post(step("clip", min=90.0)),
    "post_fixed": post(step("fixed_zero_mean_unit_variance", mean=101.0, std=24.0)),
    "post_softmax": post(step("softmax")),
    "post_cast": post(step("scale_linear", gain=0.01), step("ensure_dtype", dtype="float32"), out_data={"type": "uint8"}),
    "post_range_input": post(step("scale_range", axes=RAW, min_percentile=5.0, reference_tensor="input")),
    "post_range_stack": post(step("scale_range", reference_tensor="input")),
    "post_range_self": post(step("scale_range", axes=RAW)),
    "post_standardise": post(step("zero_mean_unit_variance", axes=RAW)),
    "post_matched": post(step("scale_mean_variance", axes=RAW, reference_tensor="input")),
    # test tensors
    **{f"test_{kind}": case(test_type=kind) for kind in
       ["float64", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]},
    "test_big_end": case(test_type=">f4"),
    "test_columns": case(test_type="fortran"),
    "test_version_2": case(test_type="version 2"),
    "test_bool": post(step("binarize", threshold=100.0), out_data={"type": "bool", "values": [False, True]}, made_type="bool"),
    # names of the description
    "name_bioimageio": case(name="bioimageio.yaml"),
    "name_model": case(name="model.yaml"),
    "name_ending": case(name="mine.rdf.yaml"),
    "name_ending_model": case(name="my own.model.yaml"),
    # weights and the rest
    "weights": case(weights={"comment": "by hand", "authors": [{"name": "Ada"}]}),
    "about": case(about={"tags": ["2d"], "version": "1.0", "run_mode": {"name": "deepimagej"},
                         "timestamp": "2026-01-01T00:00:00", "config": {"bioimageio": {"task": "denoising"}}}),
    # networks
    **{f"network_{name}": case(network=name) for name in
       ["pad_reflect", "pad_newer", "pad_edge", "pad_constant", "pad_dynamic", "nearest", "nearest_asymmetric", "nearest_ceil", "linear",
        "linear_aligned", "linear_torch", "cubic", "cubic_aligned", "resize_axes", "expand", "expand_where", "scatter", "tile", "range"]},
}


# Those that are applied to two unlike slices, too, which are the dataset of whose statistics the description speaks.
STACKS = ["standardise", "standardise_batch", "standardise_slice", "range_percentiles", "range_slice", "clip_percentiles",
          "clip_slice", "post_range_stack", "post_range_input"]


def network(name, axes, kind, path):
    """A network that keeps the size: a mean of nine pixels, or one of the operators that tools write."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    tensors, nodes = [], []
    opset = {"resize_axes": 18, "pad_newer": 18}.get(name, 16)

    def constant(key, values, numbers=np.float32):
        tensors.append(numpy_helper.from_array(np.asarray(values, numbers), key))
        return key

    def whole(key, values):
        return constant(key, values, np.int64)

    def node(operator, inputs, output, **attributes):
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))

    def resize(scale, output="out", **attributes):
        node("Resize", ["small", "", constant("scales", [1, 1, *scale])], output, **attributes)

    given = TensorProto.DataType.Value({"float64": "DOUBLE", "float32": "FLOAT"}.get(kind, kind.upper()))
    start = "in"
    if kind != "float32":
        node("Cast", ["in"], "floats", to=TensorProto.FLOAT)
        start = "floats"
    if name is None:
        scale = constant("scale", 0.75)
        node("Mul", [start, scale], "scaled")
        if len(axes) == 4 and axes[1]["type"] == "channel":
            node("Conv", ["scaled", constant("kernel", np.full((1, 1, 3, 3), 1 / 9))], "out", kernel_shape=[3, 3], pads=[1] * 4)
        else:
            node("Abs", ["scaled"], "out")
    elif name.startswith("pad"):
        kernel = constant("kernel", np.arange(9).reshape(1, 1, 3, 3) / 36)
        if name in ("pad_reflect", "pad_dynamic"):
            # As the older of torch's exporters writes it.
            if name == "pad_reflect":
                whole("pads", [1, 1, 1, 1])
                whole("given", 4)
            else:
                node("Shape", ["in"], "shape")
                node("Gather", ["shape", whole("three", 3)], "width")
                node("Sub", ["width", "width"], "nothing")
                node("Add", ["nothing", whole("one", 1)], "border")
                node("Unsqueeze", ["border", whole("first", [0])], "borders")
                node("Concat", ["borders"] * 4, "pads", axis=0)
                node("Size", [whole("list", [0, 1, 2, 3])], "given")
            node("Mul", [whole("rank", 4), whole("two", 2)], "all")
            node("Sub", ["all", "given"], "missing")
            node("Reshape", ["missing", whole("as list", [1])], "more")
            node("ConstantOfShape", ["more"], "zeros", value=numpy_helper.from_array(np.zeros(1, np.int64)))
            node("Concat", ["pads", "zeros"], "longer", axis=0)
            node("Reshape", ["longer", whole("pairs", [-1, 2])], "paired")
            node("Slice", ["paired", whole("last", [-1]), whole("end", [-(2**63) + 1]), whole("axis", [0]), whole("back", [-1])],
                 "reversed")
            node("Transpose", ["reversed"], "turned", perm=[1, 0])
            node("Reshape", ["turned", whole("flat", [-1])], "row")
            node("Cast", ["row"], "all pads", to=TensorProto.INT64)
            mode = "reflect"
        elif name == "pad_newer":
            # As the newer one does it.
            node("Expand", [whole("zero", [0]), whole("count", [4])], "zeros")
            node("Concat", [whole("pads", [1, 1, 1, 1]), "zeros"], "longer", axis=0)
            node("Size", ["longer"], "length")
            for at, first in [("odd", -2), ("even", -1)]:
                start_at = whole(f"{at} start", [first])
                node("Sub", [start_at, "length"], f"{at} end")
                node("Slice", ["longer", start_at, f"{at} end", whole(f"{at} axis", [0]), whole(f"{at} step", [-2])], at)
            node("Concat", ["odd", "even"], "all pads", axis=0)
            mode = "reflect"
        else:
            whole("all pads", [0, 0, 1, 1, 0, 0, 1, 1])
            mode = name.split("_")[1]
        value = [constant("value", 70.0)] if mode == "constant" else []
        node("Pad", ["in", "all pads", *value], "padded", mode=mode)
        node("Conv", ["padded", kernel], "out", kernel_shape=[3, 3])
    elif name in ("expand", "expand_where", "scatter", "tile", "range"):
        if name == "expand":
            node("Expand", [constant("seven", [[[[7.0]]]]), whole("shape", [1, 1, 1, 1])], "more")
        elif name == "expand_where":
            # As torch writes `expand(-1, …)`.
            node("ConstantOfShape", [whole("axes", [4])], "ones", value=numpy_helper.from_array(np.ones(1, np.int64)))
            node("Mul", ["ones", whole("minus", -1)], "free")
            node("Equal", [whole("shape", [1, 1, 1, -1]), "free"], "is free")
            node("Where", ["is free", "ones", "shape"], "sizes")
            node("Expand", [constant("seven", [7.0]), "sizes"], "more")
        elif name == "scatter":
            node("ScatterND", [constant("zeros", np.zeros((1, 1, 1, 1))), whole("where", [[0, 0, 0, 0]]), constant("seven", [7.0])],
                 "more")
        elif name == "tile":
            node("Tile", [constant("seven", [[7.0]]), whole("times", [1, 1])], "more")
        else:
            node("Range", [whole("from", 7), whole("to", 8), whole("by", 1)], "whole")
            node("Cast", ["whole"], "more", to=TensorProto.FLOAT)
        node("Add", ["in", "more"], "out")
    elif name == "resize_axes":
        node("AveragePool", ["in"], "small", kernel_shape=[2, 2], strides=[2, 2])
        node("Resize", ["small", "", constant("scales", [2.0, 2.0])], "out", mode="linear", axes=[2, 3])
    else:
        node("AveragePool", ["in"], "small", kernel_shape=[2, 2], strides=[2, 2])
        mode, _, kind_of = name.partition("_")
        transform = {"aligned": "align_corners", "torch": "pytorch_half_pixel", "asymmetric": "asymmetric", "": "half_pixel",
                     "ceil": "half_pixel"}
        rounding = {"nearest_mode": {"ceil": "ceil", "asymmetric": "floor"}.get(kind_of, "round_prefer_floor")}
        resize([2.0, 2.0], mode=mode, coordinate_transformation_mode=transform[kind_of],
               **(rounding if mode == "nearest" else {}))
    lengths = [1 if axis.get("id") not in ("y", "x", "h", "w") and not (axis["type"] == "space" and "id" not in axis) else None
               for axis in axes]
    shape = [length or f"free {at}" for at, length in enumerate(lengths)]
    graph = helper.make_graph(nodes, "made", [helper.make_tensor_value_info("in", given, shape)],
                              [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)


def stored(array, kind):
    """The bytes of a test tensor."""
    file = io.BytesIO()
    if kind == "fortran":
        np.save(file, np.asfortranarray(array))
    elif kind == "version 2":
        np.lib.format.write_array(file, array, version=(2, 0))
    elif kind and kind != "float32":
        np.save(file, np.rint(array).astype(kind) if "int" in kind else array.astype(kind))
    else:
        np.save(file, array)
    return file.getvalue()


def description(name, folder, changes):
    """What the package says, and its test image."""
    from bioimageio.spec.model import v0_5 as spec

    axes = changes.get("axes", PLAIN)
    path = os.path.join(folder, f"{name}.onnx")
    network(changes.get("network"), axes, changes.get("network_type", "float32"), path)
    height, width = changes.get("size", (24, 28))
    wanted = {"y": height, "x": width, "h": height, "w": width}
    place = {"space": lambda axis: wanted.get(axis.get("id", "x"), 1)}
    shape = [place.get(axis["type"], lambda _: 1)(axis) for axis in axes]
    image = (100 + 25 * np.random.default_rng(len(name)).standard_normal((height, width))).astype("<f4").clip(2, 126)
    source = changes.get("input", {}).get("id", "input")

    def made(axis):
        kept = {key: value for key, value in axis.items() if key != "concatenable"}
        if axis["type"] != "space" or axis["size"] == 1:
            return kept
        kept["size"] = {"tensor_id": source, "axis_id": axis.get("id", "x")}
        if isinstance(axis["size"], dict) and "axis_id" in axis["size"]:
            kept["size"] = axis["size"]
        if "halo" in changes:
            kept["halo"] = changes["halo"]
        return kept

    transposed = [axis.get("id", "x") for axis in axes if axis["type"] == "space"]
    ordered = image if transposed.index(next(a for a in transposed if a in "yh")) < transposed.index(
        next(a for a in transposed if a in "xw")) else image.T
    test = np.ascontiguousarray(ordered).reshape(shape)
    tensors = {
        "input": {"axes": axes, **changes.get("input", {})},
        "output": {"axes": [made(axis) for axis in axes], **changes.get("output", {})},
    }
    for tensor, data, steps, key in [("input", "data", "pre", "preprocessing"), ("output", "out_data", "post", "postprocessing")]:
        if data in changes:
            tensors[tensor]["data"] = changes[data]
        if steps in changes:
            tensors[tensor][key] = changes[steps]
    about = {"name": f"made {name}", "format_version": "0.5.4", "type": "model", "description": "made in a test", "license": "MIT",
             "cite": [{"text": "none", "doi": "10.48550/arXiv.1603.09056"}], "inputs": [tensors["input"]],
             "outputs": [tensors["output"]],
             "weights": {"onnx": {"source": path, "opset_version": 16, **changes.get("weights", {})}}, **changes.get("about", {})}
    return spec, about, image, test


def package(name, folder, changes):
    """Writes the package as the library does, and gives back its image and what `bioimageio.core` makes of it."""
    from bioimageio.spec import ValidationContext
    from bioimageio.spec._internal.io_utils import write_yaml

    spec, about, image, test = description(name, folder, changes)
    path = os.path.join(folder, f"{name}.zip")
    result, error, bare = None, None, np.zeros_like(test)
    try:
        with ValidationContext(perform_io_checks=False):
            # The library adds casts to the steps that it is given, which are to be left out.
            model = spec.ModelDescr.model_validate(copy.deepcopy(about))
        result = predict(model, test, bare=False)
        bare = predict(model, test, bare=True) if "halo" in changes else result
        if name in STACKS:
            slices = [test, unlike(test)]
            made = np.stack([predict(model, one, bare=False, dataset=slices) for one in slices])
            made.astype("<f4").tofile(os.path.join(folder, f"{name}.stack"))
    except Exception as failure:  # Whatever it is, it is the answer.
        error = f"{type(failure).__name__}: {' '.join(str(failure).split())[:300]}"
    files = {f"{name}.onnx": open(os.path.join(folder, f"{name}.onnx"), "rb").read()}
    if changes.get("test", True):
        kind = changes.get("test_type")
        files["input.npy"], files["output.npy"] = stored(test, kind), stored(bare, changes.get("made_type", "float32"))
        if kind and "int" in kind:
            # What was stored is another image.
            with_whole = np.load(io.BytesIO(files["input.npy"])).astype("<f4")
            files["output.npy"] = stored(predict(model, with_whole, bare=True), None)
        about["inputs"][0]["test_tensor"] = {"source": "input.npy"}
        about["outputs"][0]["test_tensor"] = {"source": "output.npy"}
    about["weights"]["onnx"]["source"] = f"{name}.onnx"
    text = io.StringIO()
    # Axes that two tensors share would be written as an anchor and an alias.
    write_yaml(json.loads(json.dumps(about)), text)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(changes.get("name", "rdf.yaml"), text.getvalue())
        for key, data in files.items():
            file.writestr(key, data)
    return image, result, error


def unlike(image):
    """Another image with other statistics."""
    return (2 * image + 30).astype("<f4")


def predict(model, image, bare, dataset=()):
    """What `bioimageio.core` makes of an image that has the model's axes, as one of a dataset."""
    from bioimageio.core import Sample, Tensor, create_prediction_pipeline

    (input,), (output,) = model.inputs, model.outputs

    def sample(array, name):
        tensor = Tensor.from_numpy(array, dims=[axis.id for axis in input.axes])
        return Sample(members={input.id: tensor}, stat={}, id=name)

    known = [sample(one, str(at)) for at, one in enumerate(dataset)]
    with create_prediction_pipeline(model, weights_format="onnx", dataset_for_initial_statistics=known) as pipeline:
        made = pipeline.predict_sample_without_blocking(sample(image, "image"), skip_input_padding=bare, skip_output_cropping=bare)
    return np.asarray(made.members[output.id].data)


if __name__ == "__main__":
    folder = json.loads(sys.argv[1])["folder"]
    answers = {}
    for name, changes in CASES.items():
        image, result, error = package(name, folder, changes)
        image.tofile(os.path.join(folder, f"{name}.in"))
        height, width = image.shape
        answers[name] = {"height": height, "width": width, "stack": name in STACKS}
        if error:
            answers[name]["error"] = error
        else:
            by_columns = [a.get("id") for a in changes.get("axes", PLAIN) if a.get("id") in ("y", "x")] == ["x", "y"]
            rows = result.reshape(width, height).T if by_columns else result.reshape(height, width)
            np.ascontiguousarray(rows).astype("<f4").tofile(os.path.join(folder, f"{name}.out"))
            answers[name]["kind"] = str(result.dtype)
    print(json.dumps(answers))
