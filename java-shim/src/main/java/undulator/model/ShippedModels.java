package undulator.model;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import undulator.CommandException;
import undulator.cache.Cache;
import undulator.cache.JarResource;
import undulator.cache.PluginJar;

/** Models that are inside the plugin's jar. */
final class ShippedModels {
    private static final String LIST = "/models/list.txt";

    private ShippedModels() {
    }

    static List<String> names() {
        try (InputStream list = ShippedModels.class.getResourceAsStream(LIST)) {
            if (list == null) {
                return Collections.emptyList();
            }
            return new BufferedReader(new InputStreamReader(list, StandardCharsets.UTF_8)).lines()
                    .filter(name -> !name.isEmpty()).collect(Collectors.toCollection(ArrayList::new));
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    /** Its file in the user's cache; null if there is no such model. */
    static File unpack(String name) {
        if (!names().contains(name)) {
            return null;
        }
        try {
            return Cache.ofUser().file(JarResource.find("/models/" + name + ".zip")).toFile();
        } catch (IOException nowhere) {
            CommandException failure = new CommandException(CommandException.FILE, "The model " + name + " of "
                    + PluginJar.path() + " could not be unpacked to any of these folders\n" + nowhere.getMessage() + "\n",
                    "free space there, or start ImageJ with -Dundulator.cache=FOLDER, a folder that can be written");
            failure.initCause(nowhere);
            throw failure;
        }
    }
}
