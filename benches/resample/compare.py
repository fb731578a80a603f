"""Resampling 512×512×200 voxels of 16 bits: this project, scipy, SimpleITK and ImageJ in turn, and the memory's own copy.

    cargo bench --bench resample --no-run --message-format short    # names the program
    python benches/resample/compare.py PROGRAM IMAGEJ_JAR [ROUNDS]

Needs numpy, scipy and SimpleITK (requirements.txt beside this file), and java on the path.
"""

import pathlib
import sys
import time
from statistics import median

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from process import Process  # noqa: E402

CASES = [(0.5, 0.6), (0.31, 0.6), (1.0, 0.6)]


def main():
    program, imagej = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    script = [sys.executable, str(HERE / "peers.py")]
    own = Process("undulator", [program])
    java = ["java", "-Djava.awt.headless=true", "-Xmx8g", "-cp", imagej, str(HERE / "ImageJScale.java")]
    peers = [Process(f"scipy {name}", [*script, name]) for name in ("affine_transform", "zoom")]
    peers += [Process("SimpleITK", [*script, "simpleitk"]), Process("ImageJ Scale", java)]
    print("| voxels, from to | program | median, s | fastest, s | times as long as undulator |")
    print("| --- | --- | --- | --- | --- |")
    for case in CASES:
        times = {name: [] for name in ["undulator", "memory copy", *(peer.name for peer in peers)]}
        for turn in range(rounds + 1):
            answers = {"undulator": own.ask(*case, 2)[-1], "memory copy": own.ask("copy", 2)[-1]}
            answers |= {peer.name: peer.ask(*case, 1)[-1] for peer in peers}
            # The first round warms up.
            if turn:
                for name, seconds in answers.items():
                    times[name].append(seconds)
            time.sleep(0.05)
        for name, seconds in times.items():
            ratio = median(second / first for second, first in zip(seconds, times["undulator"]))
            line = f"| {case[0]} to {case[1]} | {name} | {median(seconds):.3f} | {min(seconds):.3f} | {ratio:.2f} |"
            print(line, flush=True)


if __name__ == "__main__":
    main()
