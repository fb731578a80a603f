package undulator.imagej;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import undulator.imagej.RealImageJ.Outcome;

/** The whole path of a measured pair, as two scanners left it: align, train, apply. */
class AlignIT {
    private static final Path BATTERY = Path.of("../tests/data/battery").toAbsolutePath().normalize();

    private static final String OPEN = """
            open("BATTERY/laboratory.tif"); rename("laboratory"); setVoxelSize(0.31, 0.31, 0.31, "um");
            open("BATTERY/synchrotron.tif"); rename("synchrotron"); setVoxelSize(0.495, 0.495, 0.495, "um");
            pair = "moving=laboratory reference=synchrotron ";
            """;

    private static final String TRAIN_AND_APPLY = """
            run("Undulator Train...", "low=laboratory-aligned reference=synchrotron-matched layers=3 channels=4 "
                + "epochs=4 patch=64 validation=8 device=cpu model=[FOLDER/NAME.zip]");
            run("Clear Results");
            run("Undulator Apply...", "image=laboratory-aligned model=[FOLDER/NAME.zip] "
                + "reference=synchrotron-matched device=cpu");
            print("NAME: " + getResult("PSNR", 0));
            print("NAME matched: " + getResult("Matched PSNR", 0));
            close("laboratory-aligned*"); close("synchrotron-matched"); run("Clear Results");
            """;

    @TempDir
    Path folder;

    private String filled(String macro) {
        return macro.replace("BATTERY", BATTERY.toString()).replace("FOLDER", folder.toString());
    }

    @Test
    void theFoundTransformServesAsWellAsTheTrueOne() throws Exception {
        Outcome outcome = RealImageJ.headless(folder).macro(filled(OPEN + """
                run("Undulator Align...", pair + "voxel=0.6 crop overlay=Red-green save=[FOLDER/my transform.json]");
                print("aligned: " + getTitle());
                getVoxelSize(w, h, d, unit);
                print("voxel: " + w + " " + h + " " + d + " " + unit);
                print("rotation: " + getResult("Rotation z", 0));
                print("scale: " + getResult("Scale", 0));
                print("before: " + getResult("NCC before", 0));
                print("after: " + getResult("NCC after", 0));
                print("overlap: " + getResult("Overlap", 0));
                getDimensions(width, height, channels, slices, frames);
                print("size: " + width + " " + height + " " + slices);
                selectImage("synchrotron-matched");
                getDimensions(width, height, channels, slices, frames);
                print("matched size: " + width + " " + height + " " + slices);
                selectImage("laboratory-aligned-overlay");
                getDimensions(width, height, channels, slices, frames);
                print("overlay: " + width + " " + height + " " + slices + " " + channels + " " + bitDepth());
                """ + TRAIN_AND_APPLY.replace("NAME", "found") + """
                run("Undulator Align...", pair + "voxel=0.6 crop transform=[BATTERY/truth.json]");
                print("true after: " + getResult("NCC after", 0));
                """ + TRAIN_AND_APPLY.replace("NAME", "true")));
        assertEquals(0, outcome.exit(), outcome.output());
        assertEquals("laboratory-aligned", outcome.value("aligned"));
        assertEquals("0.6 0.6 0.6 \u00B5m", outcome.value("voxel"));
        assertEquals(2.98, outcome.number("rotation"), 0.02);
        assertEquals(1.012, outcome.number("scale"), 0.001);
        assertTrue(outcome.number("before") < 0.7 && outcome.number("after") > 0.95, outcome.output());
        assertTrue(outcome.number("overlap") > 0.85, outcome.output());
        for (String edge : outcome.value("size").split(" ")) {
            assertTrue(Integer.parseInt(edge) >= 30, outcome.output());
        }
        assertTrue(Integer.parseInt(outcome.value("size").split(" ")[0]) > 100, outcome.output());
        assertEquals(outcome.value("size"), outcome.value("matched size"));
        assertEquals(outcome.value("size") + " 2 8", outcome.value("overlay"));
        assertTrue(Files.size(folder.resolve("my transform.json")) > 100);
        assertTrue(outcome.number("true after") < outcome.number("after"), outcome.output());
        assertTrue(outcome.number("found") > outcome.number("found matched"), outcome.output());
        // The images lie nearer to each other than the file says (docs/alignment.md): doing better is no fault.
        assertTrue(outcome.number("found") >= outcome.number("true") - 0.3, outcome.output());
        assertFalse(outcome.output().contains("still locked"), outcome.output());
    }

    @Test
    void aSavedTransformDoesTheSameAgainInAWindow() throws Exception {
        Outcome outcome = RealImageJ.windowed(folder).macro(filled(OPEN + """
                run("Undulator Align...", pair + "save=[FOLDER/t.json] overlay=Checkerboard");
                print("aligned: " + getTitle());
                rename("first");
                print("overlay: " + isOpen("laboratory-aligned-overlay"));
                print("matched: " + isOpen("synchrotron-matched"));
                run("Undulator Align...", pair + "transform=[FOLDER/t.json]");
                print("rows: " + nResults);
                print("fit: " + getResult("NCC after", nResults - 1) + " " + getResult("NCC after", nResults - 2));
                run("Undulator Measure...", "test=laboratory-aligned reference=first");
                print("PSNR: " + getResultString("PSNR", nResults - 1));
                selectImage("laboratory");
                makeRectangle(12, 12, 216, 216);
                run("Crop");
                selectImage("synchrotron");
                run("Properties...", "origin=10,20,3");
                run("Undulator Align...", pair + "transform=[FOLDER/t.json] crop voxel=1.2");
                x = 0;
                y = 0;
                toUnscaled(x, y);
                print("origin x: " + x);
                print("origin y: " + y);
                print("cropped: " + getWidth());
                """));
        assertEquals(0, outcome.exit(), outcome.output());
        assertEquals("laboratory-aligned", outcome.value("aligned"));
        assertEquals("1", outcome.value("overlay"));
        assertEquals("0", outcome.value("matched"));
        String[] fits = outcome.value("fit").split(" ");
        assertEquals(Double.parseDouble(fits[0]), Double.parseDouble(fits[1]), 1e-9);
        assertEquals("Infinity", outcome.value("PSNR"));
        // 56 voxels without cropping. The origin keeps its place in the sample: at 4.1 and 8.2 voxels of 1.2 um without it.
        // The laboratory volume, made smaller about its centre, does not show the low ends of x and y.
        assertTrue(outcome.number("cropped") > 45 && outcome.number("cropped") < 56, outcome.output());
        assertTrue(outcome.number("origin x") > 1 && outcome.number("origin x") < 3.6, outcome.output());
        assertTrue(outcome.number("origin y") > 3 && outcome.number("origin y") < 7.5, outcome.output());
    }

    @Test
    void nothingInCommonIsSaid() throws Exception {
        Path away = Files.writeString(folder.resolve("away.json"), "{\"about\": \"\", \"scale\": 1, "
                + "\"R\": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], \"shift_um\": [0, 0, 500]}");
        Outcome outcome = RealImageJ.headless(folder).macro("""
                run("Undulator Sample Data...", "width=48 height=48 slices=20");
                run("Undulator Align...", "moving=laboratory reference=synchrotron transform=[AWAY]");
                print("overlap: " + getResult("Overlap", nResults - 1));
                run("Undulator Align...", "moving=laboratory reference=synchrotron transform=[AWAY] crop");
                print("went on");
                """.replace("AWAY", away.toString()));
        assertEquals(1, outcome.exit(), outcome.output());
        assertEquals(0, outcome.number("overlap"));
        assertTrue(outcome.output().contains("Warning: only 0 % of the smaller field is in common"), outcome.output());
        assertTrue(outcome.output().contains("there is nothing to crop to"), outcome.output());
        assertFalse(outcome.output().contains("went on"), outcome.output());
    }
}
