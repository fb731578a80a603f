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

/** Windows, quitting and Escape in real ImageJ while trainings run that do no work. */
class JobsIT {
    @TempDir
    Path folder;

    private Outcome user(String does) throws Exception {
        Path pictures = Files.createDirectories(Path.of(System.getProperty("undulator.target"), "screenshots"));
        Outcome outcome = RealImageJ.windowed(folder).plugin()
                .run(List.of("undulator.imagej.JobsMain", does, pictures.toString()));
        assertEquals(0, outcome.exit(), outcome.output());
        assertFalse(outcome.output().contains("Exception"), outcome.output());
        return outcome;
    }

    @Test
    void aClosedWindowIsOpenedAgain() throws Exception {
        Outcome outcome = user("reopen");
        assertEquals("Undulator Jobs: no training runs", outcome.value("none"));
        for (String name : List.of("closed", "told", "opened again", "Escape in it")) {
            assertEquals("true", outcome.value(name), outcome.output());
        }
        assertEquals("1", outcome.value("windows"));
    }

    @Test
    void quittingAsksAndLetsTrainingsWrite() throws Exception {
        Outcome outcome = user("quit");
        assertEquals("true", outcome.value("goes on"));
        assertEquals("checkpoint", outcome.value("one.zip wrote"));
        assertEquals("checkpoint", outcome.value("two.zip wrote"));
        assertFalse(outcome.output().contains("has not quit"), outcome.output());
    }

    @Test
    void escapeStopsTheCommandInFrontAndAPolygonsNone() throws Exception {
        Outcome outcome = user("escape");
        assertEquals("true", outcome.value("drawing"));
        assertEquals("true true", outcome.value("after the polygon"));
        assertEquals("false true", outcome.value("after Escape"));
    }

    /** As a cluster ends a job, or a system that shuts down. */
    @Test
    void aTerminatedProgramWritesItsModelAndCheckpoint() throws Exception {
        Path model = folder.resolve("model.zip");
        Process process = RealImageJ.headless(folder).start("newImage('low', '16-bit ramp', 32, 32, 20);"
                + "run('Add Specified Noise...', 'stack standard=900'); newImage('reference', '16-bit ramp', 32, 32, 20);"
                + "run('Undulator Train...', 'low=low reference=reference layers=3 channels=4 epochs=1000000 validation=4 "
                + "checkpoint=0 device=cpu model=[" + model + "]');");
        for (int waited = 0; waited < 600 && !Files.readString(folder.resolve("output.txt")).contains("epoch 3/"); waited++) {
            Thread.sleep(100);
        }
        process.destroy();
        assertTrue(process.waitFor(60, java.util.concurrent.TimeUnit.SECONDS));
        assertTrue(Files.exists(model), Files.readString(folder.resolve("output.txt")));
        assertTrue(Files.exists(folder.resolve("model.zip.checkpoint")));
    }
}
