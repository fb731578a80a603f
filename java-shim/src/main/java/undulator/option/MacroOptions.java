package undulator.option;

import ij.macro.Interpreter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import undulator.CommandException;

/**
 * Reads ImageJ's option strings: {@code key=value key=[value with spaces] flag}.
 *
 * <p>ImageJ's own {@code Macro.getValue} finds the keys that it is asked for and never sees a misspelt one; this reads
 * all that is there, so that an unknown key can be refused.</p>
 */
public final class MacroOptions {
    private final String text;
    private int at;

    private MacroOptions(String text) {
        this.text = text;
    }

    /**
     * Keys and values in the order written. A bare word is a flag with the value "true", and {@code key=&variable} takes
     * the value of a variable of the running macro.
     *
     * @param text for example {@code "layers=3 model=[/data/my model.zip]"}
     * @return values by key
     * @throws CommandException if a key is given twice, a bracket is not closed, or there is no such variable
     */
    public static Map<String, String> read(String text) {
        Map<String, String> options = new MacroOptions(text).all();
        options.replaceAll((key, value) -> variable(value));
        return options;
    }

    private static String variable(String value) {
        Interpreter macro = Interpreter.getInstance();
        if (!value.startsWith("&") || macro == null) {
            return value;
        }
        String held = macro.getVariableAsString(value.substring(1));
        if (held == null) {
            throw refused("The macro has no variable called " + value.substring(1), "");
        }
        return held;
    }

    private static CommandException refused(String reason, String advice) {
        return new CommandException(CommandException.OPTION, reason, advice);
    }

    private Map<String, String> all() {
        Map<String, String> found = new LinkedHashMap<>();
        for (skipSpaces(); at < text.length(); skipSpaces()) {
            String key = word("=").toLowerCase(Locale.ROOT);
            String value = "true";
            if (at < text.length() && text.charAt(at) == '=') {
                at++;
                value = value(key);
            }
            if (found.put(key, value) != null) {
                throw refused("The option " + key + " is given twice", "give it once");
            }
        }
        return found;
    }

    private void skipSpaces() {
        while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
            at++;
        }
    }

    /** The characters up to a space or to one of {@code ends}. */
    private String word(String ends) {
        int start = at;
        while (at < text.length() && !Character.isWhitespace(text.charAt(at)) && ends.indexOf(text.charAt(at)) < 0) {
            at++;
        }
        return text.substring(start, at);
    }

    private String value(String key) {
        char first = at < text.length() ? text.charAt(at) : ' ';
        if (first == '[') {
            return enclosed(key, closingBracket());
        }
        if (first == '\'') {
            return enclosed(key, text.indexOf('\'', at + 1));
        }
        return word("");
    }

    private String enclosed(String key, int end) {
        if (end < 0) {
            throw refused("The value of " + key + " has no end", text.substring(at));
        }
        String value = text.substring(at + 1, end);
        at = end + 1;
        return value;
    }

    private int closingBracket() {
        int open = 0;
        for (int i = at; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '[') {
                open++;
            } else if (c == ']' && --open == 0) {
                return i;
            }
        }
        return -1;
    }

    /** The value as it must stand in an option string, so that {@link #read} gives it back. */
    static String quoted(String value) {
        boolean plain = !value.isEmpty() && "[']&".indexOf(value.charAt(0)) < 0
                && value.chars().noneMatch(Character::isWhitespace);
        if (plain || value.isEmpty()) {
            return value;
        }
        String bracketed = "[" + value + "]";
        boolean balanced = new MacroOptions(bracketed).closingBracket() == bracketed.length() - 1;
        return balanced || value.indexOf('\'') >= 0 ? bracketed : "'" + value + "'";
    }
}
