package undulator.imagej;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import undulator.imagej.RealImageJ.Outcome;

/** The examples in macros/: the macro language, Groovy and Jython give the same numbers, with and without a window. */
class ScriptsIT {
    private static final Path MACROS = Path.of("..", "macros").toAbsolutePath().normalize();

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

    @ParameterizedTest
    @ValueSource(strings = {"apply.groovy", "apply.py"})
    void theActiveImageIsRestoredOrTheScriptHearsWhyNot(String name) throws Exception {
        assertEquals("active-restored", script(true, name, "8-bit ramp").value("shown"));
        Outcome refused = script(true, name, "RGB");
        assertTrue(refused.value("image").contains("RGB colour image"), refused.output());
        assertEquals("active", refused.value("shown"));
    }
}
