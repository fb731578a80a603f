"""Applying a RED-Net on the CPU: this project, ONNX Runtime and PyTorch in turn.

    cargo bench --bench apply --no-run --message-format short    # names the program
    python benches/apply/compare.py PROGRAM [ROUNDS]

Needs numpy, onnx, onnxruntime and torch.
"""

import sys

from peers import Process, compare, peer

if __name__ == "__main__":
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 9
    engines = [Process("undulator", [sys.argv[1]]), peer("onnxruntime"), peer("pytorch")]
    compare(engines, "apply", [(16, 512, 1), (32, 512, 1), (64, 512, 1)], rounds)
