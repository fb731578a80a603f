package undulator.option;

import ij.macro.Interpreter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import undulator.CommandException;

/** The values of a command's options. All keys always have one. */
public final class Options {
    private final Map<String, Key> keys = new LinkedHashMap<>();
    private final Map<String, String> values = new LinkedHashMap<>();

    /**
     * All defaults.
     *
     * @param keys the command's options in the dialog's order
     */
    public Options(List<Key> keys) {
        for (Key key : keys) {
            this.keys.put(key.name(), key);
            values.put(key.name(), key.initial);
        }
    }

    /**
     * Defaults overridden by a macro's options. A preset among these gives other defaults to what is left out.
     *
     * @param command the command's name, for messages
     * @param keys the command's options
     * @param text what the macro gave, for example {@code "layers=3 model=[/data/my model.zip]"}
     * @return the values
     * @throws CommandException if a key is unknown or a value cannot be used; the message lists what is allowed
     */
    public static Options fromMacro(String command, List<Key> keys, String text) {
        Options options = new Options(keys);
        Map<String, String> given = MacroOptions.read(text);
        given.forEach((name, value) -> {
            if (!options.keys.containsKey(name)) {
                throw new CommandException(command + " has no option \"" + name + "\". " + options.listed());
            }
            options.set(name, variable(value));
        });
        options.check();
        options.applyPresets(given.keySet());
        return options;
    }

    private void applyPresets(Set<String> given) {
        for (Key key : keys.values()) {
            key.presets(get(key.name())).forEach((name, value) -> {
                if (!given.contains(name)) {
                    set(name, value);
                }
            });
        }
    }

    private String listed() {
        if (keys.isEmpty()) {
            return "It takes no options";
        }
        return "Its options are: " + keys.values().stream().map(key -> key.isFlag() ? key.name() : key.name() + "=")
                .collect(Collectors.joining(", "));
    }

    /** ImageJ lets a macro write {@code key=&variable}. */
    private static String variable(String value) {
        Interpreter macro = Interpreter.getInstance();
        if (!value.startsWith("&") || macro == null) {
            return value;
        }
        String held = macro.getVariableAsString(value.substring(1));
        if (held == null) {
            throw new CommandException("The macro has no variable called " + value.substring(1));
        }
        return held;
    }

    void set(String name, String value) {
        values.put(name, value);
    }

    /**
     * The same values but one.
     *
     * @param name the option's key
     * @param value its other value
     * @return a copy
     */
    public Options with(String name, String value) {
        Options other = new Options(new ArrayList<>(keys.values()));
        other.values.putAll(values);
        other.set(name, value);
        return other;
    }

    /** Brings every value to the form that the commands take, and refuses those that cannot be used. */
    void check() {
        for (Key key : keys.values()) {
            values.compute(key.name(), (name, value) -> key.checked(value));
        }
    }

    Iterable<Key> keys() {
        return keys.values();
    }

    /**
     * The value of an option.
     *
     * @param name its key
     * @return its value; a flag is "true" or "false"
     */
    public String get(String name) {
        return values.get(name);
    }

    /**
     * What the native library takes: all options but the images.
     *
     * @param facts what it is to know beside them: key, value, key, value and so on
     * @return key, value, key, value and so on
     */
    public String[] forNative(String... facts) {
        List<String> flat = new ArrayList<>(Arrays.asList(facts));
        for (Key key : keys.values()) {
            if (!key.isImage()) {
                flat.add(key.name());
                flat.add(get(key.name()));
            }
        }
        return flat.toArray(new String[0]);
    }
}
