package undulator.imagej;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import undulator.imagej.RealImageJ.Outcome;

/** All commands from a macro: in a window, in batch mode, and headless as in Fiji. */
class WholePathIT {
    private static final String MACRO = """
            run("Undulator Sample Data...", "width=64 height=64 slices=24 seed=3");
            print("made: " + getTitle());
            selectImage("laboratory");
            setMinAndMax(100, 5000);
            run("Fire");
            getLut(reds, greens, blues);
            print("LUT before: " + reds[100] + " " + greens[100] + " " + blues[100]);
            run("Undulator Resample...", "image=laboratory voxel=1.2");
            print("resampled: " + getTitle());
            getVoxelSize(w, h, d, unit);
            print("voxel: " + w + " " + h + " " + d + " " + unit);
            print("size: " + getWidth() + " " + getHeight() + " " + nSlices + " " + bitDepth());
            getMinAndMax(min, max);
            print("shown: " + min + " " + max);
            getLut(reds, greens, blues);
            print("LUT after: " + reds[100] + " " + greens[100] + " " + blues[100]);
            close();
            run("Clear Results");
            run("Undulator Train...", "low=laboratory reference=synchrotron layers=3 channels=4 epochs=2 "
                + "validation=5 device=cpu model=[MODEL]");
            print("epoch rows: " + nResults);
            print("epoch: " + getResult("Rate", 1) + " " + (getResult("Validation loss", 1) > 0));
            titles = String.join(getList("window.titles"));
            print("training window: " + (indexOf(titles, "Undulator: my model.zip") >= 0));
            print("model: " + File.exists("MODEL"));
            run("Clear Results");
            run("Undulator Apply...", "image=laboratory model=[MODEL] reference=synchrotron device=cpu");
            print("restored: " + getTitle());
            getVoxelSize(w, h, d, unit);
            print("restored voxel: " + w + " " + h + " " + d + " " + unit);
            print("restored slices: " + nSlices);
            print("score: " + getResult("PSNR", 0));
            run("Clear Results");
            run("Undulator Measure...", "test=laboratory reference=synchrotron windowed");
            print("measured: " + getResult("PSNR", 0));
            run("Clear Results");
            run("Undulator Devices...");
            print("devices: " + nResults + " " + getResultString("Item", 0));
            """;

    @TempDir
    Path folder;

    private String macro() {
        return MACRO.replace("MODEL", folder.resolve("my model.zip").toString());
    }

    private static void check(Outcome outcome, boolean trainsInAWindow) {
        assertEquals(0, outcome.exit(), outcome.output());
        assertEquals("synchrotron", outcome.value("made"));
        assertEquals("laboratory-resampled", outcome.value("resampled"));
        assertEquals("1.2 1.2 1.2 \u00B5m", outcome.value("voxel"));
        assertEquals("32 32 12 16", outcome.value("size"));
        assertEquals("100 5000", outcome.value("shown"));
        assertEquals(outcome.value("LUT before"), outcome.value("LUT after"));
        assertTrue(outcome.number("epoch rows") >= 2, outcome.output());
        assertEquals("0.001 1", outcome.value("epoch"));
        assertEquals(trainsInAWindow ? "1" : "0", outcome.value("training window"));
        assertEquals("1", outcome.value("model"));
        assertEquals("laboratory-restored", outcome.value("restored"));
        assertEquals("0.6 0.6 0.6 \u00B5m", outcome.value("restored voxel"));
        assertEquals(24, outcome.number("restored slices"));
        assertTrue(outcome.number("score") > 5, outcome.output());
        assertEquals(12.8, outcome.number("measured"), 0.5);
        assertFalse(outcome.value("devices").startsWith("0"), outcome.output());
        assertFalse(outcome.output().contains("still locked"), outcome.output());
    }

    @Test
    void inAWindow() throws Exception {
        check(RealImageJ.windowed(folder).macro(macro()), true);
    }

    @Test
    void inBatchMode() throws Exception {
        check(RealImageJ.windowed(folder).macro("setBatchMode(true);\n" + macro()), false);
    }

    /** Refreshing makes a new class loader, and Java gives a native library to one loader only. */
    @Test
    void afterTheMenusWereRefreshed() throws Exception {
        Outcome outcome = RealImageJ.windowed(folder).macro("""
                run("Undulator Devices...");
                before = nResults;
                run("Refresh Menus");
                run("Undulator Devices...");
                print("rows: " + (nResults - 2 * before));
                """);
        assertEquals(0, outcome.exit(), outcome.output());
        assertEquals("0", outcome.value("rows"));
    }

    @Test
    void aVirtualStackIsReadSliceBySlice() throws Exception {
        Outcome outcome = RealImageJ.headless(folder).macro("""
                newImage("plain", "16-bit ramp", 20, 10, 6);
                for (i = 1; i <= nSlices; i++) { setSlice(i); run("Add...", "value=" + 100 * i + " slice"); }
                setVoxelSize(1, 1, 1, "um");
                saveAs("Tiff", "FOLDER/plain.tif");
                run("Undulator Resample...", "voxel=2");
                close("plain.tif");
                run("TIFF Virtual Stack...", "open=[FOLDER/plain.tif]");
                print("virtual: " + is("Virtual Stack"));
                rename("virtual");
                run("Undulator Resample...", "voxel=2");
                print("title: " + getTitle());
                run("Undulator Measure...", "test=virtual-resampled reference=plain.tif-resampled");
                print("PSNR: " + getResult("PSNR", 0));
                """.replace("FOLDER", folder.toString()));
        assertEquals(0, outcome.exit(), outcome.output());
        assertEquals("1", outcome.value("virtual"));
        assertEquals("virtual-resampled", outcome.value("title"));
        assertEquals("Infinity", outcome.value("PSNR"));
    }

    @Test
    void headlessAsInFiji() throws Exception {
        check(RealImageJ.headless(folder).macro(macro()), false);
    }
}
