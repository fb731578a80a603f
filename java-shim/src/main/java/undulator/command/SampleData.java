package undulator.command;

import undulator.Native;
import undulator.image.NewImage;
import undulator.image.NewStack;
import undulator.option.Key;
import undulator.option.Options;

/** Plugins &gt; Undulator &gt; Undulator Sample Data...: a laboratory and a synchrotron scan of one made-up sample. */
public final class SampleData extends Command {
    /** For ImageJ. */
    public SampleData() {
        super("Undulator Sample Data",
                "Simulates a laboratory and a synchrotron scan of the same battery cathode.",
                Key.whole("Width (voxels)", 128),
                Key.whole("Height (voxels)", 128),
                Key.whole("Slices", 40),
                Key.number("Voxel size (\u00B5m)", "0.6"),
                Key.whole("Seed", 1),
                Key.number("PSNR of laboratory to synchrotron (dB)", "12.8"),
                Key.flag("Misaligned (own voxel sizes, shifted and turned)"));
    }

    @Override
    void run(Options options, Job job) {
        NewStack laboratory = new NewStack("laboratory");
        NewStack synchrotron = new NewStack("synchrotron");
        Native.sampleData(laboratory.sink(), synchrotron.sink(), options.forNative(), job);
        NewImage.fresh("laboratory", laboratory).show();
        NewImage.fresh("synchrotron", synchrotron).show();
    }
}
