package undulator.option;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One option of a command, as {@link undulator.Native#schema} describes it. */
public final class Key {
    /** An image option's value for the active image. */
    public static final String ACTIVE = "active";

    /** An image option's value for no image. */
    public static final String NONE = "none";

    /** What an option holds, in the order of nothing: the names are those of the schema. */
    enum Kind {
        IMAGE, WHOLE, NUMBER, FLAG, CHOICE, CHOICE_OR_FILE, TEXT, MODEL, FILE_TO_OPEN, FILE_TO_SAVE, FOLDER;

        static Kind of(String name) {
            return valueOf(name.replace('-', '_').toUpperCase(java.util.Locale.ROOT));
        }
    }

    final String label;
    final String help;
    final Kind kind;
    final String unit;
    final String initial;
    final String ending;
    /** The heading above the option in the dialog; empty for none. */
    final String group;
    final List<String> choices;
    private final String name;
    private final List<String> flags;
    /** By value: what the value makes of other options' defaults, by their names. */
    private final Map<String, Map<String, String>> presets = new LinkedHashMap<>();

    /** Of a row of the schema. */
    Key(String... row) {
        name = row[1];
        label = row[2];
        help = row[3];
        kind = Kind.of(row[4]);
        unit = row[5];
        initial = row[6];
        ending = row[9];
        group = row[10];
        flags = Arrays.asList(row[11].split(" "));
        choices = lines(row[12]);
    }

    private static List<String> lines(String text) {
        return text.isEmpty() ? Collections.emptyList() : Collections.unmodifiableList(Arrays.asList(text.split("\n")));
    }

    /** Takes the schema's row of a preset. */
    void addPreset(String... row) {
        Map<String, String> defaults = new LinkedHashMap<>();
        for (String line : lines(row[3])) {
            int sign = line.indexOf('=');
            defaults.put(line.substring(0, sign), line.substring(sign + 1));
        }
        presets.put(row[2], defaults);
    }

    /** The defaults that a value gives other options, by their names. */
    Map<String, String> preset(String value) {
        return presets.getOrDefault(value, Collections.emptyMap());
    }

    boolean hasPresets() {
        return !presets.isEmpty();
    }

    /**
     * What macros and scripts call the option.
     *
     * @return one word in lower case
     */
    public String name() {
        return name;
    }

    /**
     * Whether the option names an image.
     *
     * @return true if scripts may give an image for it
     */
    public boolean isImage() {
        return kind == Kind.IMAGE;
    }

    /**
     * Whether the command does nothing without an open image.
     *
     * @return true for an image option that is not optional
     */
    public boolean needsImage() {
        return isImage() && !initial.equals(NONE) && !isOptional();
    }

    /** Whether a dialog asks for it: an image that is only looked at beside the work is the active one. */
    boolean isAsked() {
        return !isImage() || !isOptional();
    }

    /** Whether the dialog remembers it from one start of ImageJ to the next. */
    boolean isRemembered() {
        return flags.contains("remembered");
    }

    /** What a dialog shows at first: for some flags not what macros take if they do not name them. */
    String initialInDialog() {
        return flags.contains("set-in-dialogs") ? "true" : initial;
    }

    private boolean isOptional() {
        return flags.contains("optional");
    }

    boolean isFlag() {
        return kind == Kind.FLAG;
    }

    boolean isFile() {
        return kind == Kind.MODEL || kind == Kind.FILE_TO_OPEN || kind == Kind.FILE_TO_SAVE || kind == Kind.FOLDER;
    }

    boolean isOptionalResult() {
        return kind == Kind.FILE_TO_SAVE && isOptional();
    }

    /** Whether its field is short enough for two in a row. */
    boolean isShort() {
        return kind == Kind.WHOLE || kind == Kind.NUMBER || kind == Kind.CHOICE || kind == Kind.TEXT && !isRemembered();
    }

    /** The label with its unit, and what may stand in a field for words. */
    String caption() {
        List<String> more = new ArrayList<>();
        if (!unit.isEmpty()) {
            more.add(unit);
        }
        if (kind == Kind.CHOICE_OR_FILE) {
            more.addAll(choices);
            more.add("or a " + ending + " file");
        }
        return more.isEmpty() ? label : label + " (" + String.join(", ", more) + ")";
    }
}
