package undulator.command;

import ij.IJ;
import ij.ImagePlus;
import java.io.File;
import java.util.Arrays;
import undulator.CommandException;
import undulator.Native;
import undulator.image.ImageSource;
import undulator.image.LockedImages;
import undulator.image.OpenImages;
import undulator.option.Key;
import undulator.option.Options;
import undulator.training.Training;

/** Plugins &gt; Undulator &gt; Undulator Compare Networks...: the paper's table on the user's own pair. */
public final class CompareNetworks extends Command {
    private static final String HELP = "<html><h2>Undulator Compare Networks</h2>"
            + "<p>Every network is trained on the same slices with the same options and the same seed: RED-Net with each "
            + "number of layers and each activation, and SRCNN with 3 to 6 layers, ReLU and twice as many channels.</p>"
            + "<p>The folder then holds a model for each, <i>comparison.csv</i>, and a figure as PNG and SVG, with the "
            + "paper's points beside. Stopped at any time, it goes on where it was when it is started again with the "
            + "same options and folder.</p></html>";

    /** For ImageJ. */
    public CompareNetworks() {
        super("Undulator Compare Networks",
                "Trains several networks on one pair and compares them; both stacks must lie on the same grid.",
                TrainingKeys.around(Arrays.asList(
                        Key.text("Layers of RED-Net", "3-7").under("Networks"),
                        Key.text("Activations", "ReLU,PReLU").beside(),
                        Key.whole("Channels", 32),
                        Key.flag("Srcnn (compare SRCNN too)").beside(),
                        Key.flag("Residual (learn what to add to the input)")),
                        Arrays.asList(
                        Key.folder("Folder for models and table").under("Files"))));
    }

    @Override
    String help() {
        return HELP;
    }

    @Override
    void run(Options options, Job job) {
        ImagePlus low = OpenImages.find("low", options.get("low"));
        ImagePlus reference = OpenImages.find("reference", options.get("reference"));
        String[] figure = new String[1];
        try (LockedImages locked = new LockedImages(low, reference)) {
            ImageSource input = ImageSource.ofOneVolume(low);
            ImageSource target = ImageSource.ofOneVolume(reference);
            Training.runSeveral(job, "comparison", low.getTitle(), reference.getTitle(), monitor -> {
                figure[0] = Native.compare(input, target, options.forNative(), monitor);
                return "finished: table and figure are in " + new File(figure[0]).getParent();
            });
        }
        show(figure[0]);
    }

    private static void show(String figure) {
        ImagePlus image = IJ.openImage(figure);
        if (image == null) {
            throw new CommandException("The figure " + figure + " cannot be opened; it should have just been written");
        }
        image.show();
    }
}
