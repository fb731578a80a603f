package undulator.cache;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * Unpacks files of the plugin's jar into a folder of the user's, once for each version, and into others where that
 * folder cannot be used. What is there is compared with the jar before it is used, and a file is there whole or not at
 * all: several ImageJs may start at once.
 */
public final class Cache {
    /** Folders of versions that nobody used for so long are removed. Two installed versions may well alternate. */
    private static final long KEPT_DAYS = 7;
    private static final String UNFINISHED = ".part";

    /** What is done with a file; that it fails, as loading does from a disk without programs, is no end yet. */
    public interface Use {
        /**
         * Uses the file.
         *
         * @param file the unpacked file
         * @throws IOException if another place may be better
         */
        void accept(Path file) throws IOException;
    }

    private final String version;
    private final List<CacheFolder> folders;

    Cache(String version, List<CacheFolder> folders) {
        this.version = version;
        this.folders = folders;
    }

    /**
     * The cache of whoever runs ImageJ.
     *
     * @return with the folders that may be used, in their order
     */
    public static Cache ofUser() {
        return new Cache(PluginJar.version(), CacheFolder.all(System::getProperty, System::getenv));
    }

    /**
     * A file that stays, at least until Java ends.
     *
     * @param resource what to unpack
     * @return the file
     * @throws IOException if no folder can be used; the message has a line for each
     */
    public Path file(JarResource resource) throws IOException {
        Path[] found = new Path[1];
        use(resource, file -> found[0] = file, true);
        return found[0];
    }

    /**
     * Uses a file that need not stay.
     *
     * @param resource what to unpack
     * @param use what to do with it; an {@link UnsatisfiedLinkError} counts as an {@link IOException}
     * @throws IOException if it works in no folder; the message has a line for each
     */
    public void use(JarResource resource, Use use) throws IOException {
        use(resource, use, false);
    }

    private void use(JarResource resource, Use use, boolean stays) throws IOException {
        List<String> tried = new ArrayList<>();
        for (CacheFolder folder : folders) {
            try {
                if (folder.isPassing()) {
                    usePassing(folder, resource, use, stays);
                } else {
                    use.accept(kept(folder.path(), resource));
                }
                return;
            } catch (IOException | UnsatisfiedLinkError | SecurityException failure) {
                tried.add(folder.path() + ": " + words(failure));
            }
        }
        throw new IOException(String.join("\n", tried));
    }

    /** The file of this version, unpacked unless it is there. */
    private Path kept(Path folder, JarResource resource) throws IOException {
        Path own = Files.createDirectories(folder.resolve(version + "-" + resource.checksum()));
        Path file = own.resolve(resource.name());
        if (!resource.isIn(file)) {
            unpack(resource, own, file);
        }
        markUsed(own);
        removeOld(folder, own);
        return file;
    }

    private static void unpack(JarResource resource, Path folder, Path file) throws IOException {
        Path part = Files.createTempFile(folder, resource.name(), UNFINISHED);
        try {
            copy(resource, part);
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException failure) {
            // Windows lets nobody replace a library in use: then another ImageJ was faster.
            if (!resource.isIn(file)) {
                throw failure;
            }
        } finally {
            Files.deleteIfExists(part);
        }
    }

    private static void copy(JarResource resource, Path file) throws IOException {
        try (InputStream content = resource.open()) {
            Files.copy(content, file, StandardCopyOption.REPLACE_EXISTING);
        }
        if (!resource.isIn(file)) {
            throw new IOException("what was written there reads otherwise");
        }
    }

    /** In a new folder that only this user may enter: others may write to a folder for temporary files. */
    private static void usePassing(CacheFolder parent, JarResource resource, Use use, boolean stays) throws IOException {
        Path folder = Files.createTempDirectory(parent.path(), "undulator-");
        Path file = folder.resolve(resource.name());
        boolean used = false;
        try {
            copy(resource, file);
            use.accept(file);
            used = true;
        } finally {
            if (!used || !stays) {
                remove(file);
                remove(folder);
            }
            // A folder goes after what is in it.
            folder.toFile().deleteOnExit();
            file.toFile().deleteOnExit();
        }
    }

    /** Windows keeps a library until Java ends. */
    private static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException inUse) {
            file.toFile().deleteOnExit();
        }
    }

    private static void markUsed(Path folder) {
        try {
            Files.setLastModifiedTime(folder, FileTime.fromMillis(System.currentTimeMillis()));
        } catch (IOException readOnly) {
            // It is used all the same.
        }
    }

    private static void removeOld(Path folder, Path own) {
        long oldest = System.currentTimeMillis() - TimeUnit.DAYS.toMillis(KEPT_DAYS);
        try (DirectoryStream<Path> versions = Files.newDirectoryStream(folder, Cache::isVersion)) {
            for (Path version : versions) {
                if (!version.equals(own) && Files.getLastModifiedTime(version).toMillis() < oldest) {
                    removeVersion(version);
                }
            }
        } catch (IOException notListed) {
            // They take room, and that is all.
        }
    }

    private static boolean isVersion(Path folder) {
        return folder.getFileName().toString().matches("[0-9].*-[0-9a-f]{8}") && Files.isDirectory(folder);
    }

    private static void removeVersion(Path version) {
        for (File file : orNone(version.toFile().listFiles())) {
            remove(file.toPath());
        }
        version.toFile().delete();
    }

    private static File[] orNone(File[] files) {
        return files == null ? new File[0] : files;
    }

    /** What went wrong: Java's own words are often the path alone. */
    private static String words(Throwable failure) {
        if (failure instanceof AccessDeniedException) {
            return "nobody may write there";
        }
        if (failure instanceof FileAlreadyExistsException) {
            return ((FileSystemException) failure).getFile() + " is not a folder";
        }
        if (failure instanceof NoSuchFileException) {
            return ((FileSystemException) failure).getFile() + " does not exist";
        }
        if (failure instanceof FileSystemException && ((FileSystemException) failure).getReason() != null) {
            return ((FileSystemException) failure).getReason().toLowerCase(Locale.ROOT);
        }
        return failure.getMessage() == null ? failure.toString() : failure.getMessage();
    }
}
