"""Writes one small image in many kinds of TIFF.

Request: folder. Answer: for each file its name, channels, slices, frames, type, voxel size and unit as they should be
read, and for those that should be refused what the message should contain. The grey value at (x, y) of channel c, slice z
and frame t is (7 x + 13 y + 31 z + 101 c + 57 t) % 251, times `scale` plus `offset`.
"""
import json
import os
import shutil
import sys

import numpy
import tifffile
from PIL import Image

WIDTH, HEIGHT, SLICES = 37, 21, 5
PLAIN = {"channels": 1, "slices": SLICES, "frames": 1, "scale": 1, "offset": 0, "voxel": [1, 1, 1], "unit": "pixel"}


def image(dtype, channels=1, frames=1, scale=1, offset=0):
    """Grey values with the axes TZCYX."""
    t, z, c, y, x = numpy.indices((frames, SLICES, channels, HEIGHT, WIDTH))
    grey = (7 * x + 13 * y + 31 * z + 101 * c + 57 * t) % 251
    return (grey * scale + offset).astype(dtype)


def stack(dtype, **how):
    return image(dtype, **how)[0, :, 0]


class Variants:
    def __init__(self, folder):
        self.folder = folder
        self.written = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def note(self, name, grey, **expected):
        self.written.append({**PLAIN, "file": name, "grey": grey, **expected})

    def write(self, name, grey, data, how, **expected):
        tifffile.imwrite(self.path(name), data, **how)
        self.note(name, grey, **expected)

    def refuse(self, name, data, message, **how):
        tifffile.imwrite(self.path(name), data, **how)
        self.written.append({"file": name, "refused": message})

    def pages(self):
        grey = {"photometric": "minisblack"}
        self.write("pages-8.tif", 8, stack("u1"), grey)
        self.write("pages-16-motorola.tif", 16, stack("u2", scale=200), {**grey, "byteorder": ">"}, scale=200)
        self.write("pages-32-big.tif", 32, stack("f4", scale=0.5, offset=-3), {**grey, "bigtiff": True}, scale=0.5, offset=-3)
        self.write("pages-big-motorola.tif", 16, stack("u2"), {**grey, "bigtiff": True, "byteorder": ">"})
        self.write("signed-16.tif", 16, stack("i2", scale=100, offset=-9000), grey, scale=100, offset=-9000)
        self.write("signed-8.tif", 32, stack("i1", offset=-125), grey, offset=-125)
        self.write("strips.tif", 16, stack("u2"), {**grey, "rowsperstrip": 4})
        self.write("one-slice.tif", 8, stack("u1")[0], grey, slices=1)
        centimetres = {**grey, "resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}
        self.write("centimetres.tif", 8, stack("u1"), centimetres, voxel=[0.5, 0.5, 1], unit="µm")

    def compressed(self):
        tiles = {"photometric": "minisblack", "tile": (16, 16)}
        self.write("tiles.tif", 16, stack("u2"), tiles)
        self.write("tiles-deflate.tif", 16, stack("u2"), {**tiles, "compression": "zlib"})
        self.write("tiles-deflate-signed.tif", 16, stack("i2", offset=-100), {**tiles, "compression": "zlib"}, offset=-100)
        deflate = {"photometric": "minisblack", "compression": "zlib", "rowsperstrip": 6}
        self.write("deflate-32-motorola.tif", 32, stack("f4", scale=0.25), {**deflate, "byteorder": ">"}, scale=0.25)
        self.write("deflate-predictor.tif", 16, stack("u2"), {**deflate, "predictor": 2})
        self.write("deflate-big.tif", 8, stack("u1"), {**deflate, "bigtiff": True})
        slices = [Image.fromarray(slice) for slice in stack("u1")]
        for name in ("lzw", "packbits"):
            slices[0].save(self.path(name + ".tif"), save_all=True, append_images=slices[1:], compression="tiff_" + name)
            self.note(name + ".tif", 8)

    def imagej(self):
        calibrated = {"imagej": True, "resolution": (1 / 0.6, 1 / 0.3)}
        metadata = {"spacing": 0.7, "unit": "um"}
        known = {"voxel": [0.6, 0.3, 0.7], "unit": "µm"}
        self.write("imagej.tif", 8, stack("u1"), {**calibrated, "metadata": {**metadata, "axes": "ZYX"}}, **known)
        line = {**metadata, "axes": "ZYX", "cf": 0, "c0": -1000.0, "c1": 0.5, "vunit": "HU"}
        self.write("imagej-hounsfield.tif", 16, stack("u2"), {**calibrated, "metadata": line}, scale=0.5, offset=-1000, **known)
        # Without axes tifffile takes slices for channels.
        self.write("imagej-no-axes.tif", 8, stack("u1"), {"imagej": True}, channels=SLICES, slices=1, no_axes=True)
        nanometres = {"imagej": True, "resolution": (1 / 600, 1 / 600), "metadata": {"axes": "ZYX", "spacing": 600, "unit": "nm"}}
        self.write("imagej-nanometres.tif", 8, stack("u1"), nanometres, voxel=[0.6, 0.6, 0.6], unit="nm")
        hyperstack = {**calibrated, "metadata": {**metadata, "axes": "TZCYX"}}
        two = {**known, "channels": 2, "frames": 3}
        self.write("imagej-hyperstack.tif", 16, image("u2", channels=2, frames=3), hyperstack, **two)
        packed = {**hyperstack, "compression": "zlib"}
        self.write("imagej-hyperstack-deflate.tif", 16, image("u2", channels=2, frames=3), packed, **two)
        with tifffile.TiffWriter(self.path("imagej-contiguous.tif"), imagej=True) as file:
            file.write(image("f4", channels=2), metadata={"axes": "TZCYX"}, truncate=True)
        with tifffile.TiffFile(self.path("imagej-contiguous.tif")) as file:
            assert len(file.pages) == 1
        self.note("imagej-contiguous.tif", 32, channels=2)
        with open(self.path("imagej-contiguous.tif"), "rb") as file:
            whole = file.read()
        with open(self.path("imagej-cut-off.tif"), "wb") as file:
            file.write(whole[:-100])
        self.written.append({"file": "imagej-cut-off.tif", "refused": "ends before the end of its 10 slices"})

    def ome(self):
        sizes = {"PhysicalSizeX": 0.6, "PhysicalSizeY": 600, "PhysicalSizeYUnit": "nm", "PhysicalSizeZ": 0.7}
        known = {"voxel": [0.6, 0.6, 0.7], "unit": "µm"}
        for name, axes, how in [
            ("ome", "TZCYX", {}),
            ("ome-other-order", "TCZYX", {"tile": (16, 16), "compression": "zlib"}),
            ("ome-big", "CTZYX", {"bigtiff": True}),
        ]:
            data = image("u2", channels=2, frames=3)
            data = numpy.transpose(data, ["TZCYX".index(axis) for axis in axes])
            how = {**how, "photometric": "minisblack", "metadata": {**sizes, "axes": axes}, "ome": True}
            self.write(name + ".ome.tif", 16, data, how, channels=2, frames=3, **known)
        with tifffile.TiffWriter(self.path("two-images.ome.tif"), ome=True) as file:
            for _ in range(2):
                file.write(stack("u1"), photometric="minisblack", metadata={"axes": "ZYX"})
        self.written.append({"file": "two-images.ome.tif", "refused": "several images"})
        shutil.copy(self.path("ome.ome.tif"), self.path("renamed.tif"))
        self.note("renamed.tif", 16, channels=2, frames=3, **known)

    def refused(self):
        self.refuse("rgb.tif", numpy.zeros((8, 8, 3), "u1"), "RGB", photometric="rgb")
        self.refuse("white-is-zero.tif", stack("u1"), "zero is white", photometric="miniswhite")
        self.refuse("whole-32.tif", stack("u4"), "32-bit integers", photometric="minisblack")
        self.refuse("floats-64.tif", stack("f8"), "64-bit floats", photometric="minisblack")
        Image.fromarray(stack("u1")[0]).convert("P").save(self.path("palette.tif"))
        self.written.append({"file": "palette.tif", "refused": "palette"})
        Image.fromarray(stack("u1")[0]).save(self.path("jpeg.tif"), compression="jpeg")
        self.written.append({"file": "jpeg.tif", "refused": "compressed with JPEG"})
        with tifffile.TiffWriter(self.path("mixed.tif")) as file:
            file.write(stack("u1")[0], photometric="minisblack")
            file.write(stack("u2")[0, :9, :9], photometric="minisblack")
        self.written.append({"file": "mixed.tif", "refused": "page 2 is 9×9"})
        with open(self.path("text.tif"), "w") as file:
            file.write("no image, but a text that is long enough")
        self.written.append({"file": "text.tif", "refused": "not a TIFF"})


variants = Variants(json.loads(sys.argv[1])["folder"])
for kind in (variants.pages, variants.compressed, variants.imagej, variants.ome, variants.refused):
    kind()
print(json.dumps(variants.written))
