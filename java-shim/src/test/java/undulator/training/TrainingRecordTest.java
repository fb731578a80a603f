package undulator.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import undulator.Host;

/** What the window shows and passes on, without the window. */
class TrainingRecordTest {
    private static final double NONE = Double.NaN;

    private final TrainingRecord training = new TrainingRecord();

    private static EpochRow epoch(int number, double psnr, boolean best) {
        return new EpochRow(number, 0.1 / number, 0.2 / number, psnr, 0.0005, best, 41.26, 190, 3L << 29);
    }

    @Test
    void eachRequestIsGivenOnce() {
        Requests requests = new Requests();
        assertEquals(Host.GO_ON, requests.take());
        requests.finish();
        requests.saveCheckpoint();
        requests.saveCheckpoint();
        assertEquals(Host.SAVE_CHECKPOINT, requests.take());
        assertEquals(Host.FINISH, requests.take());
        assertEquals(Host.GO_ON, requests.take());
        requests.finish();
        requests.cancel();
        assertEquals(Host.CANCEL, requests.take());
        requests.renew();
        assertEquals(Host.GO_ON, requests.take(), "finishing was for the training before");
    }

    @Test
    void cancellingStopsWhatComesBeforeTheFirstEpochAtOnce() {
        Requests requests = new Requests();
        assertFalse(requests.stopsNow(false));
        requests.cancel();
        assertTrue(requests.stopsNow(false));
        assertFalse(requests.stopsNow(true), "an epoch hears of it as a request");
        requests.stop();
        assertTrue(requests.stopsNow(true));
    }

    @Test
    void numbersAreUnknownBeforeTheFirstEpoch() {
        assertArrayEquals(new String[] {"\u2013", "\u2013", "\u2013", "\u2013", "\u2013", "\u2013"},
                FactsPanel.numbers(training));
        training.begin(new String[] {"Network", "RED-Net"}, 100, new double[0]);
        assertEquals("1 of 100", FactsPanel.numbers(training)[0]);
        assertEquals("RED-Net", training.facts().get("Network"));
        assertNull(training.last());
    }

    @Test
    void numbersFollowTheLastAndTheBestEpoch() {
        training.begin(new String[0], 100, new double[] {12, 14, 19});
        training.epoch(epoch(1, 20.123, true));
        training.epoch(epoch(2, 19, false));
        assertArrayEquals(new String[] {"3 of 100", "20.12 dB, epoch 1", "3 min", "41.3 images/s", "0.0005", "1.5 GB"},
                FactsPanel.numbers(training));
        training.end("Finished");
        assertArrayEquals(new String[] {"2 of 100", "20.12 dB, epoch 1", "\u2013", "41.3 images/s", "0.0005", "1.5 GB"},
                FactsPanel.numbers(training));
    }

    @Test
    void earlierEpochsHaveNoSpeedAndATrainingMayHaveNoValidation() {
        training.begin(new String[0], 5, new double[0]);
        training.epoch(new EpochRow(1, 0.25, NONE, NONE, 0.001, true, NONE, NONE, -1));
        assertArrayEquals(new String[] {"2 of 5", "loss 0.250, epoch 1", "\u2013", "\u2013", "0.001", "\u2013"},
                FactsPanel.numbers(training));
        assertEquals(-1, training.mostMemory());
    }

    @Test
    void everyChangeIsHeardUntilTheListenerGoes() {
        AtomicInteger heard = new AtomicInteger();
        training.listener(heard::incrementAndGet);
        training.begin(new String[0], 5, new double[0]);
        training.epoch(epoch(1, 20, true));
        training.phase("training");
        training.fraction(0.2);
        training.note("a line");
        training.end("Finished");
        assertEquals(6, heard.get());
        training.listener(null);
        training.fraction(0.3);
        assertEquals(6, heard.get());
    }
}
