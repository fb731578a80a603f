package undulator.command;

import ij.ImagePlus;
import undulator.Native;
import undulator.image.ImageSource;
import undulator.image.LockedImages;
import undulator.image.NewImage;
import undulator.image.NewStack;
import undulator.image.OpenImages;
import undulator.model.ModelFolder;
import undulator.option.Key;
import undulator.option.Options;

/** Plugins &gt; Undulator &gt; Undulator Apply...: restores a stack with a trained model. */
public final class Apply extends Command {
    private static final String SUFFIX = "-restored";

    /** For ImageJ. */
    public Apply() {
        super("Undulator Apply",
                "Restores a stack with a trained model. With a reference, the result is scored against it.",
                Key.image("Image", Key.ACTIVE),
                Key.model("Model file (.zip) or name"),
                Key.image("Reference (to score the result)", Key.NONE),
                Key.text("Device (auto, cpu, cuda)", "auto"),
                TrainingKeys.precision().beside(),
                Key.flag("Force (a model that fails its own test)"),
                ResultFile.key());
    }

    @Override
    void run(Options options, Job job) {
        ImagePlus image = OpenImages.find("image", options.get("image"));
        ImagePlus reference = OpenImages.find("reference", options.get("reference"));
        try (LockedImages locked = new LockedImages(image, reference)) {
            NewStack result = new NewStack(image.getTitle() + SUFFIX).orFile();
            Native.apply(ImageSource.ofAll(image), ImageSource.ofAll(reference), result.sink(),
                    options.with("model", ModelFolder.find(options.get("model")))
                            .forNative(ResultFile.facts(image)),
                    job);
            if (ResultFile.isNamed(options)) {
                result.open(ResultFile.path(options), ResultFile.labels(image), ImageSource.ofAll(image).voxel());
            }
            NewImage.onSameGrid(image, SUFFIX, result).show();
        }
    }
}
