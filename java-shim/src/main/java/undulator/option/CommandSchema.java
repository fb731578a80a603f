package undulator.option;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import undulator.CommandException;
import undulator.Native;
import undulator.nativelib.NativeLibrary;

/** What a command is called and what it takes, as {@link Native#schema} describes it. */
public final class CommandSchema {
    private final String name;
    private final String summary;
    private final String help;
    private final List<Key> keys = new ArrayList<>();

    private CommandSchema(String name, String summary, String help) {
        this.name = name;
        this.summary = summary;
        this.help = help;
    }

    /**
     * The command of that name. Loads the native library.
     *
     * @param name as in the menu: {@code Compare Networks}
     * @return the command
     * @throws CommandException if there is none
     */
    public static CommandSchema of(String name) {
        NativeLibrary.load();
        List<String> names = new ArrayList<>();
        for (CommandSchema command : all(Native.schema())) {
            if (command.name.equals(name)) {
                return command;
            }
            names.add(command.name);
        }
        throw new CommandException(CommandException.OPTION, "there is no command " + name,
                "choose one of " + String.join(", ", names));
    }

    /**
     * All commands of a schema.
     *
     * @param rows as {@link Native#schema} gives them
     * @return the commands in the order of the menu
     */
    public static List<CommandSchema> all(String[][] rows) {
        List<CommandSchema> commands = new ArrayList<>();
        CommandSchema command = null;
        for (String[] row : rows) {
            if (row[0].equals("command")) {
                command = new CommandSchema(row[1], row[2], row[3]);
                commands.add(command);
            } else if (row[0].equals("key")) {
                command.keys.add(new Key(row));
            } else {
                command.key(row[1]).addPreset(row);
            }
        }
        return commands;
    }

    /**
     * Its name as in the menu, without the plugin's.
     *
     * @return for example {@code Compare Networks}
     */
    public String name() {
        return name;
    }

    /**
     * Its name as windows and messages show it.
     *
     * @return for example {@code Undulator Compare Networks}
     */
    public String title() {
        return "Undulator " + name;
    }

    /**
     * What it does.
     *
     * @return a sentence
     */
    public String summary() {
        return summary;
    }

    /**
     * Its options.
     *
     * @return in the order of a dialog
     */
    public List<Key> keys() {
        return Collections.unmodifiableList(keys);
    }

    /**
     * One of its options.
     *
     * @param key its name
     * @return the option; null if there is none
     */
    public Key key(String key) {
        return keys.stream().filter(known -> known.name().equals(key)).findFirst().orElse(null);
    }

    /** A page on the command and its options, in HTML. */
    String help() {
        StringBuilder page = new StringBuilder("<html><h2>" + Markdown.escaped(title()) + "</h2>");
        page.append(Markdown.html(summary)).append(Markdown.html(help));
        for (Key key : keys) {
            String words = key.help.isEmpty() ? "" : " " + Markdown.escaped(key.help);
            page.append("<p><b>").append(Markdown.escaped(key.caption())).append("</b> (<code>").append(key.name())
                    .append("</code>).").append(words).append("</p>");
        }
        return page.append("</html>").toString();
    }
}
