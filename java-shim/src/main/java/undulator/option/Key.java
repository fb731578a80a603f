package undulator.option;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import undulator.CommandException;

/**
 * One option of a command: the name that macros use, the label that the dialog shows, and what values it takes.
 *
 * <p>A label's first word, in lower case, is the key: so does ImageJ, and so a user can guess one from the other.</p>
 */
public final class Key {
    /** An image option's value for the active image. */
    public static final String ACTIVE = "active";

    /** An image option's value for no image. */
    public static final String NONE = "none";

    /** What an option holds. */
    enum Kind {
        TEXT, LINE, WHOLE, NUMBER, FLAG, CHOICE, IMAGE, MODEL, FILE_TO_OPEN, FILE_TO_SAVE, FOLDER
    }

    final String label;
    final Kind kind;
    final String initial;
    final List<String> choices;
    final boolean besidePrevious;
    /** The heading above the option in the dialog; empty for none. */
    final String heading;
    /** Whether the dialog remembers it from one start of ImageJ to the next. */
    final boolean lasting;
    private final boolean optional;
    /** By choice: what the choice makes of other options, by their keys. */
    private final Map<String, Map<String, String>> presets;

    private Key(Key plain, boolean besidePrevious, String heading, boolean optional, boolean lasting,
            Map<String, Map<String, String>> presets) {
        this.label = plain.label;
        this.kind = plain.kind;
        this.initial = plain.initial;
        this.choices = plain.choices;
        this.besidePrevious = besidePrevious;
        this.heading = heading;
        this.optional = optional;
        this.lasting = lasting;
        this.presets = presets;
    }

    private Key(String label, Kind kind, String initial, String... choices) {
        this.label = label;
        this.kind = kind;
        this.initial = initial;
        this.choices = Collections.unmodifiableList(Arrays.asList(choices));
        this.besidePrevious = false;
        this.heading = "";
        this.optional = false;
        this.lasting = false;
        this.presets = Collections.emptyMap();
    }

    /**
     * Any text.
     *
     * @param label its first word is the key
     * @param initial the default
     * @return the option
     */
    public static Key text(String label, String initial) {
        return new Key(label, Kind.TEXT, initial);
    }

    /**
     * Any text, in a long field.
     *
     * @param label its first word is the key
     * @param initial the default
     * @return the option
     */
    public static Key line(String label, String initial) {
        return new Key(label, Kind.LINE, initial);
    }

    /**
     * A whole number.
     *
     * @param label its first word is the key
     * @param initial the default
     * @return the option
     */
    public static Key whole(String label, long initial) {
        return new Key(label, Kind.WHOLE, Long.toString(initial));
    }

    /**
     * A number.
     *
     * @param label its first word is the key
     * @param initial the default, as it is written
     * @return the option
     */
    public static Key number(String label, String initial) {
        return new Key(label, Kind.NUMBER, initial);
    }

    /**
     * A flag: there or not. It is off by default, as every flag of a macro is.
     *
     * @param label its first word is the key
     * @return the option
     */
    public static Key flag(String label) {
        return new Key(label, Kind.FLAG, "false");
    }

    /**
     * One of a few words.
     *
     * @param label its first word is the key
     * @param choices the words; the first is the default
     * @return the option
     */
    public static Key choice(String label, String... choices) {
        return new Key(label, Kind.CHOICE, choices[0], choices);
    }

    /**
     * An open image, by title.
     *
     * @param label its first word is the key
     * @param initial what an absent key means: {@link #ACTIVE}, {@link #NONE}, or "" where a title must be given
     * @return the option
     */
    public static Key image(String label, String initial) {
        return new Key(label, Kind.IMAGE, initial);
    }

    /**
     * A file to read.
     *
     * @param label its first word is the key
     * @return the option
     */
    public static Key fileToOpen(String label) {
        return new Key(label, Kind.FILE_TO_OPEN, "");
    }

    /**
     * A model: a file to read, or the name of one that {@link undulator.model.ModelFolder} knows.
     *
     * @param label its first word is the key
     * @return the option
     */
    public static Key model(String label) {
        return new Key(label, Kind.MODEL, "");
    }

    /**
     * A file to write.
     *
     * @param label its first word is the key
     * @return the option
     */
    public static Key fileToSave(String label) {
        return new Key(label, Kind.FILE_TO_SAVE, "");
    }

    /**
     * A folder that exists.
     *
     * @param label its first word is the key
     * @return the option
     */
    public static Key folder(String label) {
        return new Key(label, Kind.FOLDER, "");
    }

    /**
     * The same option, shown on the line of the one before it.
     *
     * @return the option
     */
    public Key beside() {
        return new Key(this, true, heading, optional, lasting, presets);
    }

    /**
     * The same option, shown below a heading.
     *
     * @param title the heading
     * @return the option
     */
    public Key under(String title) {
        return new Key(this, besidePrevious, title, optional, lasting, presets);
    }

    /**
     * The same option for a file, which may stay empty.
     *
     * @return the option
     */
    public Key optional() {
        return new Key(this, besidePrevious, heading, true, lasting, presets);
    }

    /**
     * The same option, which the dialog remembers from one start of ImageJ to the next.
     *
     * @return the option
     */
    public Key lasting() {
        return new Key(this, besidePrevious, heading, optional, true, presets);
    }

    /**
     * The same choice, which gives other options other defaults. A dialog fills them in when it is chosen.
     *
     * @param choice one of the words
     * @param keysAndDefaults key, default, key, default and so on
     * @return the option
     */
    public Key preset(String choice, String... keysAndDefaults) {
        Map<String, String> defaults = new LinkedHashMap<>();
        for (int i = 0; i + 1 < keysAndDefaults.length; i += 2) {
            defaults.put(keysAndDefaults[i], keysAndDefaults[i + 1]);
        }
        Map<String, Map<String, String>> more = new LinkedHashMap<>(presets);
        more.put(choice, defaults);
        return new Key(this, besidePrevious, heading, optional, lasting, more);
    }

    /** The defaults that a value gives other options, by their keys. */
    Map<String, String> presets(String value) {
        return presets.getOrDefault(value, Collections.emptyMap());
    }

    boolean hasPresets() {
        return !presets.isEmpty();
    }

    /**
     * What macros call the option.
     *
     * @return the label's first word in lower case
     */
    public String name() {
        return label.split(" ", 2)[0].toLowerCase(Locale.ROOT);
    }

    /**
     * Whether the option cannot be filled without an open image.
     *
     * @return true for an image option that is not optional
     */
    public boolean needsImage() {
        return isImage() && !initial.equals(NONE);
    }

    boolean isFlag() {
        return kind == Kind.FLAG;
    }

    boolean isImage() {
        return kind == Kind.IMAGE;
    }

    boolean isFile() {
        return kind == Kind.MODEL || kind == Kind.FILE_TO_OPEN || kind == Kind.FILE_TO_SAVE || kind == Kind.FOLDER;
    }

    boolean isOptionalResult() {
        return kind == Kind.FILE_TO_SAVE && optional;
    }

    /** The value as the commands take it, or a message that names what is allowed. */
    String checked(String value) {
        switch (kind) {
            case WHOLE:
                return wholeNumber(value);
            case NUMBER:
                number(value);
                return value;
            case FLAG:
                return flagValue(value);
            case CHOICE:
                return chosen(value);
            case MODEL:
            case FILE_TO_OPEN:
            case FILE_TO_SAVE:
            case FOLDER:
                return fileName(value);
            default:
                return value;
        }
    }

    private String wholeNumber(String value) {
        double number = number(value);
        if (number != Math.rint(number) || Math.abs(number) > 1L << 53) {
            throw refused(value, "a whole number is needed, for example " + initial);
        }
        return Long.toString((long) number);
    }

    private double number(String value) {
        try {
            double number = Double.parseDouble(value);
            if (!Double.isNaN(number) && !Double.isInfinite(number)) {
                return number;
            }
        } catch (NumberFormatException notANumber) {
            throw refused(value, "a number is needed, for example " + initial);
        }
        throw refused(value, "a finite number is needed, for example " + initial);
    }

    private String flagValue(String value) {
        if (value.equals("true") || value.equals("false")) {
            return value;
        }
        throw refused(value, "a flag is switched on by its bare name, " + name());
    }

    private String chosen(String value) {
        for (String choice : choices) {
            if (choice.equalsIgnoreCase(value)) {
                return choice;
            }
        }
        throw refused(value, "choose one of " + String.join(", ", choices));
    }

    private String fileName(String value) {
        if (value.trim().isEmpty() && !optional) {
            String example = kind == Kind.FOLDER ? "folder, for example " + name() + "=[/data/my comparison]"
                    : "file, for example " + name() + "=[/data/my model.zip]";
            throw new CommandException("The option " + name() + " is missing: name the " + example);
        }
        return value;
    }

    private CommandException refused(String value, String advice) {
        return new CommandException("The option " + name() + "=" + value + " cannot be used: " + advice);
    }
}
