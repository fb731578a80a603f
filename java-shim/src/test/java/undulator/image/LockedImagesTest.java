package undulator.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ij.ImagePlus;
import ij.process.ByteProcessor;
import org.junit.jupiter.api.Test;
import undulator.CommandException;

class LockedImagesTest {
    private final ImagePlus first = new ImagePlus("first", new ByteProcessor(2, 2));
    private final ImagePlus second = new ImagePlus("second", new ByteProcessor(2, 2));

    @Test
    void unlocksAllAtTheEnd() {
        try (LockedImages locked = new LockedImages()) {
            locked.lock(first);
            locked.lock(second);
            locked.lock(first);
            assertTrue(first.isLocked() && second.isLocked());
        }
        assertFalse(first.isLocked() || second.isLocked());
    }

    @Test
    void leavesNothingLockedWhenOneIsInUse() throws InterruptedException {
        Thread other = new Thread(second::lockSilently);
        other.start();
        other.join();
        try (LockedImages locked = new LockedImages()) {
            locked.lock(first);
            CommandException refused = assertThrows(CommandException.class, () -> locked.lock(second));
            assertTrue(refused.getMessage().contains("\"second\" is in use"), refused.getMessage());
            assertEquals("image", refused.code());
        }
        assertFalse(first.isLocked());
        assertTrue(second.isLocked());
    }

    @Test
    void staysLockedUntilTheLastReaderIsDone() throws InterruptedException {
        LockedImages mine = new LockedImages();
        mine.lock(first);
        Thread other = new Thread(() -> {
            LockedImages theirs = new LockedImages();
            theirs.lock(first);
            theirs.lock(second);
            theirs.close();
        });
        other.start();
        other.join();
        assertTrue(first.isLocked());
        assertFalse(second.isLocked());
        mine.close();
        assertFalse(first.isLocked());
    }
}
