package undulator.imagej;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import undulator.imagej.RealImageJ.Outcome;

/** Bad input is a clear error that stops the macro; no image stays locked, no half result is shown, no file is lost. */
class BadInputIT {
    /** Two stacks on one grid. */
    private static final String PAIR = """
            newImage("low", "16-bit ramp", 32, 32, 20);
            run("Add Specified Noise...", "stack standard=900");
            newImage("reference", "16-bit ramp", 32, 32, 20);
            """;

    private static final String TRAIN = "run(\"Undulator Train...\", \"low=low reference=reference layers=3 "
            + "channels=4 epochs=EPOCHS validation=4 device=cpu model=[MODEL]\");\n";

    @TempDir
    Path folder;

    private Path model() {
        return folder.resolve("model.zip");
    }

    private String train(int epochs) {
        return TRAIN.replace("EPOCHS", Integer.toString(epochs)).replace("MODEL", model().toString());
    }

    private static void assertStopped(Outcome outcome, String... words) {
        assertEquals(1, outcome.exit(), outcome.output());
        assertFalse(outcome.output().contains("went on"), outcome.output());
        assertFalse(outcome.output().contains("still locked"), outcome.output());
        assertFalse(outcome.output().contains("defect"), outcome.output());
        for (String word : words) {
            assertTrue(outcome.output().contains(word), "no \"" + word + "\" in:\n" + outcome.output());
        }
    }

    private static String andOn(String code) {
        return code + "\nprint('went on');";
    }

    /** Two stacks of noise. */
    private static final String ALIGN = "for (i = 0; i < 2; i++) { newImage('n' + i, '8-bit black', 40, 40, 20); "
            + "run('Add Specified Noise...', 'stack standard=60'); run('Add...', 'value=90 stack'); "
            + "run('Add Specified Noise...', 'stack standard=60'); } run('Undulator Align...', 'moving=n0 reference=n1 ";

    /** Two stacks to train on. */
    private static final String RAMPS = "newImage('a', '8-bit ramp', 32, 32, 6); newImage('b', '8-bit ramp', 32, 32, 6); ";

    private static final String TRAIN_RAMPS = RAMPS + "run('Undulator Train...', 'low=a reference=b layers=3 epochs=1 "
            + "validation=1 device=cpu ";

    private static final String COMPARE = RAMPS + "run('Undulator Compare Networks...', 'low=a reference=b epochs=1 "
            + "channels=2 validation=1 device=cpu ";

    /** Macros that must fail, each with words that its message must hold. */
    private static final String[][] REFUSED = {
        {"run('Undulator Resample...', 'voxel=2');", "No image is open"},
        {"newImage('c', 'RGB', 9, 9, 3); run('Undulator Resample...', 'voxel=2');", "RGB colour image"},
        {"newImage('a', '8-bit', 9, 9, 3); run('Undulator Resample...', 'image=b');", "choose one of a"},
        {"newImage('a', '8-bit', 9, 9, 3); newImage('a', '8-bit', 9, 9, 3); "
            + "run('Undulator Resample...', 'image=a');", "2 open images are called"},
        {"newImage('a', '8-bit', 9, 9, 3); run('Undulator Resample...', 'voxels=2');", "has no option \"voxels\""},
        {"newImage('a', '8-bit', 9, 9, 3); run('Undulator Resample...', 'voxel=-2');", "-2"},
        {"newImage('a', '8-bit', 9, 9, 3); setVoxelSize(0, 1, 1, 'um'); "
            + "run('Undulator Resample...', 'voxel=2');", "above zero"},
        {"newImage('a', '32-bit ramp', 9, 9, 3); run('Divide...', 'value=0 stack'); "
            + "run('Undulator Measure...', 'test=a reference=a');", "0.00 % of a is measured"},
        {"newImage('a', '8-bit', 9, 9, 3); newImage('b', '8-bit', 9, 9, 4); "
            + "run('Undulator Measure...', 'test=a reference=b');", "9\u00D79\u00D74"},
        {"newImage('a', '8-bit', 9, 9, 3); run('Undulator Apply...', 'image=a');", "Model (model) is missing"},
        {"newImage('a', '8-bit', 9, 9, 3); run('Undulator Apply...', 'model=[/no such/model.zip]');",
            "/no such/model.zip"},
        {"newImage('a', '8-bit ramp', 32, 32, 1); newImage('b', '8-bit ramp', 32, 32, 1); "
            + "run('Undulator Train...', 'low=a reference=b layers=3 channels=4 epochs=1 device=cpu model=m.zip');",
            "slice"},
        {"run('Hyperstack...', 'title=h type=8-bit display=Grayscale width=32 height=32 channels=2 slices=3 frames=2');"
            + "run('Undulator Measure...', 'test=h reference=h');", "hyperstack of 2 channels and 2 frames"},
        {"run('Undulator Sample Data...', 'width=1');", "width"},
        {"run('Undulator Sample Data...', 'seed=-5');", "seed=-5 is not possible: Seed is a whole number from 0 to"},
        {"run('Undulator Sample Data...', 'voxel=1e300');", "voxel=1e300 is not possible: Voxel size is a number from 0.1 to 3"},
        {"run('Undulator Sample Data...', 'voxel=0,6');", "write it with a point, voxel=0.6"},
        {TRAIN_RAMPS + "channels=2 model=m.tif');", "it ends in .tif; end it in .zip, or leave the ending out"},
        {TRAIN_RAMPS + "channels=2 model=m.zip start=nowhere.zip');", "/nowhere.zip"},
        {ALIGN + "overlay=Blue');", "choose one of None, Checkerboard, Red-green"},
        {ALIGN + "voxel=-1');", "voxel=-1 is not possible: Voxel size is a number from 0"},
        {ALIGN + "start=[/no such/start.json]');", "/no such/start.json"},
        {ALIGN + "transform=Bent');", "transform=Bent is not possible: choose one of Similarity, Rigid, Affine, or a file"},
        {ALIGN + "transform=[/no such/t.json]');", "/no such/t.json"},
        {ALIGN + "save=[/no such/saved.json]');", "/no such/saved.json"},
        {TRAIN_RAMPS + "channels=2 model=m.zip start=[/no such/start.zip]');", "/no such/start.zip"},
        {COMPARE + "layers=3 folder=[/dev/null/comparison]');", "folder=/dev/null/comparison cannot be used"},
        {COMPARE + "layers=5-3 folder=.');", "layers=5-3 is not possible: give 3-7"},
        {ALIGN + "');", "do not seem to show the same place"},
    };

    @Test
    void isRefusedHeadless() throws Exception {
        List<String> macros = Arrays.stream(REFUSED).map(macro -> andOn(macro[0])).collect(Collectors.toList());
        Outcome outcome = RealImageJ.headless(folder).macros(macros);
        for (int i = 0; i < REFUSED.length; i++) {
            String error = outcome.value("error " + i);
            assertTrue(error.contains(REFUSED[i][1]), REFUSED[i][0] + " said: " + error);
            assertTrue(outcome.output().lines().anyMatch(error::equals), "not in the log: " + error);
        }
        assertFalse(outcome.output().matches("(?s).*(went on|still locked|defect).*"), outcome.output());
        assertFalse(Files.exists(folder.resolve("m.zip")));
    }

    @Test
    void imagesOfOneTitleAreToldApartByTheirIds() throws Exception {
        Outcome outcome = RealImageJ.headless(folder).macro("newImage('a', '8-bit ramp', 9, 9, 3); id = getImageID(); "
                + "newImage('a', '8-bit ramp', 20, 20, 3); other = getImageID(); "
                + "run('Undulator Resample...', 'image=' + id + ' voxel=0.5'); print('first: ' + getWidth()); "
                + "run('Undulator Resample...', 'image=[id:' + other + '] voxel=0.5'); print('second: ' + getWidth());");
        assertEquals("18", outcome.value("first"), outcome.output());
        assertEquals("40", outcome.value("second"));
    }

    @Test
    void aModelGetsItsEndingAndIsFoundWithoutIt() throws Exception {
        Outcome outcome = RealImageJ.headless(folder).macro(PAIR + train(1).replace("model.zip", "model")
                + "run('Undulator Apply...', 'image=low device=cpu model=[" + folder.resolve("model") + "]'); "
                + "print('title: ' + getTitle());");
        assertEquals("low-restored", outcome.value("title"), outcome.output());
        assertTrue(Files.exists(model()) && !Files.exists(folder.resolve("model")));
    }

    @Test
    void isRefusedInAWindow() throws Exception {
        Outcome outcome = RealImageJ.windowed(folder)
                .macro(andOn("newImage('c', 'RGB', 9, 9, 3); run('Undulator Resample...', 'voxel=2');"));
        assertStopped(outcome, "RGB colour image");
    }

    /** ImageJ's -batch has no window: its own error dialog would wait for a click that never comes. */
    @Test
    void doesNotBlockABatchRun() throws Exception {
        Path macro = Files.writeString(folder.resolve("batch.ijm"),
                andOn("newImage('c', 'RGB', 9, 9, 3); run('Undulator Resample...', 'voxel=2');"));
        Outcome outcome = RealImageJ.windowed(folder)
                .run(List.of("ij.ImageJ", "-batch", macro.toString()));
        assertTrue(outcome.output().contains("Undulator Resample: \"c\" is an RGB colour image"), outcome.output());
        assertFalse(outcome.output().contains("went on"), outcome.output());
    }

    @Test
    void aTruncatedModelIsRefused() throws Exception {
        assertEquals(0, RealImageJ.headless(folder).macro(PAIR + train(1)).exit());
        byte[] whole = Files.readAllBytes(model());
        Files.write(model(), Arrays.copyOf(whole, whole.length / 2));
        Outcome outcome = RealImageJ.headless(folder)
                .macro(andOn(PAIR + "run('Undulator Apply...', 'image=low device=cpu model=[" + model() + "]');"));
        assertStopped(outcome, "model.zip");
    }

    @Test
    void aFullDiskLeavesTheOldModel() throws Exception {
        Files.write(model(), new byte[] {1, 2, 3});
        Path library = RealImageJ.unpackLibrary(folder);
        Outcome outcome = RealImageJ.headless(folder).java("-Djava.library.path=" + library.getParent()).fileLimit(16)
                .macro(andOn(PAIR + train(1).replace("channels=4", "channels=24")));
        assertStopped(outcome, "model.zip");
        assertArrayEquals(new byte[] {1, 2, 3}, Files.readAllBytes(model()));
        try (var files = Files.list(folder)) {
            assertEquals(1, files.filter(file -> file.toString().contains("model")).count(), "a left-over file");
        }
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void escapeKeepsTheBestModelSoFar(boolean windowed) throws Exception {
        RealImageJ imageJ = windowed ? RealImageJ.windowed(folder) : RealImageJ.headless(folder);
        Outcome outcome = imageJ.macro(andOn(PAIR + train(100_000)), "escape");
        assertFalse(outcome.output().contains("went on"), outcome.output());
        assertFalse(outcome.output().contains("still locked"), outcome.output());
        assertEquals(1, outcome.exit(), outcome.output());
        Outcome applied = RealImageJ.headless(folder).macro(PAIR + "run('Undulator Apply...', 'image=low device=cpu "
                + "reference=reference model=[" + model() + "]'); print('title: ' + getTitle());");
        assertEquals("low-restored", applied.value("title"));
    }

    @Test
    void anImageMayBeClosedMeanwhile() throws Exception {
        Outcome outcome = RealImageJ.windowed(folder).macro(
                PAIR + train(40) + "print('epoch rows: ' + nResults); print('open: ' + nImages);", "close all");
        assertEquals(0, outcome.exit(), outcome.output());
        assertTrue(outcome.number("epoch rows") >= 40, outcome.output());
        assertEquals(0, outcome.number("open"));
        assertTrue(Files.exists(model()));
    }

    @Test
    void aHeapThatIsTooSmallIsSaidBeforeTheWork() throws Exception {
        Outcome outcome = RealImageJ.headless(folder).java("-Xmx96m").macro(andOn(
                "newImage('a', '8-bit ramp', 200, 200, 100); run('Undulator Resample...', 'voxel=0.2');"));
        assertStopped(outcome, "needs 477 MB of memory", "Edit > Options > Memory & Threads");
    }

    @Test
    void aLibraryOfAnotherVersionIsNamed() throws IOException, InterruptedException {
        Path library = RealImageJ.unpackLibrary(folder);
        patchVersion(library);
        Outcome outcome = RealImageJ.headless(folder).java("-Djava.library.path=" + library.getParent())
                .macro(andOn("run('Undulator Devices...');"));
        assertStopped(outcome, library.toString(), "is version " + System.getProperty("undulator.version"));
    }

    private static void patchVersion(Path library) throws IOException {
        // ISO 8859-1 maps each byte to one character and back.
        String bytes = Files.readString(library, StandardCharsets.ISO_8859_1);
        String version = System.getProperty("undulator.version");
        Files.writeString(library, bytes.replace(version, "9" + version.substring(1)),
                StandardCharsets.ISO_8859_1);
    }

    @Test
    void aDamagedLibraryIsNamed() throws Exception {
        Path library = RealImageJ.unpackLibrary(folder);
        Files.write(library, new byte[] {0, 1, 2});
        Outcome outcome = RealImageJ.headless(folder).java("-Djava.library.path=" + library.getParent())
                .macro(andOn("run('Undulator Devices...');"));
        assertEquals(0, outcome.exit(), "the jar's own copy serves instead:\n" + outcome.output());
    }

    private RealImageJ withoutHomeAndTemporaryFolder() {
        return RealImageJ.headless(folder).environment(Map.of("XDG_CACHE_HOME", ""))
                .java("-Duser.home=/proc/none", "-Djava.io.tmpdir=/proc");
    }

    @Test
    void theLibraryIsUnpackedOnceAndElsewhereWhereItCannotBe() throws Exception {
        RealImageJ.headless(folder).environment(Map.of("XDG_CACHE_HOME", "")).macro("run('Undulator Devices...');");
        Path cached = onlyLibraryIn(folder.resolve(".cache/undulator"));
        FileTime written = Files.getLastModifiedTime(cached);
        Outcome again = RealImageJ.headless(folder).environment(Map.of("XDG_CACHE_HOME", ""))
                .macro(andOn("run('Undulator Devices...');"));
        assertEquals(0, again.exit(), again.output());
        assertEquals(written, Files.getLastModifiedTime(onlyLibraryIn(folder.resolve(".cache/undulator"))));
        Outcome elsewhere = withoutHomeAndTemporaryFolder().macro(andOn("run('Undulator Devices...');"));
        assertEquals(0, elsewhere.exit(), elsewhere.output());
        onlyLibraryIn(folder.resolve("cache/undulator"));
    }

    private static Path onlyLibraryIn(Path cache) throws IOException {
        try (var files = Files.walk(cache)) {
            List<Path> found = files.filter(Files::isRegularFile).collect(Collectors.toList());
            assertEquals(1, found.size(), found.toString());
            return found.get(0);
        }
    }

    @Test
    void foldersThatTakeNoLibraryAreNamed() throws Exception {
        Files.write(folder.resolve("cache"), new byte[1]);
        Outcome outcome = withoutHomeAndTemporaryFolder().macro(andOn("run('Undulator Devices...');"));
        assertStopped(outcome, "could not be loaded", "/proc/none/.cache/undulator: ", "/proc: ",
                folder.resolve("cache/undulator") + ": ", "-Dundulator.cache=FOLDER", "-Dundulator.library=FILE");
    }
}
