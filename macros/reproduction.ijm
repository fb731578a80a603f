// The paper's comparison of networks, scaled down to a simulated pair: every row of its table, and the figure.
// The argument is the folder for the models, comparison.csv and the figure. Stopped, it goes on where it was.

folder = getArgument();
if (folder == "") folder = getDirectory("Choose a folder for the comparison");
setBatchMode(true);

run("Undulator Sample Data...", "width=128 height=128 slices=40 voxel=0.6 seed=1 psnr=12.8");
run("Undulator Compare Networks...", "low=laboratory reference=synchrotron layers=3-7 activations=ReLU,PReLU srcnn "
    + "channels=16 epochs=100 batch=4 rate=0.001 validation=8 augment seed=1 device=auto folder=[" + folder + "]");

for (row = 0; row < nResults; row++) {
    print(getResultString("Network", row) + " " + getResult("Layers", row) + " " + getResultString("Activation", row) + ": "
        + d2s(getResult("PSNR", row), 2) + " dB, in the paper " + getResultString("Paper PSNR", row));
}
