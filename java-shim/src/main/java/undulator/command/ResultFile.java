package undulator.command;

import ij.ImagePlus;
import ij.ImageStack;
import undulator.CommandException;
import undulator.option.Key;
import undulator.option.Options;

/** The option of commands whose result may go to a file, for stacks that the memory does not hold. */
final class ResultFile {
    private static final String KEY = "output";

    private ResultFile() {
    }

    static Key key() {
        return Key.fileToSave("Output file (.tif; empty: into memory)").optional();
    }

    static boolean isNamed(Options options) {
        return !path(options).isEmpty();
    }

    static String path(Options options) {
        return options.get(KEY);
    }

    /** A file takes its slices in one order, and volumes would come one after the other. */
    static void refuseVolumes(Options options, ImagePlus image) {
        if (isNamed(options) && image.getNChannels() * image.getNFrames() > 1) {
            throw new CommandException("\"" + image.getTitle() + "\" is a hyperstack of " + image.getNChannels()
                    + " channels and " + image.getNFrames() + " frames, and " + KEY + "= takes one volume: take it "
                    + "out first (Image > Duplicate... or Image > Color > Split Channels)");
        }
    }

    /** What the file's header is to say of the image, as it is in the source. */
    static String[] facts(ImagePlus image) {
        return new String[] {"unit", image.getCalibration().getUnit(), "channels",
            Integer.toString(image.getNChannels()), "frames", Integer.toString(image.getNFrames())};
    }

    /** The labels of an image's slices, or null if none has one. */
    static String[] labels(ImagePlus image) {
        ImageStack stack = image.getStack();
        String[] labels = new String[stack.getSize()];
        boolean any = false;
        for (int i = 0; i < labels.length; i++) {
            labels[i] = stack.getSliceLabel(i + 1);
            any |= labels[i] != null;
        }
        return any ? labels : null;
    }
}
