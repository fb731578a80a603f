package undulator.command;

import ij.ImagePlus;
import undulator.Native;
import undulator.image.ImageSource;
import undulator.image.LockedImages;
import undulator.image.NewImage;
import undulator.image.NewStack;
import undulator.image.OpenImages;
import undulator.option.Key;
import undulator.option.Options;

/** Plugins &gt; Undulator &gt; Undulator Resample...: brings a stack to isotropic voxels. */
public final class Resample extends Command {
    private static final String SUFFIX = "-resampled";

    /** For ImageJ. */
    public Resample() {
        super("Undulator Resample",
                "Brings a stack to cubic voxels. \"Anti-aliased\" keeps fine detail from\n"
                        + "turning into false structure where the voxels grow.",
                Key.image("Image", Key.ACTIVE),
                Key.number("Voxel size (in the image's unit)", "0.6"),
                Key.choice("Interpolation", "Linear", "Anti-aliased"),
                ResultFile.key());
    }

    @Override
    void run(Options options, Job job) {
        ImagePlus image = OpenImages.find("image", options.get("image"));
        try (LockedImages locked = new LockedImages(image)) {
            NewStack result = new NewStack(image.getTitle() + SUFFIX, image.getNChannels(), image.getNFrames()).orFile();
            ResultFile.refuseVolumes(options, image);
            for (int frame = 1; frame <= image.getNFrames(); frame++) {
                for (int channel = 1; channel <= image.getNChannels(); channel++) {
                    Native.resample(ImageSource.ofVolume(image, channel, frame), result.volume(channel, frame),
                            options.forNative(ResultFile.facts(image)), job);
                }
            }
            if (ResultFile.isNamed(options)) {
                double edge = Double.parseDouble(options.get("voxel"));
                result.open(ResultFile.path(options), null, edge, edge, edge);
            }
            NewImage.onNewGrid(image, SUFFIX, result).show();
        }
    }
}
