package undulator.option;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import undulator.CommandException;

class OptionsTest {
    private static final List<Key> KEYS = List.of(
            Key.image("Low quality", ""),
            Key.choice("Activation", "PReLU", "ReLU"),
            Key.whole("Layers (3 to 7)", 6),
            Key.number("Rate of learning", "0.001"),
            Key.flag("Augment (flips)"),
            Key.text("Device", "auto"));

    private static Options parsed(String macro) {
        return Options.fromMacro("Undulator Train", KEYS, macro);
    }

    private static String refusal(String macro) {
        return assertThrows(CommandException.class, () -> parsed(macro)).getMessage();
    }

    @Test
    void absentKeysTakeTheirDefaults() {
        Options options = parsed("");
        assertEquals("PReLU", options.get("activation"));
        assertEquals("6", options.get("layers"));
        assertEquals("0.001", options.get("rate"));
        assertEquals("false", options.get("augment"));
    }

    @Test
    void givenKeysOverrideInAnyOrderAndCase() {
        Options options = parsed("augment RATE=5e-4 low=[my scan (1).tif] activation=relu layers=3 ");
        assertEquals("true", options.get("augment"));
        assertEquals("5e-4", options.get("rate"));
        assertEquals("my scan (1).tif", options.get("low"));
        assertEquals("ReLU", options.get("activation"));
        assertEquals("3", options.get("layers"));
    }

    @Test
    void theLibraryGetsAllKeysButTheImages() {
        assertArrayEquals(
                new String[] {"activation", "PReLU", "layers", "6", "rate", "0.001", "augment", "true", "device", "cpu"},
                parsed("low=scan augment device=cpu").forNative());
    }

    @Test
    void anUnknownKeyIsRefusedWithTheListOfKeys() {
        assertEquals("Undulator Train has no option \"layer\". Its options are: low=, activation=, layers=, rate=, "
                + "augment, device=", refusal("layer=3"));
    }

    @Test
    void aWordInsideBracketsIsNoFlag() {
        assertEquals("false", parsed("low=[ augment ]").get("augment"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "activation=tanh | choose one of PReLU, ReLU",
        "layers=six | a number is needed, for example 6",
        "layers=6.5 | a whole number is needed",
        "rate=NaN | a finite number is needed",
        "rate= | a number is needed",
        "augment=maybe | switched on by its bare name, augment",
        "layers=3 layers=4 | given twice",
        "low=[no end | has no end"})
    void badValuesAreRefusedWithAdvice(String macro, String advice) {
        assertTrue(refusal(macro).contains(advice), refusal(macro));
    }

    @Test
    void wholeNumbersMayComeAsDecimals() {
        assertEquals("4", parsed("layers=4.0").get("layers"));
    }

    @Test
    void aMissingFileIsNamed() {
        CommandException missing = assertThrows(CommandException.class,
                () -> Options.fromMacro("Undulator Apply", List.of(Key.fileToOpen("Model file")), ""));
        assertTrue(missing.getMessage().startsWith("The option model is missing"), missing.getMessage());
    }

    private static Options preset(String macro) {
        return Options.fromMacro("Undulator Train", List.of(
                Key.choice("Preset", "None", "Paper").preset("Paper", "epochs", "2000", "patch", "0"),
                Key.whole("Epochs", 100), Key.whole("Patch", 64), Key.whole("Batch", 4)), macro);
    }

    @Test
    void aPresetChangesTheDefaultsOfWhatIsLeftOut() {
        assertEquals("100", preset("preset=None").get("epochs"));
        assertEquals("2000", preset("preset=paper").get("epochs"));
        assertEquals("0", preset("preset=Paper").get("patch"));
        assertEquals("4", preset("preset=Paper").get("batch"));
        assertEquals("7", preset("epochs=7 preset=Paper").get("epochs"));
        assertEquals("100", preset("preset=Paper epochs=100").get("epochs"), "a given value, though it is the default");
    }

    @Test
    void anOptionalFileMayStayEmpty() {
        List<Key> keys = List.of(Key.fileToOpen("Start from a model").optional());
        assertEquals("", Options.fromMacro("Undulator Train", keys, "").get("start"));
        assertEquals("my model.zip", Options.fromMacro("Undulator Train", keys, "start=[my model.zip]").get("start"));
    }
}
