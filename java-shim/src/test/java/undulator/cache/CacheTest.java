package undulator.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CacheTest {
    @TempDir
    Path folder;

    private final AtomicInteger unpacked = new AtomicInteger();

    private JarResource resource(int first) {
        byte[] bytes = new byte[3_000_000];
        bytes[0] = (byte) first;
        bytes[bytes.length - 1] = 7;
        CRC32 checksum = new CRC32();
        checksum.update(bytes);
        return new JarResource("lib.so", bytes.length, checksum.getValue(), () -> {
            unpacked.incrementAndGet();
            return new ByteArrayInputStream(bytes);
        });
    }

    private Cache cache(CacheFolder... folders) {
        return new Cache("1.0", List.of(folders));
    }

    private List<String> names(Path parent) throws IOException {
        try (Stream<Path> files = Files.walk(parent)) {
            return files.filter(Files::isRegularFile).map(file -> parent.relativize(file).toString()).sorted()
                    .collect(Collectors.toList());
        }
    }

    @Test
    void aFileIsUnpackedOnce() throws IOException {
        Cache cache = cache(CacheFolder.kept(folder));
        Path file = cache.file(resource(1));
        assertEquals(file, cache.file(resource(1)));
        assertEquals(1, unpacked.get());
        assertTrue(resource(1).isIn(file));
        // That of another build has another place.
        assertNotEquals(file, cache.file(resource(2)));
        assertTrue(resource(1).isIn(file));
    }

    @Test
    void aDamagedFileIsUnpackedAgain() throws IOException {
        Cache cache = cache(CacheFolder.kept(folder));
        Path file = cache.file(resource(1));
        for (int damage = 0; damage < 2; damage++) {
            byte[] bytes = Files.readAllBytes(file);
            bytes[1000]++;
            Files.write(file, damage == 0 ? bytes : java.util.Arrays.copyOf(bytes, 2_000_000));
            assertTrue(resource(1).isIn(cache.file(resource(1))));
        }
        assertEquals(3, unpacked.get());
    }

    @Test
    void whatCannotBeReadToItsEndLeavesNothing() throws IOException {
        JarResource broken = new JarResource("lib.so", 9, 9, () -> new InputStream() {
            private int left = 100_000;

            @Override
            public int read(byte[] into, int from, int length) throws IOException {
                left -= length;
                return failing(length);
            }

            @Override
            public int read() throws IOException {
                left--;
                return failing(1);
            }

            private int failing(int count) throws IOException {
                if (left < 0) {
                    throw new IOException("No space left on device");
                }
                return count;
            }
        });
        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        Cache cache = cache(CacheFolder.kept(folder.resolve("cache")), CacheFolder.passing(temporary));
        IOException failure = assertThrows(IOException.class, () -> cache.file(broken));
        assertEquals(2, failure.getMessage().split("No space left on device", -1).length - 1, failure.getMessage());
        assertEquals(List.of(), names(folder));
        // A failure that passes: the next time there is room.
        assertTrue(resource(1).isIn(cache.file(resource(1))));
    }

    @Test
    void otherFoldersAreTriedAndEachSaysWhy() throws IOException {
        Path blocked = Files.write(folder.resolve("file"), new byte[1]);
        Path noPrograms = folder.resolve("noexec");
        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        List<Path> used = new ArrayList<>();
        Cache.Use loads = file -> {
            if (file.startsWith(noPrograms)) {
                throw new UnsatisfiedLinkError("failed to map segment");
            }
            used.add(file);
        };
        CacheFolder[] bad = {CacheFolder.kept(blocked), CacheFolder.kept(noPrograms),
            CacheFolder.passing(folder.resolve("none"))};
        cache(bad[0], bad[1], bad[2], CacheFolder.passing(temporary)).use(resource(1), loads);
        assertTrue(used.get(0).startsWith(temporary), used.toString());
        assertEquals(List.of(), names(temporary), "a copy for one use is removed");
        cache(bad[0], bad[1], CacheFolder.kept(folder.resolve("imagej"))).use(resource(1), loads);
        assertTrue(used.get(1).startsWith(folder.resolve("imagej")) && Files.exists(used.get(1)));

        IOException failure = assertThrows(IOException.class, () -> cache(bad).use(resource(1), loads));
        String[] lines = failure.getMessage().split("\n");
        assertEquals(3, lines.length, failure.getMessage());
        assertTrue(lines[0].startsWith(blocked + ": ") && lines[0].matches(".*not a (folder|directory)"), lines[0]);
        assertEquals(noPrograms + ": failed to map segment", lines[1]);
        assertTrue(lines[2].startsWith(folder.resolve("none") + ": ") && lines[2].endsWith("does not exist"), lines[2]);
    }

    @Test
    void aModelUnpackedForATimeStays() throws IOException {
        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        assertTrue(resource(1).isIn(cache(CacheFolder.passing(temporary)).file(resource(1))));
    }

    @Test
    void manyMayStartAtOnce() throws Exception {
        ExecutorService starts = Executors.newFixedThreadPool(8);
        List<Future<Boolean>> whole = new ArrayList<>();
        for (int i = 0; i < 24; i++) {
            whole.add(starts.submit(() -> {
                Path file = cache(CacheFolder.kept(folder)).file(resource(1));
                return resource(1).isIn(file);
            }));
        }
        for (Future<Boolean> one : whole) {
            assertTrue(one.get(60, TimeUnit.SECONDS));
        }
        starts.shutdown();
        assertEquals(1, names(folder).size(), names(folder).toString());
    }

    @Test
    void versionsThatNobodyUsesAreRemoved() throws IOException {
        Path old = Files.createDirectories(folder.resolve("0.1.0-0123abcd"));
        Path recent = Files.createDirectories(folder.resolve("0.2.0-0123abcd"));
        Path users = Files.createDirectories(folder.resolve("my files"));
        for (Path version : List.of(old, recent, users)) {
            Files.write(version.resolve("lib.so"), new byte[9]);
        }
        FileTime longAgo = FileTime.fromMillis(System.currentTimeMillis() - TimeUnit.DAYS.toMillis(30));
        Files.setLastModifiedTime(old, longAgo);
        Files.setLastModifiedTime(users, longAgo);
        Path file = cache(CacheFolder.kept(folder)).file(resource(1));
        assertFalse(Files.exists(old));
        assertTrue(Files.exists(recent.resolve("lib.so")) && Files.exists(users.resolve("lib.so")));
        // The one in use stays, however long ago it was unpacked.
        Files.setLastModifiedTime(file.getParent(), longAgo);
        cache(CacheFolder.kept(folder)).file(resource(1));
        cache(CacheFolder.kept(folder)).file(resource(2));
        assertTrue(Files.exists(file));
    }

    @Test
    void theUsersFolderIsThatOfTheSystem() {
        String home = folder.toString();
        Map<String, String> linux = Map.of("os.name", "Linux", "user.home", home, "java.io.tmpdir", "/tmp");
        assertEquals(folder.resolve(".cache/undulator"), CacheFolder.all(linux::get, name -> null).get(0).path());
        Map<String, String> set = Map.of("XDG_CACHE_HOME", home + "/other");
        assertEquals(folder.resolve("other/undulator"), CacheFolder.all(linux::get, set::get).get(0).path());
        Map<String, String> mac = Map.of("os.name", "Mac OS X", "user.home", home, "java.io.tmpdir", "/tmp");
        assertEquals(folder.resolve("Library/Caches/undulator"), CacheFolder.all(mac::get, set::get).get(0).path());
        Map<String, String> named = Map.of("os.name", "Linux", "user.home", "?", "java.io.tmpdir", "/tmp",
                "undulator.cache", home);
        List<CacheFolder> folders = CacheFolder.all(named::get, name -> null);
        assertEquals(folder, folders.get(0).path());
        assertTrue(folders.get(1).isPassing());
    }

    @Test
    void aResourceInAJarIsKnownByItsDirectory() throws IOException {
        assertEquals(null, JarResource.find("/none such"));
        JarResource here = JarResource.find("/undulator/version.txt");
        assertTrue(here.isIn(cache(CacheFolder.kept(folder)).file(here)));
        Path jar = folder.resolve("a b%.jar");
        try (java.util.jar.JarOutputStream out = new java.util.jar.JarOutputStream(Files.newOutputStream(jar))) {
            out.putNextEntry(new java.util.jar.JarEntry("one.txt"));
            out.write(new byte[] {1, 2, 3});
        }
        try (URLClassLoader loader = new URLClassLoader(new URL[] {jar.toUri().toURL()})) {
            JarResource inside = JarResource.find(loader.getResource("one.txt"), "one.txt");
            Path file = cache(CacheFolder.kept(folder)).file(inside);
            assertArrayEquals(new byte[] {1, 2, 3}, Files.readAllBytes(file));
        }
        assertEquals(jar.toString(), PluginJar.path(jar.toUri().toURL()));
        assertEquals(new File("/a b").getPath(), PluginJar.path(new URL("file:/a b")));
    }
}
