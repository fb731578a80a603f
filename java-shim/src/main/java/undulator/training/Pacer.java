package undulator.training;

import java.awt.EventQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.swing.Timer;

/** Repeats a piece of work on the event thread whenever something changed, but only a few times a second. */
final class Pacer {
    static final int INTERVAL_MILLIS = 200;

    private final Runnable work;
    private final AtomicBoolean waiting = new AtomicBoolean();
    private Timer timer;
    private long last;
    private boolean stopped;

    Pacer(Runnable work) {
        this.work = work;
    }

    /** Something changed; on any thread. It never waits. */
    void changed() {
        if (waiting.compareAndSet(false, true)) {
            EventQueue.invokeLater(this::schedule);
        }
    }

    private void schedule() {
        long rest = last + INTERVAL_MILLIS - System.currentTimeMillis();
        if (rest <= 0 || stopped) {
            work();
            return;
        }
        timer = new Timer((int) Math.min(rest, INTERVAL_MILLIS), event -> work());
        timer.setRepeats(false);
        timer.start();
    }

    private void work() {
        // What changes from here on needs another turn.
        waiting.set(false);
        last = System.currentTimeMillis();
        if (!stopped) {
            work.run();
        }
    }

    /** No more work; on the event thread. */
    void stop() {
        stopped = true;
        if (timer != null) {
            timer.stop();
        }
    }
}
