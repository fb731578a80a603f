package undulator.command;

import ij.ImagePlus;
import undulator.Native;
import undulator.image.ImageSource;
import undulator.image.LockedImages;
import undulator.image.OpenImages;
import undulator.option.Key;
import undulator.option.Options;

/** Plugins &gt; Undulator &gt; Undulator Train...: teaches a network from a pair of stacks. */
public final class Train extends Command {
    /** For ImageJ. */
    public Train() {
        super("Undulator Train",
                "Teaches a network to turn the low-quality stack into the reference.\n"
                        + "Both must lie on the same grid. Escape stops and keeps the best model so far.",
                Key.image("Low quality (laboratory)", ""),
                Key.image("Reference (synchrotron)", ""),
                Key.choice("Network", "RED-Net"),
                Key.whole("Layers (3 to 7)", 6).beside(),
                Key.choice("Activation", "PReLU", "ReLU"),
                Key.whole("Channels", 32).beside(),
                Key.whole("Epochs", 100),
                Key.whole("Batch (slices a step)", 4).beside(),
                Key.whole("Patch (voxels, 0 = whole slices)", 0),
                Key.number("Rate of learning", "0.001").beside(),
                Key.choice("Loss", "MSE", "L1", "Charbonnier"),
                Key.whole("Validation (slices)", 10).beside(),
                Key.flag("Augment (flips and quarter turns)"),
                Key.flag("Residual (learn what to add to the input)"),
                Key.whole("Seed", 1),
                Key.text("Device (auto, cpu, cuda)", "auto").beside(),
                Key.fileToSave("Model file (.zip)"),
                Key.flag("Resume (go on from the model file)"));
    }

    @Override
    void run(Options options, Job job) {
        ImagePlus low = OpenImages.find("low", options.get("low"));
        ImagePlus reference = OpenImages.find("reference", options.get("reference"));
        try (LockedImages locked = new LockedImages(low, reference)) {
            Native.train(ImageSource.ofOneVolume(low), ImageSource.ofOneVolume(reference), options.forNative(), job);
        }
    }
}
