package undulator.image;

import ij.ImagePlus;
import ij.WindowManager;
import java.util.ArrayList;
import java.util.List;
import undulator.CommandException;
import undulator.option.Key;

/** Finds the open images that options name. */
public final class OpenImages {
    private OpenImages() {
    }

    /** The open image of a title or the active one, or a {@link CommandException}. */
    static ImagePlus find(String key, String title) {
        List<ImagePlus> titled = titled(title);
        refuseIfNoneOpen();
        if (titled.isEmpty() && title.equals(Key.ACTIVE)) {
            return WindowManager.getCurrentImage();
        }
        if (titled.isEmpty()) {
            throw refused("No open image is called \"" + title + "\" (option " + key + ")",
                    "choose one of " + String.join(", ", WindowManager.getImageTitles()));
        }
        if (titled.size() > 1) {
            throw refused(titled.size() + " open images are called \"" + title + "\" (option " + key + ")",
                    "rename all but one (Image > Rename...)");
        }
        return titled.get(0);
    }

    /** Throws a {@link CommandException} if there is nothing to work on. */
    public static void refuseIfNoneOpen() {
        if (WindowManager.getCurrentImage() == null) {
            throw refused("No image is open",
                    "open a stack first, or make a pair with Plugins > Undulator > Undulator Sample Data...");
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

    /** The image itself, or a {@link CommandException} if it holds no grey values. */
    static ImagePlus grey(ImagePlus image) {
        switch (image.getType()) {
            case ImagePlus.COLOR_RGB:
                throw refused("\"" + image.getTitle() + "\" is an RGB colour image, and Undulator works on grey values",
                        "convert it first (Image > Type > 8-bit)");
            case ImagePlus.COLOR_256:
                throw refused("\"" + image.getTitle() + "\" holds 8-bit colours, not grey values",
                        "convert it first (Image > Type > RGB Color, then 8-bit)");
            default:
                return image;
        }
    }

    private static CommandException refused(String reason, String advice) {
        return new CommandException(CommandException.IMAGE, reason, advice);
    }
}
