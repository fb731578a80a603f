package undulator.imagej;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import undulator.imagej.RealImageJ.Outcome;

/** Trainings by macro on an emulated NVIDIA card (crates/gpu/tests/cuda), beside the same on the CPU. */
class CudaIT {
    private static final Path EMULATOR = Path.of(System.getProperty("undulator.target"), "emulated-cuda");

    /** Leaves autotuning no choice but the kernels for tensor cores, which real cards of 8.0 and newer take. */
    private static final String REFUSED = "direct_conv,conv_transpose2d_direct,col2im,[mma],[async]";

    private static final String MACRO = """
            run("Undulator Sample Data...", "width=32 height=32 slices=10 seed=3");
            devices = newArray("cpu", "cuda");
            for (i = 0; i < 2; i++) {
                run("Clear Results");
                run("Undulator Train...", "low=laboratory reference=synchrotron layers=3 channels=8 epochs=2 residual "
                    + "validation=2 device=" + devices[i] + " model=[FOLDER/" + devices[i] + ".zip]");
                for (epoch = 0; epoch < 2; epoch++) {
                    print(devices[i] + " loss " + epoch + ": " + getResult("Loss", epoch));
                    print(devices[i] + " validation " + epoch + ": " + getResult("Validation loss", epoch));
                }
                run("Undulator Apply...", "image=laboratory model=[FOLDER/" + devices[i] + ".zip] device=" + devices[i]);
                print(devices[i] + " restored: " + getValue("Mean"));
                close();
            }
            """;

    private static final String LARGE = """
            run("Undulator Sample Data...", "width=96 height=96 slices=12 seed=3");
            run("Undulator Train...", "low=laboratory reference=synchrotron layers=3 channels=16 epochs=1 batch=8 "
                + "validation=2 device=cuda model=[FOLDER/large.zip]");
            """;

    @TempDir
    Path folder;

    @BeforeAll
    static void buildTheEmulator() throws IOException, InterruptedException {
        File script = new File(System.getProperty("undulator.target"), "../../crates/gpu/tests/cuda/build.sh");
        Process build = new ProcessBuilder(script.getCanonicalPath(), EMULATOR.toString()).inheritIO().start();
        assertEquals(0, build.waitFor(), "crates/gpu/tests/cuda/build.sh failed");
    }

    private Outcome run(String macro, String capability, Map<String, String> more) throws Exception {
        Map<String, String> environment = new HashMap<>(Map.of(
                "LD_LIBRARY_PATH", EMULATOR.toString(),
                "CUDA_PATH", EMULATOR.resolve("toolkit").toString(),
                "XDG_CACHE_HOME", folder.resolve("cache").toString(),
                "EMULATED_KERNELS", EMULATOR.resolve("kernels").toString(),
                "EMULATED_CC", capability));
        environment.putAll(more);
        Outcome outcome = RealImageJ.headless(folder).environment(environment)
                .macro(macro.replace("FOLDER", folder.toString()));
        assertEquals(0, outcome.exit(), outcome.output());
        return outcome;
    }

    private static void assertTrainsAlike(Outcome outcome, double tolerance) {
        for (String number : new String[] {"loss 0", "loss 1", "validation 0", "validation 1", "restored"}) {
            double cpu = outcome.number("cpu " + number);
            double cuda = outcome.number("cuda " + number);
            assertEquals(cpu, cuda, tolerance * Math.abs(cpu), number + " in:\n" + outcome.output());
        }
    }

    @Test
    void anOldCardTrainsAsTheCpuDoes() throws Exception {
        assertTrainsAlike(run(MACRO, "6.1", Map.of()), 2e-3);
    }

    @Test
    void aCardWithTensorCoresTrainsAsTheCpuDoes() throws Exception {
        Outcome outcome = run(MACRO, "8.6", Map.of("EMULATED_REFUSED", REFUSED));
        assertTrainsAlike(outcome, 3e-2);
        assertTrue(outcome.output().contains("TF32"), outcome.output());
    }

    @Test
    void aCardWithLittleMemoryTrainsInSmallerPortionsAndSaysSo() throws Exception {
        Outcome outcome = run(LARGE, "6.1", Map.of("EMULATED_MEMORY", Long.toString(12L << 20)));
        assertTrue(outcome.output().contains("going on with "), outcome.output());
    }
}
