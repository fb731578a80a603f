package undulator.option;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class LinesTest {
    @Test
    void longMessagesAreBrokenIntoLines() {
        String broken = Lines.broken("word ".repeat(60).trim() + "\nlast line");
        for (String line : broken.split("\n")) {
            assertTrue(line.length() <= 80, line);
        }
        assertTrue(broken.endsWith("\nlast line"));
        assertFalse(Lines.broken("a short one").contains("\n"));
    }
}
