package undulator.cache;

import ij.IJ;
import java.io.File;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;

/** A folder that unpacked files may go to. */
final class CacheFolder {
    /** The property that names another folder than the user's own. */
    static final String PROPERTY = "undulator.cache";

    private static final String NAME = "undulator";

    private final Path path;
    private final boolean passing;

    private CacheFolder(Path path, boolean passing) {
        this.path = path;
        this.passing = passing;
    }

    /** One in which files stay for the next start. */
    static CacheFolder kept(Path path) {
        return new CacheFolder(path, false);
    }

    /** One for temporary files. */
    static CacheFolder passing(Path path) {
        return new CacheFolder(path, true);
    }

    Path path() {
        return path;
    }

    boolean isPassing() {
        return passing;
    }

    /** The folder that the user names, the user's own, that for temporary files, and ImageJ's. */
    static List<CacheFolder> all(UnaryOperator<String> properties, UnaryOperator<String> environment) {
        List<CacheFolder> folders = new ArrayList<>();
        String named = properties.apply(PROPERTY);
        if (named != null && !named.isEmpty()) {
            folders.add(kept(Paths.get(named).toAbsolutePath()));
        }
        Path home = Paths.get(properties.apply("user.home"));
        // Java calls the home of a user that has none "?".
        if (home.isAbsolute()) {
            folders.add(kept(ofUser(home, properties.apply("os.name").toLowerCase(Locale.ROOT), environment)));
        }
        folders.add(passing(Paths.get(properties.apply("java.io.tmpdir")).toAbsolutePath()));
        String imagej = IJ.getDirectory("imagej");
        if (imagej != null) {
            folders.add(kept(Paths.get(imagej).resolve("cache").resolve(NAME).toAbsolutePath()));
        }
        return folders;
    }

    /** Where the system keeps what programs can make again. */
    private static Path ofUser(Path home, String system, UnaryOperator<String> environment) {
        if (system.startsWith("mac")) {
            return home.resolve("Library").resolve("Caches").resolve(NAME);
        }
        boolean windows = system.startsWith("windows");
        String set = environment.apply(windows ? "LOCALAPPDATA" : "XDG_CACHE_HOME");
        if (set != null && new File(set).isAbsolute()) {
            return Paths.get(set).resolve(NAME);
        }
        return (windows ? home.resolve("AppData").resolve("Local") : home.resolve(".cache")).resolve(NAME);
    }
}
