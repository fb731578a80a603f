// Trains the model that comes with the plugin, sample-cathode, on another simulated sample than the one that
// Undulator Sample Data... makes by default. The argument is the folder for the model file.

folder = getArgument();
if (folder == "") folder = getDirectory("Choose a folder for the model");
setBatchMode(true);

run("Undulator Sample Data...", "width=128 height=128 slices=48 voxel=0.6 seed=2 psnr=12.8");
run("Undulator Train...", "low=laboratory reference=synchrotron layers=4 activation=PReLU channels=16 epochs=300 "
    + "batch=4 rate=0.002 schedule=Cosine validation=8 augment residual seed=1 device=cpu "
    + "authors=[Undulator's authors] licence=CC0-1.0 model=[" + folder + "sample-cathode.zip]");
