package undulator.image;

import ij.ImagePlus;
import ij.WindowManager;
import java.util.ArrayList;
import java.util.List;
import undulator.CommandException;
import undulator.option.Key;

/** Finds the images that options name. */
public final class OpenImages {
    private OpenImages() {
    }

    /**
     * The open image that an option names.
     *
     * @param key the option, for messages
     * @param title what it holds: a title, {@link Key#ACTIVE} or {@link Key#NONE}
     * @return the image; null for {@link Key#NONE}
     * @throws CommandException if there is no such image, more than one, or it is not a grey-scale one
     */
    public static ImagePlus find(String key, String title) {
        List<ImagePlus> titled = titled(title);
        if (titled.isEmpty() && title.equals(Key.NONE)) {
            return null;
        }
        refuseIfNoneOpen();
        if (titled.isEmpty() && title.equals(Key.ACTIVE)) {
            return grey(WindowManager.getCurrentImage());
        }
        if (title.isEmpty()) {
            throw new CommandException("The option " + key + " is missing: name an open image. " + listed());
        }
        if (titled.isEmpty()) {
            throw new CommandException("No open image is called \"" + title + "\" (option " + key + "). " + listed());
        }
        if (titled.size() > 1) {
            throw new CommandException(titled.size() + " open images are called \"" + title + "\" (option " + key
                    + "): rename all but one (Image > Rename...)");
        }
        return grey(titled.get(0));
    }

    /** Throws a {@link CommandException} if there is nothing to work on. */
    public static void refuseIfNoneOpen() {
        if (WindowManager.getCurrentImage() == null) {
            throw new CommandException("No image is open: open a stack first, "
                    + "or make a pair with Plugins > Undulator > Undulator Sample Data...");
        }
    }

    private static List<ImagePlus> titled(String title) {
        List<ImagePlus> found = new ArrayList<>();
        int[] ids = WindowManager.getIDList();
        for (int i = 0; ids != null && i < ids.length; i++) {
            ImagePlus image = WindowManager.getImage(ids[i]);
            if (image != null && image.getTitle().equals(title)) {
                found.add(image);
            }
        }
        return found;
    }

    private static String listed() {
        return "Open images: " + String.join(", ", WindowManager.getImageTitles());
    }

    private static ImagePlus grey(ImagePlus image) {
        switch (image.getType()) {
            case ImagePlus.COLOR_RGB:
                throw new CommandException("\"" + image.getTitle() + "\" is an RGB colour image: "
                        + "Undulator works on grey values. Convert it first (Image > Type > 8-bit)");
            case ImagePlus.COLOR_256:
                throw new CommandException("\"" + image.getTitle() + "\" holds 8-bit colours, not grey values: "
                        + "convert it first (Image > Type > RGB Color, then 8-bit)");
            default:
                return image;
        }
    }
}
