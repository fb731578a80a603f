"""Runs models with the tools of others.

Request: what (onnx or bioimageio); for onnx: model, input and output (raw float32 files), shape; for bioimageio:
packages, and again, a folder where the first of them is packed anew.
"""
import json
import os
import socket
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


def bioimageio(request):
    """What `bioimageio test` says: every package with batches of 1 and 2 and three sizes, without a network."""

    def refuse(*_):
        raise OSError("these tests are offline")

    socket.socket.connect = refuse
    socket.getaddrinfo = refuse
    os.environ["LOGURU_LEVEL"] = "ERROR"
    from bioimageio.core import load_description, save_bioimageio_package, test_model

    answers = []
    for package in request["packages"]:
        summary = test_model(package)
        details = [detail for detail in summary.details]
        answers.append({
            "status": summary.status,
            "steps": [detail.name for detail in details if "inference" in detail.name],
            "errors": [f"{detail.name}: {error.msg}" for detail in details for error in detail.errors],
            "warnings": [f"{'.'.join(map(str, warning.loc))}: {warning.msg}" for detail in details for warning in detail.warnings],
        })
    again = os.path.join(request["again"], "again.zip")
    save_bioimageio_package(load_description(request["packages"][0]), output_path=again)
    return {"answers": answers, "again": again}


if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    print(json.dumps({"onnx": onnx, "bioimageio": bioimageio}[request["what"]](request)))
