package undulator.command;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import undulator.option.Key;

/** The options that training one network and training several have in common. */
final class TrainingKeys {
    /** Those that the library knows. */
    static final String[] LICENCES = {"CC-BY-4.0", "CC0-1.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "MIT", "BSD-3-Clause",
        "Apache-2.0", "GPL-3.0-or-later"};

    private static final List<Key> PAIR = Arrays.asList(
            Key.image("Low quality (laboratory)", ""),
            Key.image("Reference (synchrotron)", ""));

    private static final List<Key> TRAINING = Arrays.asList(
            Key.whole("Epochs", 100).under("Training"),
            Key.whole("Batch (slices a step)", 4).beside(),
            Key.whole("Patch (voxels, 0 = whole slices)", 0),
            Key.number("Rate of learning", "0.001").beside(),
            Key.choice("Schedule of the rate", "Constant", "Cosine", "Plateau"),
            Key.choice("Loss", "MSE", "L1", "Charbonnier", "SSIM+L1").beside(),
            Key.whole("Validation (slices)", 10),
            Key.whole("Seed", 1).beside(),
            Key.text("Device (auto, cpu, cuda)", "auto"),
            precision().beside(),
            Key.flag("Augment (flips and quarter turns)"));

    private static final List<Key> CREDITS = Arrays.asList(
            Key.line("Authors as Name (Institute); ...", "").lasting().under("Credits in the model file"),
            Key.choice("Licence", LICENCES).lasting(),
            Key.line("Cite as Title DOI; ...", "").lasting());

    private TrainingKeys() {
    }

    /** How exactly a GPU computes. */
    static Key precision() {
        return Key.choice("Precision on a GPU", "auto", "TF32", "float32");
    }

    /** All options in the dialog's order: the pair, what is trained, how, the files, and the credits. */
    static Key[] around(List<Key> networks, List<Key> files) {
        List<Key> keys = new ArrayList<>(PAIR);
        keys.addAll(networks);
        keys.addAll(TRAINING);
        keys.addAll(files);
        keys.addAll(CREDITS);
        return keys.toArray(new Key[0]);
    }
}
