package undulator.image;

import ij.ImagePlus;
import ij.WindowManager;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import undulator.CommandException;
import undulator.option.Key;

/** Finds the open images that options name. */
public final class OpenImages {
    /** {@code -3} and {@code id:-3} in macros, {@code title (ID -3)} in dialogs. ImageJ's IDs are negative. */
    private static final Pattern ID =
            Pattern.compile("(?:id:)?(?<id>-\\d{1,9})|(?<title>.*) \\(ID (?<titled>-\\d{1,9})\\)", Pattern.DOTALL);

    private OpenImages() {
    }

    /** The open image of a title or an ID, or the active one, or a {@link CommandException}. */
    static ImagePlus find(String key, String name) {
        List<ImagePlus> titled = titled(name);
        refuseIfNoneOpen();
        if (titled.size() == 1) {
            return titled.get(0);
        }
        if (titled.size() > 1) {
            throw refused(titled.size() + " open images are called \"" + name + "\" (option " + key + ")",
                    "name one by its ID (" + titled.stream().map(image -> key + "=" + image.getID())
                            .collect(Collectors.joining(", ")) + "), or rename all but one (Image > Rename...)");
        }
        if (name.equals(Key.ACTIVE)) {
            return WindowManager.getCurrentImage();
        }
        ImagePlus identified = identified(name);
        if (identified == null) {
            throw refused("No open image is called \"" + name + "\" (option " + key + ")",
                    "choose one of " + String.join(", ", names()));
        }
        return identified;
    }

    /** An image by its ID, as a macro or a dialog writes it; an ID of another session may be that of another image. */
    private static ImagePlus identified(String name) {
        Matcher id = ID.matcher(name);
        if (!id.matches()) {
            return null;
        }
        ImagePlus image = WindowManager.getImage(Integer.parseInt(id.group("id") == null ? id.group("titled") : id.group("id")));
        String title = id.group("title");
        return image == null || title != null && !image.getTitle().equals(title) ? null : image;
    }

    /**
     * What the open images are called in options.
     *
     * @return in the order in which they were opened: titles, with the ID where several have one title
     */
    public static List<String> names() {
        return open().stream().map(OpenImages::name).collect(Collectors.toList());
    }

    /**
     * What an image is called in options.
     *
     * @param image an open image
     * @return its title, with the ID where others have the same
     */
    public static String name(ImagePlus image) {
        String title = image.getTitle();
        return titled(title).size() > 1 ? title + " (ID " + image.getID() + ")" : title;
    }

    /** Throws a {@link CommandException} if there is nothing to work on. */
    public static void refuseIfNoneOpen() {
        if (WindowManager.getCurrentImage() == null) {
            throw refused("No image is open",
                    "open a stack first, or make a pair with Plugins > Undulator > Undulator Sample Data...");
        }
    }

    private static List<ImagePlus> titled(String title) {
        return open().stream().filter(image -> image.getTitle().equals(title)).collect(Collectors.toList());
    }

    private static List<ImagePlus> open() {
        List<ImagePlus> found = new ArrayList<>();
        int[] ids = WindowManager.getIDList();
        for (int i = 0; ids != null && i < ids.length; i++) {
            ImagePlus image = WindowManager.getImage(ids[i]);
            if (image != null) {
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
