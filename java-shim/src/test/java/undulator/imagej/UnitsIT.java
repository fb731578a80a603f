package undulator.imagej;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ij.ImagePlus;
import ij.ImageStack;
import ij.io.FileSaver;
import ij.measure.Calibration;
import ij.process.ShortProcessor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import undulator.imagej.RealImageJ.Outcome;

/** Units of length, calibrated grey values and names of axes, as ImageJ has them. */
class UnitsIT {
    private static final int WIDTH = 48;
    private static final int HEIGHT = 40;
    private static final int SLICES = 12;

    /** Prints mean, calibration and voxel size of the active image. */
    private static final String TELL = """
            function tell(name) {
                Stack.getStatistics(count, mean, min, max, std);
                getVoxelSize(w, h, d, unit);
                getDimensions(width, height, channels, slices, frames);
                print(name + " mean: " + mean);
                print(name + " bits: " + bitDepth());
                print(name + " voxel: " + w + " " + h + " " + d + " " + unit);
                print(name + " axes: " + channels + " " + slices + " " + frames);
            }
            """;

    @TempDir
    Path folder;

    @BeforeEach
    void writeStacks() throws IOException {
        write("lab", 0, calibration -> { });
        write("sync", 0, calibration -> { });
        write("signed", 4000, Calibration::setSigned16BitCalibration);
        write("hounsfield", 0,
                calibration -> calibration.setFunction(Calibration.STRAIGHT_LINE, new double[] {-1024, 0.25}, "HU"));
        write("curved", 0,
                calibration -> calibration.setFunction(Calibration.POLY2, new double[] {5, 0, 1e-4}, "OD"));
        Files.writeString(folder.resolve("identity.json"), "{\"about\": \"\", \"scale\": 1, "
                + "\"R\": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], \"shift_um\": [0, 0, 0]}");
    }

    private void write(String name, int offset, Consumer<Calibration> calibrate) {
        ImageStack stack = new ImageStack(WIDTH, HEIGHT);
        for (int z = 0; z < SLICES; z++) {
            short[] pixels = new short[WIDTH * HEIGHT];
            for (int i = 0; i < pixels.length; i++) {
                double wave = Math.sin(i % WIDTH * 0.5 + z * 0.3) + Math.cos(i / WIDTH * 0.4 - z * 0.2);
                pixels[i] = (short) (20_000 + offset + 8_000 * wave);
            }
            stack.addSlice(new ShortProcessor(WIDTH, HEIGHT, pixels, null));
        }
        ImagePlus image = new ImagePlus(name, stack);
        Calibration calibration = image.getCalibration();
        calibration.pixelWidth = calibration.pixelHeight = calibration.pixelDepth = 0.6;
        calibration.setUnit("\u00B5m");
        calibrate.accept(calibration);
        assertTrue(new FileSaver(image).saveAsTiffStack(folder.resolve(name + ".tif").toString()));
    }

    private String filled(String macro) {
        return TELL + macro.replace("FOLDER", folder.toString());
    }

    private static String open(String... names) {
        StringBuilder macro = new StringBuilder();
        for (String name : names) {
            macro.append("open(\"FOLDER/" + name + ".tif\"); rename(\"" + name + "\");\n");
        }
        return macro.toString();
    }

    @Test
    void alignedAndResampledStacksKeepTheirGreyValues() throws Exception {
        Outcome outcome = RealImageJ.headless(folder).macro(filled(open("lab", "signed", "hounsfield", "curved") + """
                names = newArray("lab", "signed", "hounsfield", "curved");
                for (i = 0; i < 4; i++) {
                    name = names[i];
                    selectImage(name);
                    tell(name);
                    run("Undulator Resample...", "image=" + name + " voxel=0.6");
                    made = name + "-resampled";
                    tell(made);
                    reference = names[(i + 1) % 4];
                    run("Undulator Align...", "moving=" + name + " reference=" + reference
                        + " transform=[FOLDER/identity.json]");
                    made = name + "-aligned";
                    tell(made);
                    run("Undulator Resample...", "image=" + name + " voxel=0.6 output=[FOLDER/out-" + i + ".tif]");
                    made = name + "-virtual";
                    tell(made);
                    close();
                    open("FOLDER/out-" + i + ".tif");
                    made = name + "-opened";
                    tell(made);
                    close();
                }
                """));
        assertEquals(0, outcome.exit(), outcome.output());
        for (String name : List.of("lab", "signed", "hounsfield", "curved")) {
            double mean = outcome.number(name + " mean");
            for (String made : List.of("resampled", "aligned", "virtual", "opened")) {
                assertEquals(mean, outcome.number(name + "-" + made + " mean"), 1e-5 * Math.abs(mean) + 1e-3,
                        name + " " + made + outcome.output());
                assertEquals(name.equals("curved") ? "32" : "16", outcome.value(name + "-" + made + " bits"));
            }
        }
        assertTrue(outcome.number("signed mean") < -5_000, outcome.output());
        assertTrue(outcome.number("hounsfield mean") < 10_000, outcome.output());
    }

    @Test
    void theRestoredStackHasTheReferencesGreyScale() throws Exception {
        Outcome outcome = RealImageJ.headless(folder).macro(filled(open("lab", "signed") + """
                tell("signed");
                run("Undulator Train...", "low=lab reference=signed layers=3 channels=4 epochs=6 validation=2 device=cpu "
                    + "model=[FOLDER/model.zip]");
                run("Undulator Apply...", "image=lab model=[FOLDER/model.zip] device=cpu");
                tell("restored");
                run("Undulator Apply...", "image=lab model=[FOLDER/model.zip] device=cpu output=[FOLDER/restored.tif]");
                tell("virtual");
                close();
                open("FOLDER/restored.tif");
                tell("opened");
                selectImage("lab");
                run("8-bit");
                run("Undulator Apply...", "image=lab model=[FOLDER/model.zip] device=cpu");
                close();
                run("Undulator Apply...", "image=lab model=[FOLDER/model.zip] device=cpu window=Image");
                tell("windowed");
                """));
        assertEquals(0, outcome.exit(), outcome.output());
        double mean = outcome.number("signed mean");
        for (String name : List.of("restored", "virtual", "opened", "windowed")) {
            assertEquals(mean, outcome.number(name + " mean"), 4_000, name + outcome.output());
            assertEquals("16", outcome.value(name + " bits"));
        }
        assertEquals(outcome.number("restored mean"), outcome.number("opened mean"), 1e-3);
        assertTrue(outcome.output().contains("Warning: the grey values of lab"), outcome.output());
    }

    @Test
    void lengthsAreComparedWhateverTheirUnit() throws Exception {
        String identity = " transform=[FOLDER/identity.json]\");\n";
        Outcome outcome = RealImageJ.headless(folder).macro(filled(open("lab", "sync") + """
                selectImage("lab");
                setVoxelSize(600, 600, 600, "nm");
                run("Undulator Align...", "moving=lab reference=sync""" + identity + """
                tell("from nm");
                close();
                run("Undulator Align...", "moving=sync reference=lab""" + identity + """
                tell("to nm");
                close();
                run("Undulator Measure...", "test=lab reference=sync");
                selectImage("lab");
                setVoxelSize(0.0006, 0.0006, 0.0006, "mm");
                run("Undulator Resample...", "image=lab voxel=0.0012");
                tell("in mm");
                close();
                run("Undulator Measure...", "test=lab reference=sync");
                print("before");
                selectImage("lab");
                setVoxelSize(1.2, 1.2, 1.2, "um");
                run("Undulator Measure...", "test=lab reference=sync");
                """));
        assertEquals(0, outcome.exit(), outcome.output());
        assertEquals("0.6 0.6 0.6 \u00B5m", outcome.value("from nm voxel"));
        assertEquals("600 600 600 nm", outcome.value("to nm voxel"));
        assertEquals("0.0012 0.0012 0.0012 mm", outcome.value("in mm voxel"));
        String[] halves = outcome.output().split("before");
        assertFalse(halves[0].contains("differ"), outcome.output());
        assertTrue(halves[1].contains("lab (1.2\u00D71.2\u00D71.2 \u00B5m) and sync (0.6\u00D70.6\u00D70.6 \u00B5m) differ"),
                outcome.output());
    }

    @Test
    void whatCannotBeComparedIsRefused() throws Exception {
        String mixed = open("lab", "sync") + "selectImage('lab'); setVoxelSize(1, 1, 1, 'pixel');"
                + "run('Undulator Align...', 'moving=lab reference=sync');";
        String large = open("lab") + "setVoxelSize(0.0006, 0.0006, 0.0006, 'mm');"
                + "run('Undulator Resample...', 'image=lab voxel=0.6');";
        String far = open("lab", "sync") + "selectImage('lab'); setVoxelSize(600, 600, 600, 'um');"
                + "run('Undulator Align...', 'moving=lab reference=sync');";
        Outcome outcome = RealImageJ.headless(folder)
                .macros(List.of(filled(mixed), filled("close('*');" + large), filled("close('*');" + far)));
        assertTrue(outcome.value("error 0").contains("lab (1\u00D71\u00D71 pixel) and sync (0.6\u00D70.6\u00D70.6 \u00B5m)"),
                outcome.output());
        assertTrue(outcome.value("error 1").contains("0.6 mm is larger than lab, whose field is 0.0288\u00D70.024"),
                outcome.output());
        assertTrue(outcome.value("error 2").contains("the field of lab is 28800\u00D724000\u00D77200 \u00B5m"),
                outcome.output());
    }

    @Test
    void oneLongAxisIsAVolumeWhateverItsName() throws Exception {
        Outcome outcome = RealImageJ.headless(folder).macro(filled(open("lab", "sync") + """
                for (i = 0; i < 2; i++) {
                    selectImage("lab");
                    if (i == 0) Stack.setDimensions(nSlices, 1, 1); else Stack.setDimensions(1, 1, nSlices);
                    run("Undulator Measure...", "test=lab reference=sync");
                    run("Undulator Resample...", "image=lab voxel=1.2");
                    made = "half " + i;
                    tell(made);
                    close();
                    run("Undulator Resample...", "image=lab voxel=0.6");
                    made = "same " + i;
                    tell(made);
                    close();
                }
                """));
        assertEquals(0, outcome.exit(), outcome.output());
        assertEquals("1 6 1", outcome.value("half 0 axes"));
        assertEquals("1 6 1", outcome.value("half 1 axes"));
        assertEquals("12 1 1", outcome.value("same 0 axes"));
        assertEquals("1 1 12", outcome.value("same 1 axes"));
    }
}
