package undulator.command;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The names in the menu are a contract with the users' scripts: they must not change by accident. */
class MenuTest {
    @Test
    void theMenuOffersTheCommands() throws IOException {
        List<String> expected = List.of("Sample Data", "Resample", "Align", "Train", "Apply", "Measure",
                "Compare Networks", "Models", "Devices").stream()
                .map(name -> "Plugins>Undulator, \"Undulator " + name + "...\", undulator.command.Run(\"" + name + "\")")
                .collect(Collectors.toCollection(ArrayList::new));
        expected.add("Plugins>Undulator, \"Undulator Jobs...\", undulator.command.ShowJobs");
        assertEquals(expected, Files.readAllLines(Path.of("../plugin-manifest/plugins.config")).stream()
                .filter(line -> !line.startsWith("#")).toList());
    }
}
