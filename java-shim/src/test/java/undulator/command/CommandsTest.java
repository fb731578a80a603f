package undulator.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import undulator.option.Key;

/** The macro interface is a contract with the users' scripts: names and keys must not change by accident. */
class CommandsTest {
    private static final Pattern ENTRY = Pattern.compile("Plugins>Undulator, \"(Undulator [^\"]+\\.\\.\\.)\", (\\S+)");

    private static final Map<String, String> CONTRACT = Map.of(
            "Undulator Sample Data...", "width height slices voxel seed psnr misaligned",
            "Undulator Resample...", "image voxel interpolation output",
            "Undulator Align...", "moving reference transform metric rotation flip drift air start voxel "
                    + "crop overlay save",
            "Undulator Train...", "low reference preset network layers activation channels residual epochs batch "
                    + "patch rate schedule loss validation augment seed device precision model start checkpoint resume "
                    + "authors licence cite",
            "Undulator Compare Networks...", "low reference layers activations channels srcnn residual epochs batch "
                    + "patch rate schedule loss validation augment seed device precision folder authors "
                    + "licence cite",
            "Undulator Apply...", "image model reference device precision force output",
            "Undulator Measure...", "test reference windowed",
            "Undulator Models...", "action model folder format force",
            "Undulator Devices...", "");

    private static Command command(String className) {
        try {
            return (Command) Class.forName(className).getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException missing) {
            throw new AssertionError(missing);
        }
    }

    @Test
    void theMenuOffersTheCommandsWithTheirKeys() throws IOException {
        List<String> entries = Files.readAllLines(Path.of("../plugin-manifest/plugins.config")).stream()
                .filter(line -> !line.startsWith("#")).collect(Collectors.toList());
        Set<String> names = new HashSet<>();
        for (String entry : entries) {
            Matcher parts = ENTRY.matcher(entry);
            assertTrue(parts.matches(), entry);
            names.add(parts.group(1));
            Set<String> keys = command(parts.group(2)).keys().stream().map(Key::name).collect(Collectors.toSet());
            assertEquals(Set.of(CONTRACT.get(parts.group(1)).split(" ")),
                    keys.isEmpty() ? Set.of("") : keys, parts.group(1));
        }
        assertEquals(CONTRACT.keySet(), names);
    }

    @Test
    void theLicencesAreThoseOfTheLibrary() throws IOException {
        String source = new String(Files.readAllBytes(Path.of("../src/model/package/credits.rs")));
        Matcher list = Pattern.compile("LICENCES: .*\\s*\\[([^]]+)\\];").matcher(source);
        assertTrue(list.find());
        assertEquals(list.group(1).replaceAll("[\\s\"]", ""), String.join(",", TrainingKeys.LICENCES));
    }

    @Test
    void longMessagesAreBrokenIntoLines() {
        String wrapped = Failure.wrapped("word ".repeat(60).trim() + "\nlast line");
        for (String line : wrapped.split("\n")) {
            assertTrue(line.length() <= 80, line);
        }
        assertTrue(wrapped.endsWith("\nlast line"));
        assertFalse(Failure.wrapped("a short one").contains("\n"));
    }
}
