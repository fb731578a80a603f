"""Reads a TIFF with tifffile.

Request: path, and slices, numbers of slices to read. Answer: shape, dtype, byte offset of the first slice, ImageJ's
metadata, resolution, and the values of those slices.
"""
import json
import sys

import tifffile


def read(path, slices):
    with tifffile.TiffFile(path) as file:
        page, series = file.pages[0], file.series[0]
        stack = tifffile.memmap(path, mode="r")
        stack = stack.reshape(-1, page.imagelength, page.imagewidth)
        return {
            "pages": len(file.pages),
            "shape": list(series.shape),
            "dtype": str(series.dtype),
            "axes": series.axes,
            "offset": series.dataoffset,
            "imagej": {key: value for key, value in file.imagej_metadata.items() if isinstance(value, (int, float, str))},
            "resolution": [list(page.tags[name].value) for name in ("XResolution", "YResolution")],
            "slices": [stack[slice].ravel().tolist() for slice in slices],
        }


request = json.loads(sys.argv[1])
print(json.dumps(read(request["path"], request["slices"])))
