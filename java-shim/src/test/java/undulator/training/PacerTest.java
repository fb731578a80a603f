package undulator.training;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.awt.EventQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class PacerTest {
    @Test
    void manyChangesAreOnePieceOfWorkAndTheLastOneIsSeen() throws Exception {
        AtomicInteger value = new AtomicInteger();
        AtomicInteger seen = new AtomicInteger();
        Semaphore worked = new Semaphore(0);
        Pacer pacer = new Pacer(() -> {
            seen.set(value.get());
            worked.release();
        });
        CountDownLatch busy = new CountDownLatch(1);
        EventQueue.invokeLater(() -> {
            try {
                busy.await();
            } catch (InterruptedException stopped) {
                Thread.currentThread().interrupt();
            }
        });
        for (int i = 1; i <= 1000; i++) {
            value.set(i);
            pacer.changed();
        }
        busy.countDown();
        worked.acquire();
        EventQueue.invokeAndWait(() -> { });
        assertEquals(1000, seen.get());
        assertEquals(0, worked.availablePermits());

        // The next one comes too soon for work at once, but it comes.
        value.set(1001);
        pacer.changed();
        worked.acquire();
        assertEquals(1001, seen.get());

        EventQueue.invokeAndWait(pacer::stop);
        pacer.changed();
        EventQueue.invokeAndWait(() -> { });
        assertEquals(0, worked.availablePermits());
    }
}
