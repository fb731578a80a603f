// The whole path of Undulator on simulated data: make a pair of scans, resample, train, restore, and show the gain.
// The argument is the folder for the model and the picture; without one they go to ImageJ's folder for temporary files.

slices = 40;
learnt = 32; // the network never sees the slices after this one, nor the gap before the next line's
first = 35;

folder = getArgument();
if (folder == "") folder = getDirectory("temp");
model = folder + "demo-model.zip";
setBatchMode(true);

run("Undulator Sample Data...", "width=128 height=128 slices=" + slices + " voxel=0.6 seed=1 psnr=12.8");
run("Undulator Resample...", "image=laboratory voxel=0.6 interpolation=Linear");
run("Undulator Resample...", "image=synchrotron voxel=0.6 interpolation=Linear");

part("laboratory-resampled", 1, learnt, "low");
part("synchrotron-resampled", 1, learnt, "reference");
run("Undulator Train...", "low=low reference=reference layers=4 activation=PReLU channels=32 epochs=250 "
    + "batch=4 rate=0.002 validation=4 augment residual seed=1 device=cpu model=[" + model + "]");

part("laboratory-resampled", first, slices, "laboratory held back");
part("synchrotron-resampled", first, slices, "synchrotron held back");
run("Clear Results");
run("Undulator Apply...", "image=[laboratory held back] model=[" + model + "] "
    + "reference=[synchrotron held back] device=cpu");

raw = getResult("Raw PSNR", 0);
matched = getResult("Matched PSNR", 0);
filtered = getResult("Filtered PSNR", 0);
network = getResult("PSNR", 0);
print("Slices " + first + "-" + slices + ", which the network never saw, PSNR to the synchrotron scan:");
print("  laboratory scan as it is          " + d2s(raw, 1) + " dB");
print("  grey values matched               " + d2s(matched, 1) + " dB");
print("  Gaussian filter, then matched     " + d2s(filtered, 1) + " dB");
print("  RED-Net                           " + d2s(network, 1) + " dB, a gain of " + d2s(network - raw, 1) + " dB");

newImage("side by side", "RGB white", 3 * 272 - 16, 256 + 48, 1);
panel("laboratory held back", 0, "Laboratory", d2s(raw, 1) + " dB");
panel("laboratory held back-restored", 1, "Restored by RED-Net", d2s(network, 1) + " dB");
panel("synchrotron held back", 2, "Synchrotron", "the reference");
selectImage("side by side");
saveAs("PNG", folder + "undulator-demo.png");
print("Picture: " + folder + "undulator-demo.png");

// Copies some slices of a stack.
function part(title, from, to, name) {
    selectImage(title);
    run("Duplicate...", "title=[" + name + "] duplicate range=" + from + "-" + to);
}

// Draws the middle slice of a stack, twice its size, and two lines of text below it.
function panel(title, column, name, score) {
    x = column * 272;
    selectImage(title);
    setSlice(1 + floor(nSlices / 2));
    run("Duplicate...", "title=panel");
    run("RGB Color");
    run("Scale...", "x=2 y=2 width=256 height=256 interpolation=None create title=enlarged");
    run("Copy");
    close();
    close("panel");
    selectImage("side by side");
    makeRectangle(x, 0, 256, 256);
    run("Paste");
    run("Select None");
    setColor(0, 0, 0);
    setFont("SansSerif", 16, "antialiased");
    drawString(name, x + 4, 278);
    drawString(score, x + 4, 300);
}
