"""Reads a TIFF with tifffile.

Request: path. Answer: shape, ImageJ's metadata, and all values as floats.
"""
import json
import sys

import tifffile

with tifffile.TiffFile(json.loads(sys.argv[1])["path"]) as file:
    image = file.asarray()
    metadata = file.imagej_metadata or {}
    words = {key: value for key, value in metadata.items() if isinstance(value, (int, float, str))}
    print(json.dumps({"shape": image.shape, "imagej": words, "values": image.astype(float).ravel().tolist()}))
