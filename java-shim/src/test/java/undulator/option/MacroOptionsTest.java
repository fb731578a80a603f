package undulator.option;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import undulator.CommandException;

class MacroOptionsTest {
    @Test
    void readsValuesBracketsQuotesAndFlags() {
        assertEquals(Map.of("a", "1", "b", "two words", "c", "true", "d", "x [1] y", "e", "it is", "f", ""),
                MacroOptions.read("a=1 b=[two words] c d=[x [1] y] e='it is' f= "));
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "", "two words", "[starts", "scan [1].tif", "a ]b", "'quoted'", "&name", "a=b",
        "µm 50 %", "tab\there", "/data/my model.zip"})
    void whatIsQuotedReadsBackTheSame(String value) {
        String text = "before=1 key=" + MacroOptions.quoted(value) + " after";
        assertEquals(Map.of("before", "1", "key", value, "after", "true"), MacroOptions.read(text));
    }

    @Test
    void keysMayBeInCapitalsAndAWordInBracketsIsNoFlag() {
        assertEquals(Map.of("rate", "5e-4", "low", " augment "), MacroOptions.read("RATE=5e-4 low=[ augment ]"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"layers=3 layers=4 | layers is given twice", "low=[no end | low has no end"})
    void whatCannotBeReadIsRefused(String text, String words) {
        CommandException refused = assertThrows(CommandException.class, () -> MacroOptions.read(text));
        assertTrue(refused.getMessage().contains(words), refused.getMessage());
        assertEquals("option", refused.code());
    }
}
