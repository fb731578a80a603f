package undulator.nativelib;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import undulator.CommandException;
import undulator.Native;
import undulator.cache.Cache;
import undulator.cache.JarResource;
import undulator.cache.PluginJar;

/**
 * Loads the native library once, when the first command needs it: the one that the property {@code undulator.library}
 * names, else from where Java looks for libraries (Fiji's lib/&lt;platform&gt;), else from this jar, which is
 * {@linkplain Cache unpacked} once for each version.
 */
public final class NativeLibrary {
    private static final String NAME = "undulator";
    private static final String PROPERTY = "undulator.library";

    private static boolean loaded;
    /** A library of another version stays loaded until Java ends. */
    private static CommandException mismatch;

    private NativeLibrary() {
    }

    /**
     * Loads the library if it is not there yet. What fails is tried again by the next command: a disk that was full may
     * have room by then.
     *
     * @throws CommandException if there is none for this machine, it cannot be loaded, or it is of another version;
     *     the message names the files and says what to do
     */
    public static synchronized void load() {
        if (mismatch != null) {
            throw mismatch;
        }
        if (!loaded) {
            checkVersion(loadAny());
            loaded = true;
        }
    }

    private static String loadAny() {
        String named = System.getProperty(PROPERTY, "");
        if (!named.isEmpty()) {
            return loadNamed(new File(named).getAbsoluteFile());
        }
        File onPath = onLibraryPath();
        String before = "";
        if (onPath != null) {
            try {
                loadFile(onPath);
                return onPath.getPath();
            } catch (UnsatisfiedLinkError notLoaded) {
                before = "\n" + onPath + ": " + notLoaded.getMessage();
            }
        }
        return loadFromJar(before);
    }

    private static String loadNamed(File named) {
        File file = named.isDirectory() ? new File(named, System.mapLibraryName(NAME)) : named;
        if (!file.isFile()) {
            throw failure("There is no native library " + file, "correct -D" + PROPERTY + "=, or leave it out", null);
        }
        try {
            loadFile(file);
            return file.getPath();
        } catch (UnsatisfiedLinkError notLoaded) {
            throw failure("The native library " + file + " does not load on this machine (" + machine() + "): "
                    + notLoaded.getMessage(), "correct -D" + PROPERTY + "=, or leave it out", notLoaded);
        }
    }

    /**
     * ImageJ's "Refresh Menus" makes a new class loader, and Java gives a file to one loader only: then a copy is loaded.
     */
    private static void loadFile(File file) {
        try {
            System.load(file.getPath());
        } catch (UnsatisfiedLinkError notLoaded) {
            if (!String.valueOf(notLoaded.getMessage()).contains("another classloader")) {
                throw notLoaded;
            }
            loadCopy(file, notLoaded);
        }
    }

    private static void loadCopy(File file, UnsatisfiedLinkError before) {
        try {
            Path folder = Files.createTempDirectory(NAME + "-");
            Path copy = folder.resolve(file.getName());
            try {
                Files.copy(file.toPath(), copy);
                System.load(copy.toString());
            } finally {
                remove(copy);
                remove(folder);
            }
        } catch (IOException notCopied) {
            before.addSuppressed(notCopied);
            throw before;
        }
    }

    /** A loaded library needs its file no longer, but Windows keeps it until Java ends. */
    private static void remove(Path file) throws IOException {
        if (Platform.isWindows()) {
            file.toFile().deleteOnExit();
        } else {
            Files.deleteIfExists(file);
        }
    }

    private static File onLibraryPath() {
        for (String folder : System.getProperty("java.library.path", "").split(File.pathSeparator)) {
            File file = new File(folder, System.mapLibraryName(NAME));
            if (file.isFile()) {
                return file.getAbsoluteFile();
            }
        }
        return null;
    }

    private static String loadFromJar(String before) {
        String resource = "natives/" + Platform.current() + "/" + System.mapLibraryName(NAME);
        try {
            JarResource library = JarResource.find("/" + resource);
            if (library == null) {
                throw failure("The plugin has no native library for this machine (" + Platform.current() + "): "
                        + resource + " is not in " + PluginJar.path(), "get the build for this platform, or build it "
                        + "with \"make dist\"" + before, null);
            }
            Cache.ofUser().use(library, file -> System.load(file.toString()));
            return resource + " in " + PluginJar.path();
        } catch (IOException nowhere) {
            throw failure("The native library " + resource + " of " + PluginJar.path() + " could not be loaded on this "
                    + "machine (" + machine() + ") from any of these folders" + before + "\n" + nowhere.getMessage() + "\n",
                    "free space there, or start ImageJ with -Dundulator.cache=FOLDER, a folder that can be written and "
                    + "whose files may be executed. Where the library itself does not fit the system, name one built "
                    + "there (\"make dist\") with -D" + PROPERTY + "=FILE", nowhere);
        }
    }

    private static String machine() {
        return Platform.current() + ", Java " + System.getProperty("java.version");
    }

    private static void checkVersion(String file) {
        String mine = PluginJar.version();
        String its = Native.version();
        if (!mine.equals(its)) {
            mismatch = failure("The plugin " + PluginJar.path() + " is version " + mine + " but the native library "
                    + file + " is version " + its, "remove the older of the two and restart ImageJ", null);
            throw mismatch;
        }
    }

    private static CommandException failure(String reason, String advice, Throwable cause) {
        CommandException failure = new CommandException(CommandException.PLUGIN, reason, advice);
        failure.initCause(cause);
        return failure;
    }
}
