"""Resampling 512×512×200 voxels of 16 bits: this project, scipy, SimpleITK and ImageJ in turn, and the memory's own copy.

    cargo bench --bench resample --no-run --message-format short    # names the program
    python benches/resample/compare.py PROGRAM IMAGEJ_JAR [ROUNDS]

Needs numpy, scipy and SimpleITK (requirements.txt beside this file), and java on the path.
"""

import pathlib
import sys
from statistics import median

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from process import Process  # noqa: E402

# Edges of voxels, and how often each program runs when its turn comes. The first run warms up and does not count.
CASES = [(0.5, 0.6, 4), (0.31, 0.6, 8), (1.0, 0.6, 2)]


def main():
    program, imagej = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    script = [sys.executable, str(HERE / "peers.py")]
    own = Process("undulator", [program])
    java = ["java", "-Djava.awt.headless=true", "-Xmx8g", "-cp", imagej, str(HERE / "ImageJScale.java")]
    peers = [Process(f"scipy {name}", [*script, name]) for name in ("affine_transform", "zoom")]
    peers += [Process("SimpleITK", [*script, "simpleitk"]), Process("ImageJ Scale", java)]
    print("| voxels, from to | program | median, s | fastest, s | times as long as undulator |")
    print("| --- | --- | --- | --- | --- |")
    for before, after, runs in CASES:
        times = {name: [] for name in ["undulator", "memory copy", *(peer.name for peer in peers)]}
        for _ in range(rounds):
            times["undulator"].append(own.ask(before, after, runs)[1:])
            times["memory copy"].append(own.ask("copy", runs)[1:])
            for peer in peers:
                times[peer.name].append(peer.ask(before, after, runs)[1:])
        for name, turns in times.items():
            ratio = median(median(turn) / median(first) for turn, first in zip(turns, times["undulator"]))
            seconds = [second for turn in turns for second in turn]
            line = f"| {before} to {after} | {name} | {median(seconds):.3f} | {min(seconds):.3f} | {ratio:.2f} |"
            print(line, flush=True)


if __name__ == "__main__":
    main()
