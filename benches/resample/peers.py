"""What resampling is compared with: each program in a process of its own that waits for its turn.

A process answers lines `FROM TO RUNS`, edges of cubic voxels, with the seconds of its runs on 512×512×200 voxels of 16
bits; `main.rs` does so for this project, `ImageJScale.java` for ImageJ. `python peers.py NAME` is such a process.
"""

import os
import sys
import time

import numpy

SHAPE = (200, 512, 512)  # z, y, x


def new_shape(scale):
    return tuple(max(1, int(length * scale + 1e-6)) for length in SHAPE)


def scipy_affine(stack, scale):
    from scipy import ndimage

    # Voxel centres as this project has them, so that the work and the result are the same.
    offset = 0.5 / scale - 0.5
    return ndimage.affine_transform(
        stack, [1 / scale] * 3, offset=offset, output_shape=new_shape(scale), order=1, mode="nearest"
    )


def scipy_zoom(stack, scale):
    from scipy import ndimage

    return ndimage.zoom(stack, scale, order=1, mode="nearest", grid_mode=True)


class SimpleItk:
    """The stack is ITK's own image, made once: others do not convert either."""

    def __init__(self):
        import SimpleITK

        self.itk, self.image = SimpleITK, None
        SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(len(os.sched_getaffinity(0)))

    def __call__(self, stack, scale):
        itk = self.itk
        if self.image is None:
            self.image = itk.GetImageFromArray(stack)
        size = new_shape(scale)[::-1]
        origin = [0.5 / scale - 0.5] * 3
        return itk.Resample(
            self.image, size, itk.Transform(), itk.sitkLinear, origin, [1 / scale] * 3,
            self.image.GetDirection(), 0.0, itk.sitkUInt16, True,
        )


def main():
    resample = {"affine_transform": scipy_affine, "zoom": scipy_zoom, "simpleitk": None}[sys.argv[1]] or SimpleItk()
    stack = numpy.random.default_rng(1).integers(0, 65536, SHAPE, dtype=numpy.uint16)
    for line in sys.stdin:
        from_edge, to_edge, runs = map(float, line.split())
        seconds = []
        for _ in range(int(runs)):
            start = time.perf_counter()
            resample(stack, from_edge / to_edge)
            seconds.append(time.perf_counter() - start)
        print(*(f"{second:.6f}" for second in seconds), flush=True)


if __name__ == "__main__":
    main()
