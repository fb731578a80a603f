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

/** Trainings in real ImageJ with their live windows. Pictures go to target/screenshots. */
class TrainingWindowIT {
    @TempDir
    Path folder;

    private Outcome user(String does) throws Exception {
        Path pictures = Files.createDirectories(Path.of(System.getProperty("undulator.target"), "screenshots"));
        Outcome outcome = RealImageJ.windowed(folder)
                .run(List.of("undulator.imagej.TrainingMain", does, folder.toString(), pictures.toString()));
        assertEquals(0, outcome.exit(), outcome.output());
        assertFalse(outcome.output().contains("Exception"), outcome.output());
        return outcome;
    }

    @Test
    void finishingKeepsTheModelAndTheWindow() throws Exception {
        Outcome outcome = user("finish");
        assertEquals("true", outcome.value("trains beside events"));
        assertEquals("true", outcome.value("model"));
        assertEquals("true", outcome.value("still open"));
    }

    @Test
    void cancellingAsksAndWritesNoModelButEscapeKeepsIt() throws Exception {
        Outcome outcome = user("cancel");
        assertEquals("true", outcome.value("command ended"));
        assertEquals("false", outcome.value("model"));
        assertEquals("true", outcome.value("checkpoint"));
        assertEquals("true", outcome.value("command ended after Escape"));
        for (String words : List.of("cancelled: no model was written", "cancelled; the best model so far (epoch ")) {
            assertTrue(outcome.value("log").contains("Undulator Train: " + words), outcome.output());
        }
    }

    @Test
    void closingTheWindowLeavesTheTrainingAlone() throws Exception {
        Outcome outcome = user("close");
        assertEquals("true, listeners left: 0, rows then: some", outcome.value("closed"));
        assertEquals("true", outcome.value("command ended"));
        assertEquals("true", outcome.value("model"));
        assertEquals("0", outcome.value("windows left"));
    }

    @Test
    void aSavedCheckpointIsGoneOnFrom() throws Exception {
        Outcome outcome = user("checkpoint");
        assertEquals("true", outcome.value("command ended"));
        assertEquals("true", outcome.value("goes on"));
        assertEquals("4", outcome.value("rows"));
    }

    @Test
    void trainingsOnOnePairWaitInLineAndSaySo() throws Exception {
        Outcome outcome = user("line");
        assertEquals("true", outcome.value("only the third ended"));
        assertEquals("true", outcome.value("all ended"));
        assertEquals("true true false", outcome.value("models"));
        assertEquals("false", outcome.value("locked"));
    }

    @Test
    void aDialogAsksBeforeAModelIsReplaced() throws Exception {
        Outcome outcome = user("replace");
        assertEquals("true, windows: 0", outcome.value("kept"));
        assertEquals("true", outcome.value("replaced"));
        assertTrue(outcome.value("table").contains("Image;Epoch;Loss;Validation loss;PSNR [dB]"), outcome.output());
    }

    @Test
    void cancellingATrainingEndsNoMacroBesideIt() throws Exception {
        assertEquals("true", user("others").value("macro goes on"));
    }
}
