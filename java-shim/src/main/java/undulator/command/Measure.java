package undulator.command;

import ij.ImagePlus;
import undulator.Native;
import undulator.image.ImageSource;
import undulator.image.LockedImages;
import undulator.image.OpenImages;
import undulator.option.Key;
import undulator.option.Options;

/** Plugins &gt; Undulator &gt; Undulator Measure...: how near one stack is to another. */
public final class Measure extends Command {
    /** For ImageJ. */
    public Measure() {
        super("Undulator Measure",
                "Compares two stacks on the same grid: PSNR and SSIM, for the stack and for each slice.",
                Key.image("Test", ""),
                Key.image("Reference", ""),
                Key.flag("Windowed (stretch each to its 0.3-99.7 percentiles in 8 bits first)"));
    }

    @Override
    void run(Options options, Job job) {
        ImagePlus test = OpenImages.find("test", options.get("test"));
        ImagePlus reference = OpenImages.find("reference", options.get("reference"));
        try (LockedImages locked = new LockedImages(test, reference)) {
            Native.measure(ImageSource.ofOneVolume(test), ImageSource.ofOneVolume(reference), options.forNative(),
                    job);
        }
    }
}
