package undulator.command;

import ij.ImagePlus;
import java.util.Arrays;
import undulator.Native;
import undulator.image.ImageSource;
import undulator.image.LockedImages;
import undulator.image.OpenImages;
import undulator.option.Key;
import undulator.option.Options;
import undulator.training.Training;

/** Plugins &gt; Undulator &gt; Undulator Train...: teaches a network from a pair of stacks. */
public final class Train extends Command {
    private static final String HELP = "<html><h2>Undulator Train</h2>"
            + "<p><b>Preset.</b> <i>Paper</i> is the protocol of Kodama et al. (2023): 20 of 200 slices validate, 2000 "
            + "epochs, whole slices. Batch, rate and channels cannot be read in the paper: they stay as they are.</p>"
            + "<p><b>Network.</b> RED-Net has 3 to 7 layers, each next one at half the resolution; SRCNN has 3 or more "
            + "convolutions in sequence. <i>Residual</i> adds the input to the output.</p>"
            + "<p><b>Schedule.</b> The rate stays constant, falls along a cosine to a hundredth in the last epoch, or "
            + "is halved after ten epochs without a better one.</p>"
            + "<p><b>Validation.</b> The last slices of the stack are not trained on but scored after each epoch; the "
            + "model of the best one is saved.</p>"
            + "<p><b>Start.</b> A model of the same network whose weights to begin with, instead of random ones.</p>"
            + "<p><b>Checkpoint.</b> A file beside the model, named like it with <i>.checkpoint</i> at the end, holds "
            + "all that a training needs to go on. <i>Resume</i> goes on from it, and trains from the start where "
            + "there is none.</p>"
            + "<p><b>Credits.</b> The model file names them: authors as <i>Ada Byron (London); Grace Hopper</i>, and what "
            + "to cite besides the method as <i>Our sample 10.5281/zenodo.1</i>.</p>"
            + "<p><b>While it trains</b>, <i>Finish now</i> keeps the best model, <i>Cancel</i> writes none, and "
            + "Escape keeps the best one and ends the macro.</p></html>";

    /** For ImageJ. */
    public Train() {
        super("Undulator Train",
                "Teaches a network to turn the low-quality stack into the reference; both must lie on the same grid.",
                TrainingKeys.around(Arrays.asList(
                        Key.choice("Preset", "None", "Paper")
                                .preset("Paper", "validation", "20", "epochs", "2000", "patch", "0"),
                        Key.choice("Network", "RED-Net", "SRCNN").under("Network"),
                        Key.whole("Layers (RED-Net 3 to 7)", 6).beside(),
                        Key.choice("Activation", "PReLU", "ReLU"),
                        Key.whole("Channels", 32).beside(),
                        Key.flag("Residual (learn what to add to the input)")),
                        Arrays.asList(
                        Key.fileToSave("Model file (.zip)").under("Files"),
                        Key.fileToOpen("Start from a model (may stay empty)").optional(),
                        Key.number("Checkpoint every (minutes, 0 = when asked)", "10"),
                        Key.flag("Resume (go on from the checkpoint beside the model file)"))));
    }

    @Override
    String help() {
        return HELP;
    }

    @Override
    void run(Options options, Job job) {
        ImagePlus low = OpenImages.find("low", options.get("low"));
        ImagePlus reference = OpenImages.find("reference", options.get("reference"));
        try (LockedImages locked = new LockedImages(low, reference)) {
            ImageSource input = ImageSource.ofOneVolume(low);
            ImageSource target = ImageSource.ofOneVolume(reference);
            Training.run(job, options.get("model"), low.getTitle(), reference.getTitle(),
                    monitor -> Native.train(input, target, options.forNative(), monitor));
        }
    }
}
