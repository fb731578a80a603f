package undulator.imagej;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import undulator.imagej.RealImageJ.Outcome;

/** A comparison from a macro: table, figure, models, and a second run that trains nothing again. */
class CompareNetworksIT {
    private static final String MACRO = """
            run("Undulator Sample Data...", "width=32 height=32 slices=14 seed=3");
            File.makeDirectory("FOLDER");
            for (i = 0; i < 2; i++) {
                run("Clear Results");
                run("Undulator Compare Networks...", "low=laboratory reference=synchrotron layers=3-4 activations=PReLU "
                    + "srcnn channels=2 epochs=3 validation=3 device=cpu folder=[FOLDER]");
                print("rows " + i + ": " + nResults);
                print("first " + i + ": " + getResultString("Network", 0) + " " + getResult("Layers", 0) + " "
                    + getResult("PSNR", 0));
                print("last " + i + ": " + getResultString("Network", nResults - 1) + " "
                    + getResult("Layers", nResults - 1) + " " + getResult("PSNR", nResults - 1));
                print("shown " + i + ": " + getTitle() + " " + getWidth() + " " + getHeight());
                close();
            }
            """;

    @TempDir
    Path folder;

    private void check(RealImageJ imageJ) throws Exception {
        Path results = folder.resolve("my comparison");
        Outcome outcome = imageJ.macro(MACRO.replace("FOLDER", results.toString()));
        assertEquals(0, outcome.exit(), outcome.output());
        for (String time : List.of("0", "1")) {
            assertEquals(6, outcome.number("rows " + time));
            assertTrue(outcome.value("first " + time).startsWith("SRCNN 3 "), outcome.output());
            assertTrue(outcome.value("last " + time).startsWith("RED-Net 4 "), outcome.output());
            assertEquals("comparison.png 1200 600", outcome.value("shown " + time));
        }
        assertEquals(outcome.value("first 0"), outcome.value("first 1"));
        assertEquals(outcome.value("last 0"), outcome.value("last 1"));
        long known = outcome.output().lines().filter(line -> line.startsWith("it was trained before")).count();
        assertEquals(6, known, "nothing is trained twice:\n" + outcome.output());
        assertFalse(outcome.output().contains("Exception"), outcome.output());
        for (String file : List.of("comparison.csv", "comparison.png", "comparison.svg", "srcnn-6-relu.zip",
                "red-net-4-prelu.zip")) {
            assertTrue(Files.size(results.resolve(file)) > 100, file);
        }
        assertEquals(7, Files.readAllLines(results.resolve("comparison.csv")).size());
    }

    @Test
    void inAWindow() throws Exception {
        check(RealImageJ.windowed(folder));
    }

    @Test
    void headlessAsInFiji() throws Exception {
        check(RealImageJ.headless(folder));
    }
}
