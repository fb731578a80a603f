// From a pair of scans to a restored stack, in Groovy: simulate, train, apply, measure. No image needs a window.
// whole-path.ijm and whole-path.py do the same.
import ij.IJ
import undulator.Undulator

def pair = Undulator.sampleData([width: 64, height: 64, slices: 24, seed: 3])
def laboratory = pair.image("laboratory")
def synchrotron = pair.image("synchrotron")

def model = Undulator.train(laboratory, synchrotron, [layers: 3, channels: 8, epochs: 40, residual: true,
    validation: 5, device: "cpu", model: IJ.getDirectory("temp") + "whole-path.zip"])
def restored = Undulator.apply(laboratory, model, [device: "cpu"])

println String.format(Locale.ROOT, "before: %.6f dB", Undulator.measure(laboratory, synchrotron, [windowed: true]).psnr())
println String.format(Locale.ROOT, "after: %.6f dB", Undulator.measure(restored, synchrotron, [windowed: true]).psnr())
