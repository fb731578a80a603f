"""Applying a RED-Net on the CPU: this project, ONNX Runtime, PyTorch and tract in turn.

    cargo bench --bench apply --no-run --message-format short    # names the program
    cargo build --release --manifest-path benches/tract/Cargo.toml
    python benches/apply/compare.py PROGRAM [ROUNDS]

Needs numpy, onnx, onnxruntime and torch. Without tract's program the others are compared.
"""

import pathlib
import sys
import tempfile

from peers import Process, compare, onnx_model, peer

CASES = [(16, 512, 1), (32, 512, 1), (64, 512, 1)]
TRACT = pathlib.Path(__file__).resolve().parent.parent / "tract/target/release/undulator-bench-tract"

if __name__ == "__main__":
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 9
    engines = [Process("undulator", [sys.argv[1]]), peer("onnxruntime"), peer("pytorch")]
    with tempfile.TemporaryDirectory() as folder:
        for channels, _, _ in CASES:
            (pathlib.Path(folder) / f"{channels}.onnx").write_bytes(onnx_model(channels))
        if TRACT.exists():
            engines.append(Process("tract", [str(TRACT), folder]))
        compare(engines, "apply", CASES, rounds)
