package undulator.option;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The rows of a schema become commands and options. */
class CommandSchemaTest {
    private static final String[][] ROWS = {
        {"command", "Devices", "Lists the devices.", ""},
        {"command", "Train", "Trains a network.", "One **bold** word.\n\n*Resume* `.checkpoint` <b>"},
        {"key", "low", "Low quality", "The scan.", "image", "", "", "", "", "", "", "", ""},
        {"key", "image", "Image", "", "image", "", "active", "", "", "", "", "optional", ""},
        {"key", "preset", "Preset", "", "choice", "", "None", "", "", "", "", "", "None\nPaper"},
        {"preset", "preset", "Paper", "epochs=2000\npatch=0"},
        {"key", "epochs", "Epochs", "", "whole", "", "100", "1", "1000", "", "Training", "", ""},
        {"key", "patch", "Patch size", "", "whole", "voxels", "64", "0", "1000", "", "Training", "", ""},
        {"key", "transform", "Transform", "", "choice-or-file", "", "Rigid", "", "", ".json", "", "", "Rigid\nAffine"},
        {"key", "model", "Model file", "", "file-to-save", "", "", "", "", ".zip", "Files", "", ""},
        {"key", "authors", "Authors", "", "text", "", "", "", "", "", "Credits", "advanced remembered", ""}};

    private final List<CommandSchema> commands = CommandSchema.all(ROWS);
    private final CommandSchema train = commands.get(1);

    @Test
    void everyRowFindsItsPlace() {
        assertEquals(List.of("Devices", "Train"), commands.stream().map(CommandSchema::name).toList());
        assertTrue(commands.get(0).keys().isEmpty());
        assertEquals("low image preset epochs patch transform model authors",
                String.join(" ", train.keys().stream().map(Key::name).toList()));
        assertEquals("Undulator Train", train.title());
        assertNull(train.key("epoch"));
    }

    @Test
    void keysKnowWhatTheyHold() {
        assertEquals(List.of("None", "Paper"), train.key("preset").choices);
        assertEquals(Map.of("epochs", "2000", "patch", "0"), train.key("preset").preset("Paper"));
        assertTrue(train.key("preset").preset("None").isEmpty());
        assertTrue(train.key("low").needsImage());
        assertFalse(train.key("image").needsImage() || train.key("image").isAsked());
        assertTrue(train.key("authors").isRemembered() && !train.key("authors").isShort());
        assertTrue(train.key("model").isFile() && !train.key("model").isOptionalResult());
    }

    @Test
    void captionsSayTheUnitAndWhatWordsAreKnown() {
        assertEquals("Epochs", train.key("epochs").caption());
        assertEquals("Patch size (voxels)", train.key("patch").caption());
        assertEquals("Transform (Rigid, Affine, or a .json file)", train.key("transform").caption());
    }

    @Test
    void theHelpIsAPageInHtml() {
        String help = train.help();
        assertTrue(help.contains("<p>One <b>bold</b> word.</p><p><i>Resume</i> <code>.checkpoint</code> &lt;b&gt;</p>"), help);
        assertTrue(help.contains("<p><b>Patch size (voxels)</b> (<code>patch</code>).</p>"), help);
    }
}
