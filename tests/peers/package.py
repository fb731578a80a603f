"""Runs models with the tools of others.

Request: what (onnx or test); for onnx: model, input and output (raw float32 files), shape; for test: package, size.
"""
import json
import sys

import numpy as np


def onnx(request):
    """Checks an ONNX file and runs it with ONNX Runtime."""
    import onnx
    import onnxruntime

    model = onnx.load(request["model"])
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(request["model"], providers=["CPUExecutionProvider"])
    image = np.fromfile(request["input"], "<f4").reshape(request["shape"])
    (output,) = session.run(None, {session.get_inputs()[0].name: image})
    output.astype("<f4").tofile(request["output"])
    return {
        "ir": model.ir_version,
        "opset": model.opset_import[0].version,
        "shape": list(output.shape),
        "axes": [str(axis) for axis in session.get_inputs()[0].shape],
    }


if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    print(json.dumps({"onnx": onnx}[request["what"]](request)))
