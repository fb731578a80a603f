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
    private static final String MATCHED = "-matched";
    private static final String OVERLAY = "-overlay";
    private static final String RED_GREEN = "Red-green";

    /** For ImageJ. */
    public Align() {
        super("Undulator Align",
                "Finds how the moving stack lies in the reference and writes it on the reference's grid.\n"
                        + "Instead of a kind of transform, a saved transform file can be applied again.",
                Key.image("Moving", ""),
                Key.image("Reference", ""),
                Key.text("Transform (Similarity, Rigid, Affine, or a .json file)", "Similarity"),
                Key.choice("Metric", "NCC", "Mutual information"),
                Key.flag("Rotation (search all angles about z)").under("Where to look"),
                Key.flag("Flip (search slices in reverse order, too)"),
                Key.flag("Drift (refine a slow shift along z)"),
                Key.flag("Air (look at large dark regions, too)"),
                Key.fileToOpen("Start (.json, instead of searching)").optional(),
                Key.number("Voxel size (0 = the reference's grid)", "0").under("What to write"),
                Key.flag("Crop (to what both show)"),
                Key.choice("Overlay", "None", "Checkerboard", RED_GREEN),
                Key.fileToSave("Save transform as (.json)").optional());
    }

    @Override
    void run(Options options, Job job) {
        ImagePlus moving = OpenImages.find("moving", options.get("moving"));
        ImagePlus reference = OpenImages.find("reference", options.get("reference"));
        try (LockedImages locked = new LockedImages(moving, reference)) {
            NewStack result = new NewStack(moving.getTitle() + SUFFIX);
            // On another grid than the reference's the pair needs the reference there, too.
            boolean otherGrid = options.get("crop").equals("true") || Double.parseDouble(options.get("voxel")) != 0;
            NewStack matched = otherGrid ? new NewStack(reference.getTitle() + MATCHED) : null;
            double[] corner = Native.align(ImageSource.ofOneVolume(moving), ImageSource.ofOneVolume(reference),
                    result.sink(), otherGrid ? matched.sink() : null, options.forNative(), job);
            ImagePlus aligned = NewImage.onGridIn(moving, SUFFIX, reference, corner, result);
            ImagePlus beside = otherGrid ? NewImage.onGridIn(reference, MATCHED, reference, corner, matched) : reference;
            ImagePlus overlay = overlay(aligned, beside, options, job);
            if (otherGrid) {
                beside.show();
            }
            if (overlay != null) {
                overlay.show();
            }
            aligned.show();
        }
    }

    /** Both in one image, or null if none is wanted. */
    private static ImagePlus overlay(ImagePlus aligned, ImagePlus reference, Options options, Job job) {
        String kind = options.get("overlay");
        if (kind.equals("None")) {
            return null;
        }
        boolean colours = kind.equals(RED_GREEN);
        NewStack drawn = new NewStack(aligned.getTitle() + OVERLAY, colours ? 2 : 1, 1);
        Native.overlay(ImageSource.ofOneVolume(aligned), ImageSource.ofOneVolume(reference), drawn.volume(1, 1),
                drawn.volume(colours ? 2 : 1, 1), options.forNative(), job);
        return NewImage.over(aligned, OVERLAY, drawn);
    }
}
