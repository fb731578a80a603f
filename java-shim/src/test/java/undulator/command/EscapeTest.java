package undulator.command;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ij.IJ;
import java.awt.event.KeyEvent;
import org.junit.jupiter.api.Test;

/** Each press of Escape is for one command. */
class EscapeTest {
    private static void press() {
        IJ.setKeyDown(KeyEvent.VK_ESCAPE);
    }

    @Test
    void thePressIsForTheCommandInFront() {
        Escape first = Escape.begin();
        Escape second = Escape.begin();
        Escape background = Escape.none();
        assertFalse(first.pressed() || second.pressed() || background.pressed());
        press();
        // Whoever asks first.
        assertFalse(first.pressed());
        assertFalse(background.pressed());
        assertTrue(second.pressed());
        // Once stopped it stays so, also when another command begins.
        Escape third = Escape.begin();
        assertTrue(second.pressed());
        assertFalse(third.pressed());
        third.end();
        second.end();
        assertFalse(first.pressed(), "the press was for another command");
        press();
        assertTrue(first.pressed());
        first.end();
        assertFalse(IJ.escapePressed());
    }

    @Test
    void aBackgroundCommandLetsOthersHaveIt() {
        Escape background = Escape.none();
        press();
        assertFalse(background.pressed());
        assertTrue(IJ.escapePressed(), "who runs beside it still sees the flag");
        IJ.resetEscape();
        background.end();
    }
}
