"""One training step of a RED-Net on the CPU: this project and PyTorch in turn.

    cargo bench --bench apply --no-run --message-format short    # names the program
    python benches/training/compare.py PROGRAM [ROUNDS]

Needs numpy and torch.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "apply"))

from peers import Engine, compare, peer  # noqa: E402

if __name__ == "__main__":
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    engines = [Engine("undulator", [sys.argv[1]]), peer("pytorch")]
    compare(engines, "train", [(16, 256, 2), (32, 256, 2), (16, 512, 1), (32, 512, 1), (64, 512, 1)], rounds)
