"""Resamples a stack with scipy (linear) or Pillow (anti-aliased), on Undulator's grid.

Request: a list of objects with input and output (raw float32 files), shape (z, y, x), dtype, voxel (z, y, x), new and
interpolation. Answer: a list of the new shapes.
"""
import json
import math
import sys

import numpy as np
from PIL import Image
from scipy import ndimage


def linear(stack, ratios, shape):
    offsets = [0.5 * ratio - 0.5 for ratio in ratios]
    return ndimage.affine_transform(stack, ratios, offsets, output_shape=shape, order=1, mode="nearest")


def anti_aliased(stack, ratios, shape):
    dtype, out = stack.dtype, stack.astype(np.float32)
    for axis, (ratio, count) in enumerate(zip(ratios, shape)):
        rows = np.moveaxis(out, axis, 0)
        image = Image.fromarray(np.ascontiguousarray(rows.reshape(rows.shape[0], -1)))
        box = (0, 0, image.width, min(count * ratio, image.height))
        image = image.resize((image.width, count), Image.Resampling.BILINEAR, box=box)
        out = np.moveaxis(np.asarray(image).reshape(count, *rows.shape[1:]), 0, axis)
    return out if dtype == np.float32 else np.floor(out + 0.5)


def resample(case):
    stack = np.fromfile(case["input"], "<f4").reshape(case["shape"]).astype(case["dtype"])
    ratios = [case["new"] / edge for edge in case["voxel"]]
    shape = [max(1, math.floor(n / ratio + 1e-6)) for n, ratio in zip(stack.shape, ratios)]
    how = {"Linear": linear, "Anti-aliased": anti_aliased}[case["interpolation"]]
    how(stack, ratios, shape).astype("<f4").tofile(case["output"])
    return shape


print(json.dumps([resample(case) for case in json.loads(sys.argv[1])]))
