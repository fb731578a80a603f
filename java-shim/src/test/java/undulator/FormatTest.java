package undulator;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class FormatTest {
    @Test
    void timeIsSaidAsAPersonWould() {
        assertEquals("42 s", Format.duration(42.3));
        assertEquals("3 min", Format.duration(190));
        assertEquals("2.5 h", Format.duration(9000));
    }

    @Test
    void sentencesBeginWithACapital() {
        assertEquals("Trained", Format.sentence("trained"));
        assertEquals("", Format.sentence(""));
    }

    @Test
    void memoryIsInTheUnitThatFits() {
        assertEquals("310 MB", Format.memory(310L << 20));
        assertEquals("1.5 GB", Format.memory(3L << 29));
    }

    @Test
    void numbersHaveThreeDigits() {
        assertEquals("0.00512", Format.threeDigits(0.005123));
        assertEquals("25.1", Format.threeDigits(25.13));
        assertEquals("100000", Format.threeDigits(100_000));
        assertEquals("1.2e-7", Format.threeDigits(1.23e-7));
        assertEquals("-3.00", Format.threeDigits(-3));
        assertEquals("4.0e12", Format.threeDigits(4e12));
        assertEquals("2.0e9", Format.threeDigits(2e9));
        assertEquals("0", Format.threeDigits(0));
        assertEquals("Infinity", Format.threeDigits(Double.POSITIVE_INFINITY));
        assertEquals("25.13 dB", Format.decibels(25.129));
    }
}
