package undulator.cache;

import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;

/** A file in the plugin's jar, with its size and checksum, which the jar's directory tells without reading it. */
public final class JarResource {
    private static final int BUFFER_BYTES = 1 << 20;

    /** Opens the file. */
    interface Opener {
        InputStream open() throws IOException;
    }

    private final String name;
    private final long size;
    private final long checksum;
    private final Opener opener;

    JarResource(String name, long size, long checksum, Opener opener) {
        this.name = name;
        this.size = size;
        this.checksum = checksum;
        this.opener = opener;
    }

    /**
     * The file of that path.
     *
     * @param path for example {@code /models/sample-cathode.zip}
     * @return null if there is none
     * @throws IOException if the jar cannot be read
     */
    public static JarResource find(String path) throws IOException {
        URL url = JarResource.class.getResource(path);
        return url == null ? null : find(url, path.substring(path.lastIndexOf('/') + 1));
    }

    static JarResource find(URL url, String name) throws IOException {
        URLConnection connection = connect(url);
        Opener opener = () -> connect(url).getInputStream();
        if (connection instanceof JarURLConnection) {
            try (JarFile jar = ((JarURLConnection) connection).getJarFile()) {
                JarEntry entry = ((JarURLConnection) connection).getJarEntry();
                return new JarResource(name, entry.getSize(), entry.getCrc(), opener);
            }
        }
        long[] sizeAndChecksum = read(connection.getInputStream());
        return new JarResource(name, sizeAndChecksum[0], sizeAndChecksum[1], opener);
    }

    /** Without Java's cache of jars, which outlives an update of the plugin. */
    private static URLConnection connect(URL url) throws IOException {
        URLConnection connection = url.openConnection();
        connection.setUseCaches(false);
        return connection;
    }

    private static long[] read(InputStream plain) throws IOException {
        CRC32 checksum = new CRC32();
        long size = 0;
        try (CheckedInputStream stream = new CheckedInputStream(plain, checksum)) {
            byte[] buffer = new byte[BUFFER_BYTES];
            for (int count = stream.read(buffer); count >= 0; count = stream.read(buffer)) {
                size += count;
            }
        }
        return new long[] {size, checksum.getValue()};
    }

    String name() {
        return name;
    }

    InputStream open() throws IOException {
        return opener.open();
    }

    /** What tells this file from that of another build. */
    String checksum() {
        return String.format(Locale.ROOT, "%08x", checksum);
    }

    /** Whether a file holds the whole of it. */
    boolean isIn(Path file) throws IOException {
        if (!Files.isRegularFile(file) || Files.size(file) != size) {
            return false;
        }
        return read(Files.newInputStream(file))[1] == checksum;
    }
}
