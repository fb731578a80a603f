// From a pair of scans to a restored stack, in the macro language: simulate, train, apply, measure.
// whole-path.groovy and whole-path.py do the same.

model = getDirectory("temp") + "whole-path.zip";
run("Undulator Sample Data...", "width=64 height=64 slices=24 seed=3");
run("Undulator Train...", "low=laboratory reference=synchrotron layers=3 channels=8 epochs=40 residual validation=5 "
    + "device=cpu model=[" + model + "]");
run("Undulator Apply...", "image=laboratory model=[" + model + "] device=cpu");

print("before: " + d2s(psnr("laboratory"), 6) + " dB");
print("after: " + d2s(psnr("laboratory-restored"), 6) + " dB");

function psnr(title) {
    run("Clear Results");
    run("Undulator Measure...", "test=[" + title + "] reference=synchrotron windowed");
    return getResult("PSNR", 0);
}
