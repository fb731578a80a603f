"""One training step of a RED-Net: this project and PyTorch in turn, on an NVIDIA GPU where there is one, else on the CPU.

    cargo bench -p undulator-gpu --bench apply --no-run --message-format short    # names the program; -p undulator without a GPU
    python benches/training/compare.py PROGRAM [ROUNDS]

Needs numpy and torch. On a GPU, PyTorch runs three times: eager; channels-last with TF32; and that compiled.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "apply"))

from peers import Process, compare, has_gpu, peer  # noqa: E402

if __name__ == "__main__":
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    if has_gpu():
        engines = [Process("undulator", [sys.argv[1], "cuda"])]
        engines += [peer("pytorch", "cuda"), peer("pytorch", "cuda", "tf32"), peer("pytorch", "cuda", "compile")]
        cases = [(channels, 512, batch) for channels in (32, 64) for batch in (1, 2, 4, 8)]
        compare(engines, "train", cases, rounds, runs=20)
    else:
        print("There is no GPU that PyTorch can use: this compares the CPU.\n")
        engines = [Process("undulator", [sys.argv[1]]), peer("pytorch")]
        compare(engines, "train", [(16, 256, 2), (32, 256, 2), (16, 512, 1), (32, 512, 1), (64, 512, 1)], rounds)
