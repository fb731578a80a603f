# From a pair of scans to a restored stack, in Jython: simulate, train, apply, measure. No image needs a window.
# whole-path.ijm and whole-path.groovy do the same.
from ij import IJ
from undulator import Undulator

pair = Undulator.sampleData({"width": 64, "height": 64, "slices": 24, "seed": 3})
laboratory, synchrotron = pair.image("laboratory"), pair.image("synchrotron")

model = Undulator.train(laboratory, synchrotron, {"layers": 3, "channels": 8, "epochs": 40,
    "residual": True, "validation": 5, "device": "cpu", "model": IJ.getDirectory("temp") + "whole-path.zip"})
restored = Undulator.apply(laboratory, model, {"device": "cpu"})

print("before: %.6f dB" % Undulator.measure(laboratory, synchrotron, {"windowed": True}).psnr())
print("after: %.6f dB" % Undulator.measure(restored, synchrotron, {"windowed": True}).psnr())
