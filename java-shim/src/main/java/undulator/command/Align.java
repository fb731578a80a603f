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

/** Plugins &gt; Undulator &gt; Undulator Align...: brings the laboratory scan onto the synchrotron scan's grid. */
public final class Align extends Command {
    private static final String SUFFIX = "-aligned";

    /** For ImageJ. */
    public Align() {
        super("Undulator Align",
                "Finds how the moving stack lies in the reference and writes it on the reference's grid.\n"
                        + "Instead of a kind of transform, a saved transform file can be applied again.",
                Key.image("Moving", ""),
                Key.image("Reference", ""),
                Key.text("Transform (Similarity, Rigid, Affine, or a .json file)", "Similarity"),
                Key.choice("Metric", "NCC", "Mutual information"),
                Key.flag("Rotation (search all angles about z)"),
                Key.flag("Flip (search slices in reverse order, too)"),
                Key.flag("Drift (refine a slow shift along z)"),
                Key.text("Save transform as (.json, may stay empty)", ""));
    }

    @Override
    void run(Options options, Job job) {
        ImagePlus moving = OpenImages.find("moving", options.get("moving"));
        ImagePlus reference = OpenImages.find("reference", options.get("reference"));
        try (LockedImages locked = new LockedImages(moving, reference)) {
            NewStack result = new NewStack(moving.getTitle() + SUFFIX);
            Native.align(ImageSource.ofOneVolume(moving), ImageSource.ofOneVolume(reference), result.sink(),
                    options.forNative(), job);
            NewImage.onGridOf(moving, SUFFIX, reference, result).show();
        }
    }
}
