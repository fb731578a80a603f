package undulator.nativelib;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import undulator.CommandException;
import undulator.Native;

/**
 * Loads the native library once, when the first command needs it: from where Java looks for libraries (Fiji's
 * lib/&lt;platform&gt;), else from this jar.
 */
public final class NativeLibrary {
    private static final String NAME = "undulator";

    private static boolean loaded;
    private static CommandException failure;

    private NativeLibrary() {
    }

    /**
     * Loads the library if it is not there yet.
     *
     * @throws CommandException if there is none for this machine, it cannot be loaded, or it is of another version;
     *     the message names the file and says what to do. It is remembered: a second try would not end differently.
     */
    public static synchronized void load() {
        if (failure != null) {
            throw failure;
        }
        if (loaded) {
            return;
        }
        try {
            String file = loadFromPathOrJar();
            checkVersion(file);
            loaded = true;
        } catch (CommandException notLoaded) {
            failure = notLoaded;
            throw notLoaded;
        }
    }

    private static String loadFromPathOrJar() {
        String onPath = fileOnLibraryPath();
        if (onPath != null) {
            try {
                System.loadLibrary(NAME);
                return onPath;
            } catch (UnsatisfiedLinkError notLoaded) {
                // ImageJ's "Refresh Menus" makes a new class loader, and Java gives a file to one loader only:
                // the jar's own copy is another file.
                return loadFromJar("\n" + onPath + ": " + notLoaded.getMessage());
            }
        }
        return loadFromJar("");
    }

    private static String fileOnLibraryPath() {
        for (String folder : System.getProperty("java.library.path", "").split(File.pathSeparator)) {
            File file = new File(folder, System.mapLibraryName(NAME));
            if (file.isFile()) {
                return file.getAbsolutePath();
            }
        }
        return null;
    }

    private static String loadFromJar(String before) {
        String resource = "natives/" + Platform.current() + "/" + System.mapLibraryName(NAME);
        try (InputStream library = NativeLibrary.class.getResourceAsStream("/" + resource)) {
            if (library == null) {
                throw failure("The plugin has no native library for this machine (" + Platform.current() + "): "
                        + resource + " is not in " + jar(), "get the build for this platform, or build it with "
                        + "\"make dist\"" + before, null);
            }
            return loadCopy(library, resource, before);
        } catch (IOException notCopied) {
            throw failure("The native library " + resource + " could not be unpacked to "
                    + System.getProperty("java.io.tmpdir") + " (" + notCopied.getMessage() + ")",
                    "free space there, or name another folder with -Djava.io.tmpdir=" + before, notCopied);
        }
    }

    private static String loadCopy(InputStream library, String resource, String before) throws IOException {
        Path folder = Files.createTempDirectory(NAME + "-");
        Path copy = folder.resolve(System.mapLibraryName(NAME));
        try {
            Files.copy(library, copy);
            System.load(copy.toString());
            return resource + " in " + jar();
        } catch (UnsatisfiedLinkError notLoaded) {
            throw failure("The native library " + resource + " of " + jar() + " does not load on this machine ("
                    + Platform.current() + ", Java " + System.getProperty("java.version") + ", "
                    + notLoaded.getMessage() + ")",
                    "a newer system or a build made on this one (\"make dist\") is needed" + before, notLoaded);
        } finally {
            remove(copy);
            remove(folder);
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

    private static void checkVersion(String file) {
        String mine = version();
        String its = Native.version();
        if (!mine.equals(its)) {
            throw failure("The plugin " + jar() + " is version " + mine + " but the native library " + file
                    + " is version " + its, "remove the older of the two and restart ImageJ", null);
        }
    }

    private static String version() {
        try (InputStream resource = NativeLibrary.class.getResourceAsStream("/undulator/version.txt");
                BufferedReader text = new BufferedReader(new InputStreamReader(resource, StandardCharsets.UTF_8))) {
            return text.readLine();
        } catch (IOException unreadable) {
            throw failure("The plugin jar " + jar() + " is damaged (" + unreadable.getMessage() + ")",
                    "download it again", unreadable);
        }
    }

    private static CommandException failure(String reason, String advice, Throwable cause) {
        CommandException failure = new CommandException(CommandException.PLUGIN, reason, advice);
        failure.initCause(cause);
        return failure;
    }

    private static String jar() {
        return new File(NativeLibrary.class.getProtectionDomain().getCodeSource().getLocation().getPath()).getPath();
    }
}
