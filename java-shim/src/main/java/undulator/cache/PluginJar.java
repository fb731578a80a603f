package undulator.cache;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import undulator.CommandException;

/** The plugin's own jar. */
public final class PluginJar {
    private PluginJar() {
    }

    /**
     * Where it lies.
     *
     * @return the path as the user knows it
     */
    public static String path() {
        return path(PluginJar.class.getProtectionDomain().getCodeSource().getLocation());
    }

    /** A file's path, with blanks and other letters for {@code %20} and the like. */
    static String path(URL location) {
        try {
            return new File(location.toURI()).getPath();
        } catch (URISyntaxException | IllegalArgumentException notEncoded) {
            return new File(location.getPath()).getPath();
        }
    }

    /**
     * The version of the plugin.
     *
     * @return for example {@code 0.1.0}
     */
    public static String version() {
        try (InputStream resource = PluginJar.class.getResourceAsStream("/undulator/version.txt");
                BufferedReader text = new BufferedReader(new InputStreamReader(resource, StandardCharsets.UTF_8))) {
            return text.readLine();
        } catch (IOException unreadable) {
            CommandException damaged = new CommandException(CommandException.PLUGIN, "The plugin jar " + path()
                    + " is damaged (" + unreadable.getMessage() + ")", "download it again");
            damaged.initCause(unreadable);
            throw damaged;
        }
    }
}
