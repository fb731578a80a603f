package undulator.imagej;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import undulator.imagej.RealImageJ.Outcome;

/** What a person sees: the dialogs, and what the recorder makes of them. Pictures go to target/screenshots. */
class DialogsIT {
    @TempDir
    Path folder;

    @Test
    void dialogsOpenAndLeaveNothingBehind() throws Exception {
        Path pictures = Files.createDirectories(Path.of(System.getProperty("undulator.target"), "screenshots"));
        Outcome outcome = RealImageJ.windowed(folder)
                .run(List.of("undulator.imagej.DialogsMain", pictures.toString()));
        assertEquals(0, outcome.exit(), outcome.output());
        assertEquals(7, outcome.output().lines().filter(line -> line.startsWith("cancelled: ")).count());
        assertEquals("2000 epochs, 20 validate, batch 4", outcome.value("paper"));
        assertEquals("free", outcome.value("laboratory"));
        assertEquals("free", outcome.value("synchrotron"));
        for (String picture : List.of("Undulator Train.png", "Undulator Apply.png")) {
            assertTrue(Files.size(pictures.resolve(picture)) > 2000, picture);
        }
    }

    @Test
    void aRecordedLineDoesTheSameAgain() throws Exception {
        Outcome outcome = RealImageJ.windowed(folder)
                .run(List.of("undulator.imagej.RecorderMain", folder.resolve("my model.zip").toString()));
        assertEquals(0, outcome.exit(), outcome.output());
        for (String command : List.of("Sample Data", "Resample", "Train", "Apply", "Measure", "Devices")) {
            assertEquals("same", outcome.value("Undulator " + command + "..."), outcome.output());
        }
    }
}
