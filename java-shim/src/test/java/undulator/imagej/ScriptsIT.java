package undulator.imagej;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import undulator.imagej.RealImageJ.Outcome;

/**
 * The examples in macros/: the macro language, Groovy, Jython and the command line give the same numbers, with and without a
 * window.
 */
class ScriptsIT {
    private static final Path MACROS = Path.of("..", "macros").toAbsolutePath().normalize();
    private static final Path COMMAND_LINE = Path.of("..", "target", "release", "undulator").toAbsolutePath().normalize();

    @TempDir
    Path folder;

    private Outcome script(boolean windowed, String name, String active) throws Exception {
        RealImageJ imageJ = windowed ? RealImageJ.windowed(folder) : RealImageJ.headless(folder);
        Outcome outcome = imageJ.languages().java("-Djava.io.tmpdir=" + folder)
                .run(List.of("undulator.imagej.ScriptMain", MACROS.resolve(name).toString(), active));
        assertEquals(0, outcome.exit(), outcome.output());
        return outcome;
    }

    private Outcome macro(boolean windowed) throws Exception {
        RealImageJ imageJ = windowed ? RealImageJ.windowed(folder) : RealImageJ.headless(folder);
        Outcome outcome = imageJ.java("-Djava.io.tmpdir=" + folder).macro(Files.readString(MACROS.resolve("whole-path.ijm")));
        assertEquals(0, outcome.exit(), outcome.output());
        return outcome;
    }

    /** Runs the command line, which shares the library with the plugin, and gives back what it prints. */
    private String commandLine(String... words) throws Exception {
        List<String> command = new ArrayList<>(List.of(COMMAND_LINE.toString()));
        command.addAll(List.of(words));
        command.addAll(List.of("--quiet", "--json"));
        Process process = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        return output;
    }

    private String psnrByCommandLine(String test) throws Exception {
        String output = commandLine("measure", "test=" + test, "reference=synchrotron.tif", "windowed");
        Matcher psnr = Pattern.compile("\"PSNR\":\\s*([0-9.]+)").matcher(output);
        assertTrue(psnr.find(), output);
        return String.format(Locale.ROOT, "%.6f dB", Double.parseDouble(psnr.group(1)));
    }

    private static double number(Outcome outcome, String name) {
        return Double.parseDouble(outcome.value(name).replace(" dB", ""));
    }

    @Test
    void everyLanguageGivesTheSameNumbers() throws Exception {
        Outcome macro = macro(false);
        double gain = number(macro, "after") - number(macro, "before");
        assertTrue(gain > 1, macro.output());
        Outcome groovy = script(false, "whole-path.groovy", "none");
        Outcome jython = script(false, "whole-path.py", "none");
        for (Outcome other : List.of(macro(true), groovy, jython)) {
            assertEquals(macro.value("before"), other.value("before"));
            assertEquals(macro.value("after"), other.value("after"));
        }
        assertEquals("0", groovy.value("windows"));
        assertEquals("0", jython.value("windows"));
    }

    @Test
    void theCommandLineGivesTheNumbersOfTheMacro() throws Exception {
        commandLine("sample-data", "width=64", "height=64", "slices=24", "seed=3");
        commandLine("train", "low=laboratory.tif", "reference=synchrotron.tif", "layers=3", "channels=8", "epochs=40",
                "residual", "validation=5", "device=cpu", "model=model.zip");
        commandLine("apply", "image=laboratory.tif", "model=model.zip", "device=cpu");
        Outcome macro = macro(false);
        assertEquals(macro.value("before"), psnrByCommandLine("laboratory.tif"));
        assertEquals(macro.value("after"), psnrByCommandLine("laboratory-restored.tif"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"apply.groovy", "apply.py"})
    void theActiveImageIsRestoredOrTheScriptHearsWhyNot(String name) throws Exception {
        assertEquals("active-restored", script(true, name, "8-bit ramp").value("shown"));
        Outcome refused = script(true, name, "RGB");
        assertTrue(refused.value("image").contains("RGB colour image"), refused.output());
        assertEquals("active", refused.value("shown"));
    }
}
