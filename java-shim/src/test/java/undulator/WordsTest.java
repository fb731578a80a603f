package undulator;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class WordsTest {
    @Test
    void timeIsSaidAsAPersonWould() {
        assertEquals("42 s", Words.duration(42.3));
        assertEquals("3 min", Words.duration(190));
        assertEquals("2.5 h", Words.duration(9000));
    }

    @Test
    void sentencesBeginWithACapital() {
        assertEquals("Trained", Words.sentence("trained"));
        assertEquals("", Words.sentence(""));
    }

    @Test
    void memoryIsInTheUnitThatFits() {
        assertEquals("310 MB", Words.memory(310L << 20));
        assertEquals("1.5 GB", Words.memory(3L << 29));
    }

    @Test
    void numbersHaveThreeDigits() {
        assertEquals("0.00512", Words.threeDigits(0.005123));
        assertEquals("25.1", Words.threeDigits(25.13));
        assertEquals("100000", Words.threeDigits(100_000));
        assertEquals("1.2e-7", Words.threeDigits(1.23e-7));
        assertEquals("-3.00", Words.threeDigits(-3));
        assertEquals("4.0e12", Words.threeDigits(4e12));
        assertEquals("2.0e9", Words.threeDigits(2e9));
        assertEquals("0", Words.threeDigits(0));
        assertEquals("Infinity", Words.threeDigits(Double.POSITIVE_INFINITY));
        assertEquals("25.13 dB", Words.decibels(25.129));
    }
}
