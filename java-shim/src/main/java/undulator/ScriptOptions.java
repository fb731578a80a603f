package undulator;

import ij.ImagePlus;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import undulator.option.CommandSchema;
import undulator.option.Key;
import undulator.option.MacroOptions;

/** What a script gave: options as texts, and images apart. */
final class ScriptOptions {
    private final Map<String, String> texts = new LinkedHashMap<>();
    private final Map<String, ImagePlus> images = new HashMap<>();

    private ScriptOptions() {
    }

    static ScriptOptions of(Map<String, ?> values) {
        ScriptOptions options = new ScriptOptions();
        values.forEach(options::put);
        return options;
    }

    static ScriptOptions of(String command, String text, ImagePlus... images) {
        ScriptOptions options = new ScriptOptions();
        MacroOptions.read(text).forEach(options::put);
        List<Key> free = CommandSchema.of(command).keys().stream()
                .filter(key -> key.isImage() && !options.texts.containsKey(key.name())).collect(Collectors.toList());
        if (images.length > free.size()) {
            throw new CommandException(CommandException.OPTION, images.length + " images are too many for " + command,
                    "it takes " + free.stream().map(Key::name).collect(Collectors.joining(", ")));
        }
        for (int i = 0; i < images.length; i++) {
            options.put(free.get(i).name(), images[i]);
        }
        return options;
    }

    private void put(String name, Object value) {
        if (value instanceof ImagePlus) {
            images.put(name, (ImagePlus) value);
            texts.put(name, ((ImagePlus) value).getTitle());
        } else if (value instanceof Model) {
            texts.put(name, ((Model) value).file().getPath());
        } else if (value == null) {
            throw new CommandException(CommandException.OPTION, "The option " + name + " is null",
                    "leave it out for its default");
        } else {
            texts.put(name, value.toString());
        }
    }

    Map<String, String> texts() {
        return Collections.unmodifiableMap(texts);
    }

    Map<String, ImagePlus> images() {
        return Collections.unmodifiableMap(images);
    }
}
