#!/usr/bin/env python3
"""Crops the whole data to what the tests read: python tests/data/make.py WHOLE

WHOLE is a folder with battery/ and tooth/ at their full size. README.md tells where they come from.
"""

import shutil
import sys
from pathlib import Path

import tifffile

# Edge of the crop along y and x, in pixels about the centre. Even, as the whole edges are, so that the centre of each
# volume stays where it was and truth.json goes on holding.
CROPS = {
    "battery/laboratory.tif": 240,
    "battery/synchrotron.tif": 138,
    "tooth/all_181_views.tif": 384,
    "tooth/every_6th_view.tif": 384,
}
COPIES = ["battery/truth.json"]


def crop(whole, name, edge):
    stack = tifffile.imread(whole / name)
    top, left = ((n - edge) // 2 for n in stack.shape[1:])
    part = stack[:, top : top + edge, left : left + edge]
    # One directory and one strip a slice, no predictor: ImageJ opens that, too.
    with tifffile.TiffWriter(Path(__file__).parent / name) as file:
        for image in part:
            file.write(image, compression="zlib", compressionargs={"level": 9}, photometric="minisblack",
                       rowsperstrip=edge, metadata=None, software=False)


def main():
    whole = Path(sys.argv[1])
    for name, edge in CROPS.items():
        crop(whole, name, edge)
    for name in COPIES:
        shutil.copyfile(whole / name, Path(__file__).parent / name)


main()
