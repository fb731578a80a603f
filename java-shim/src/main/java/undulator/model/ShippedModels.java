package undulator.model;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;

/** Models that are inside the plugin's jar. */
final class ShippedModels {
    private static final String LIST = "/models/list.txt";

    private ShippedModels() {
    }

    static List<String> names() {
        try (InputStream list = ShippedModels.class.getResourceAsStream(LIST)) {
            if (list == null) {
                return Collections.emptyList();
            }
            return new BufferedReader(new InputStreamReader(list, StandardCharsets.UTF_8)).lines()
                    .filter(name -> !name.isEmpty()).collect(Collectors.toCollection(ArrayList::new));
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    /** A copy that lasts until Java ends; null if there is no such model. */
    static File unpack(String name) {
        if (!names().contains(name)) {
            return null;
        }
        try (InputStream model = ShippedModels.class.getResourceAsStream("/models/" + name + ".zip")) {
            File folder = Files.createTempDirectory("undulator-model").toFile();
            File file = new File(folder, name + ".zip");
            Files.copy(model, file.toPath());
            folder.deleteOnExit();
            file.deleteOnExit();
            return file;
        } catch (IOException unwritable) {
            throw new UncheckedIOException("The model " + name + " cannot be unpacked: " + unwritable.getMessage(),
                    unwritable);
        }
    }
}
