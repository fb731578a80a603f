package undulator.imagej;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import undulator.imagej.RealImageJ.Outcome;

/**
 * Stacks larger than memory: a virtual stack that is made on the fly is applied to a file.
 *
 * <p>The numbers are small here; {@code benches/apply/large.sh} runs it with 20,000 slices under a heap of 1 GiB, and kills it ten
 * times.</p>
 */
class LargeStackIT {
    private static final int SLICES = Integer.getInteger("undulator.slices", 2000);
    private static final int EDGE = Integer.getInteger("undulator.edge", 128);
    private static final String HEAP = System.getProperty("undulator.heap", "64m");
    private static final int KILLS = Integer.getInteger("undulator.kills", 4);
    /** TIFF header, in the files of this plugin. */
    private static final int HEADER = 4096;

    @TempDir
    static Path shared;

    @TempDir
    Path folder;

    @BeforeAll
    static void train() throws Exception {
        Outcome outcome = RealImageJ.headless(shared).macro("""
                newImage("low", "8-bit ramp", 32, 32, 6);
                run("Undulator Train...", "low=low reference=low layers=3 channels=2 epochs=1 validation=1 device=cpu "
                    + "model=[MODEL]");
                """.replace("MODEL", model().toString()));
        assertEquals(0, outcome.exit(), outcome.output());
    }

    private static Path model() {
        return shared.resolve("model.zip");
    }

    private Path file(String name) {
        return folder.resolve(name);
    }

    private RealImageJ imageJ() {
        return RealImageJ.headless(folder).java("-Xmx" + HEAP, "-Dundulator.slices=" + SLICES,
                "-Dundulator.edge=" + EDGE);
    }

    private String macro(Path output) {
        return """
                run("Undulator Apply...", "image=made model=[MODEL] device=cpu output=[OUTPUT]");
                print("title: " + getTitle());
                getDimensions(width, height, channels, slices, frames);
                print("dimensions: " + width + " " + height + " " + channels + " " + slices + " " + frames);
                getVoxelSize(w, h, d, unit);
                print("voxel: " + w + " " + h + " " + d + " " + unit);
                print("virtual: " + is("Virtual Stack"));
                setSlice(nSlices);
                print("label: " + getInfo("slice.label"));
                print("mean: " + getValue("Mean"));
                """.replace("MODEL", model().toString()).replace("OUTPUT", output.toString());
    }

    /** Kills a run as soon as the unfinished file has so many bytes; false if it ended before. */
    private boolean killAt(Path output, long bytes) throws Exception {
        Path part = Path.of(output + ".part");
        Process run = imageJ().start(macro(output), "made");
        while (run.isAlive() && !(Files.exists(part) && size(part) >= bytes)) {
            Thread.sleep(5);
        }
        boolean alive = run.isAlive();
        run.destroyForcibly().waitFor();
        return alive;
    }

    private static long size(Path part) {
        try {
            return Files.size(part);
        } catch (IOException renamed) {
            return Long.MAX_VALUE;
        }
    }

    private static String hash(Path path) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        byte[] buffer = new byte[1 << 16];
        try (InputStream in = Files.newInputStream(path)) {
            for (int read = in.read(buffer); read > 0; read = in.read(buffer)) {
                digest.update(buffer, 0, read);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    @Test
    void aStackBeyondTheHeapGoesToAFileAndSurvivesKills() throws Exception {
        Path whole = file("whole.tif");
        Path parts = file("parts.tif");
        long bytes = (long) EDGE * EDGE * SLICES;
        Outcome outcome = imageJ().macro(macro(whole), "made");
        assertEquals(0, outcome.exit(), outcome.output());
        assertEquals("made-restored", outcome.value("title"));
        assertEquals(EDGE + " " + EDGE + " 1 " + SLICES + " 1", outcome.value("dimensions"));
        assertEquals("0.31 0.31 0.5 \u00B5m", outcome.value("voxel"));
        assertEquals("1", outcome.value("virtual"));
        assertEquals("slice " + SLICES, outcome.value("label"));
        assertEquals(HEADER + bytes, Files.size(whole));
        System.out.println("peak of " + SLICES + " slices of " + EDGE + "x" + EDGE + " under " + HEAP + ": "
                + outcome.value("VmHWM"));

        Random random = new Random(7);
        int killed = 0;
        for (int i = 0; i < KILLS; i++) {
            long done = Files.exists(Path.of(parts + ".part")) ? Files.size(Path.of(parts + ".part")) : HEADER;
            // Somewhere in the next tenth, so that all kills fit.
            long at = done + (long) (random.nextDouble() * 2 * (HEADER + bytes - done) / (KILLS + 2 - i));
            killed += killAt(parts, at) ? 1 : 0;
        }
        assertEquals(KILLS, killed);
        assertFalse(Files.exists(parts));
        Outcome last = imageJ().macro(macro(parts), "made");
        assertEquals(0, last.exit(), last.output());
        assertTrue(last.output().contains("going on after slice "), last.output());
        assertEquals(outcome.value("mean"), last.value("mean"));
        assertEquals(hash(whole), hash(parts));
    }

    @Test
    void withoutAFileTheMessageTellsOfIt() throws Exception {
        String macro = macro(file("none.tif")).replace("output=[" + file("none.tif") + "]", "");
        Outcome outcome = RealImageJ.headless(folder).java("-Xmx64m", "-Dundulator.slices=20000",
                "-Dundulator.edge=256").macro(macro, "made");
        assertEquals(1, outcome.exit(), outcome.output());
        assertTrue(outcome.output().contains("output=[/data/result.tif]"), outcome.output());
    }

    @Test
    void aHyperstackStaysOneAndItsFileOpensAsOne() throws Exception {
        Path output = file("hyper.tif");
        String apply = "run(\"Undulator Apply...\", \"image=hyper device=cpu model=[" + model() + "]";
        Outcome outcome = RealImageJ.headless(folder).macro("""
                newImage("hyper", "8-bit composite-mode", 40, 30, 2, 3, 4);
                setVoxelSize(0.31, 0.31, 0.5, "um");
                """ + apply + " output=[" + output + "]\");\n" + """
                function shape() {
                    getDimensions(width, height, channels, slices, frames);
                    getVoxelSize(w, h, d, unit);
                    return "" + channels + " " + slices + " " + frames + " " + Stack.isHyperstack + " " + w + " " + d + unit;
                }
                print("made: " + shape());
                rename("file");
                """ + apply + "\");\n" + """
                imageCalculator("Difference create stack", "file", "hyper-restored");
                Stack.getStatistics(voxels, mean, min, max);
                print("differs by: " + max);
                close("file");
                run("TIFF Virtual Stack...", "open=[OUTPUT]");
                print("opened: " + shape() + is("Virtual Stack"));
                """.replace("OUTPUT", output.toString()));
        assertEquals(0, outcome.exit(), outcome.output());
        assertEquals("2 3 4 1 0.31 0.5\u00B5m", outcome.value("made"));
        assertEquals("0", outcome.value("differs by"));
        assertEquals("2 3 4 1 0.31 0.5\u00B5m1", outcome.value("opened"));
    }

    @Test
    void resamplingGoesToAFileToo() throws Exception {
        Path output = file("finer.tif");
        String run = "run(\"Undulator Resample...\", \"image=made voxel=0.31 output=[" + output + "]\");\n";
        Outcome outcome = RealImageJ.headless(folder).java("-Dundulator.slices=20", "-Dundulator.edge=40")
                .macro("selectImage('made'); setMinAndMax(20, 180);\n" + run + """
                        print("title: " + getTitle() + " " + nSlices);
                        getVoxelSize(w, h, d, unit);
                        print("voxel: " + w + " " + h + " " + d + " " + unit);
                        getMinAndMax(min, max);
                        print("shown: " + min + " " + max);
                        print("directory: " + getInfo("image.directory") + getInfo("image.filename"));
                        rename("file");
                        selectImage("made");
                        run("Undulator Resample...", "voxel=0.31");
                        run("Undulator Measure...", "test=file reference=" + getTitle());
                        print("PSNR: " + getResult("PSNR", 0));
                        selectImage("made");
                        """ + run, "made");
        assertEquals("made-resampled 32", outcome.value("title"));
        assertEquals("0.31 0.31 0.31 \u00B5m", outcome.value("voxel"));
        assertEquals("20 180", outcome.value("shown"));
        assertEquals(output.toString(), outcome.value("directory"));
        assertEquals("Infinity", outcome.value("PSNR"));
        assertEquals(1, outcome.exit(), outcome.output());
        assertTrue(outcome.output().contains("exists already"), outcome.output());
    }
}
