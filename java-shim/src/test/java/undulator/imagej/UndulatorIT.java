package undulator.imagej;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ij.ImagePlus;
import ij.WindowManager;
import ij.measure.ResultsTable;
import ij.process.ByteProcessor;
import ij.process.ColorProcessor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import undulator.CommandException;
import undulator.Host;
import undulator.Model;
import undulator.NewImage;
import undulator.Outcome;
import undulator.Scores;
import undulator.StackSink;
import undulator.StackSource;
import undulator.Undulator;

/** The functions for scripts, in this Java: no window, no ImageJ, hidden images. */
class UndulatorIT {
    private static ImagePlus laboratory;
    private static ImagePlus synchrotron;

    @TempDir
    Path folder;

    @BeforeAll
    static void make() {
        System.setProperty("java.awt.headless", "true");
        Outcome pair = Undulator.sampleData(Map.of("width", 48, "height", 48, "slices", 12, "seed", 4));
        laboratory = pair.image("laboratory");
        synchrotron = pair.image("synchrotron");
        assertSame(synchrotron, pair.image());
        assertEquals(12.8, pair.number("PSNR"), 0.05);
    }

    private static String refusal(Runnable does, String code) {
        CommandException refused = assertThrows(CommandException.class, does::run);
        assertEquals(code, refused.code(), refused.getMessage());
        return refused.getMessage();
    }

    @Test
    void aTrainedModelRestoresAHiddenImage() {
        Model model = Undulator.train(laboratory, synchrotron, Map.of("layers", 3, "channels", 8, "epochs", 40,
                "residual", true, "validation", 3, "device", "cpu", "model", folder.resolve("my model.zip")));
        assertTrue(Files.exists(folder.resolve("my model.zip")));
        ImagePlus restored = Undulator.apply(laboratory, model, Map.of("device", "cpu"));
        assertEquals("laboratory-restored", restored.getTitle());
        assertEquals(12, restored.getStackSize());
        assertEquals("\u00B5m", restored.getCalibration().getUnit());
        Scores raw = Undulator.measure(laboratory, synchrotron, Map.of("windowed", true));
        Scores better = Undulator.measure(restored, synchrotron, Map.of("windowed", true));
        assertTrue(better.psnr() > raw.psnr(), raw + " to " + better);
        assertEquals(12, better.slicePsnr().length);
        assertEquals(12, better.sliceSsim().length);
        assertFalse(laboratory.isLocked() || synchrotron.isLocked());
        assertNull(WindowManager.getIDList(), "no image is shown");
        assertEquals(0, ResultsTable.getResultsTable().size());
    }

    @Test
    void theShippedModelHasAName() {
        assertEquals("laboratory-restored", Undulator.apply(laboratory, Model.named("sample-cathode")).getTitle());
        assertTrue(refusal(() -> Model.named("none such"), "model").contains("sample-cathode"));
    }

    @Test
    void resamplingAndAligningGiveImages() {
        ImagePlus coarse = Undulator.resample(laboratory, 1.2);
        assertEquals(24, coarse.getWidth());
        assertEquals(1.2, coarse.getCalibration().pixelDepth);
        Path away = folder.resolve("same.json");
        Outcome aligned = Undulator.run("Align", "overlay=Checkerboard save=[" + away + "]", laboratory, synchrotron);
        assertEquals(List.of("aligned-overlay", "aligned"), List.copyOf(aligned.images().keySet()));
        assertEquals(1, aligned.number("Scale"), 0.05);
        assertEquals(List.of(away.toFile()), aligned.files());
        ImagePlus again = Undulator.align(laboratory, synchrotron, Map.of("transform", away));
        assertEquals(Double.POSITIVE_INFINITY, Undulator.measure(again, aligned.image()).psnr());
    }

    @Test
    void devicesAreRows() {
        List<Map<String, Object>> rows = Undulator.devices();
        assertEquals(List.of("Item", "State", "Detail"), List.copyOf(rows.get(0).keySet()));
    }

    @Test
    void theCardOfAModelComesWithItsCover() {
        Outcome card = Undulator.run("Models", Map.of("model", "sample-cathode", "image", laboratory));
        assertEquals("yes", card.rows().get(0).get("Runs"));
        assertTrue(card.rows("card").stream().anyMatch(row -> row.get("Name").equals("Licence")), card.rows("card").toString());
        assertFalse(card.rows("history").isEmpty());
        assertNotNull(card.pictures().get("cover"));
    }

    @Test
    void badInputIsAnExceptionWithACode() {
        ImagePlus rgb = new ImagePlus("rgb", new ColorProcessor(9, 9));
        assertTrue(refusal(() -> Undulator.resample(rgb, 2), "image").contains("RGB colour image"));
        ImagePlus other = new ImagePlus("other", new ByteProcessor(9, 9));
        refusal(() -> Undulator.measure(laboratory, other), "image.sizes");
        assertTrue(refusal(() -> Undulator.run("Bend", Map.of()), "option").contains("Resample"));
        assertTrue(refusal(() -> Undulator.run("Measure", "", laboratory, synchrotron, other), "option")
                .contains("too many"));
        assertTrue(refusal(() -> Undulator.run("Measure", Map.of("test", laboratory)), "option").contains("reference"));
        refusal(() -> Undulator.apply(laboratory, Model.of("/no such/model.zip")), "file");
        assertFalse(laboratory.isLocked());
    }

    /** The checks of values are the library's. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "layer=3 | Train has no option \"layer\": its options are low=, reference=, preset=, network=, layers=, activation=",
        "activation=tanh | activation=tanh is not possible: choose one of PReLU, ReLU",
        "layers=six | layers=six is not possible: Layers is a whole number from 3 to 20",
        "layers=6.5 | Layers is a whole number",
        "rate=NaN | Learning rate is a number",
        "rate= | Learning rate is a number",
        "augment=maybe | it is switched on by its name alone",
        "epochs=1 | Model file (model) is missing",
        "model=m.zip preset=paper | 20 "})
    void optionsAreRefusedWithAdvice(String options, String words) {
        CommandException refused = assertThrows(CommandException.class,
                () -> Undulator.run("Train", options + " device=cpu", laboratory, synchrotron));
        assertTrue(refused.getMessage().contains(words), refused.getMessage());
    }

    @Test
    void interruptingTheThreadStopsTheWork() throws InterruptedException {
        AtomicReference<Throwable> end = new AtomicReference<>();
        Thread worker = new Thread(() -> Undulator.train(laboratory, synchrotron, Map.of("layers", 3, "channels", 4,
                "epochs", 100_000, "device", "cpu", "validation", 3, "model", folder.resolve("stopped.zip"))));
        worker.setUncaughtExceptionHandler((thread, failure) -> end.set(failure));
        worker.start();
        Thread.sleep(2000);
        worker.interrupt();
        worker.join(60_000);
        assertTrue(end.get() instanceof CommandException, String.valueOf(end.get()));
        assertEquals("cancelled", ((CommandException) end.get()).code());
        assertFalse(laboratory.isLocked());
    }

    /** A host that takes nothing and throws where it is told to. */
    private static final class ThrowingHost implements Host {
        private final String where;

        ThrowingHost(String where) {
            this.where = where;
        }

        private void hear(String method) {
            if (method.equals(where)) {
                throw new IllegalStateException("in " + method);
            }
        }

        @Override
        public StackSource image(String key, String name) {
            hear("image");
            return null;
        }

        @Override
        public StackSink create(NewImage image) {
            hear("create");
            return new StackSink() {
                @Override
                public void begin(int width, int height, int planes, int bits, double[] voxel, double[] scale) {
                    hear("begin");
                }

                @Override
                public void write(int plane, Object pixels) {
                    hear("write");
                }

                @Override
                public Object read(int plane) {
                    return null;
                }

                @Override
                public void displayRange(double min, double max) {
                    hear("displayRange");
                }

                @Override
                public void property(String key, String value) {
                    hear("property");
                }
            };
        }

        @Override
        public void open(NewImage image, String path, double[] voxel, double[] scale) {
        }

        @Override
        public void written(String path) {
        }

        @Override
        public String model(String name) {
            return name;
        }

        @Override
        public String models() {
            return ".";
        }

        @Override
        public void row(String table, String[] columns, String[] units, double[] numbers, String[] texts) {
            hear("row");
        }

        @Override
        public void picture(String name, int width, int height, byte[] rgb) {
        }

        @Override
        public void phase(String name) {
            hear("phase");
        }

        @Override
        public void fraction(double fraction) {
            hear("fraction");
        }

        @Override
        public void message(String line) {
        }

        @Override
        public void warning(String line) {
        }

        @Override
        public boolean cancelled() {
            hear("cancelled");
            return false;
        }
    }

    @ParameterizedTest
    @CsvSource({"create", "begin", "write", "displayRange", "row", "phase", "fraction", "cancelled"})
    void whatAHostThrowsComesBackUnchanged(String where) {
        Map<String, String> small = Map.of("width", "16", "height", "16", "slices", "2");
        IllegalStateException thrown = assertThrows(IllegalStateException.class,
                () -> Undulator.run("Sample Data", small, new ThrowingHost(where)));
        assertEquals("in " + where, thrown.getMessage());
    }
}
