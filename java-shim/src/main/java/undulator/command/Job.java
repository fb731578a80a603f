package undulator.command;

import ij.IJ;
import undulator.Monitor;
import undulator.Words;

/** A running command as ImageJ shows it: progress bar, status line with the time left, log and Escape. */
final class Job implements Monitor, AutoCloseable {
    private static final long LOG_INTERVAL_MILLIS = 10_000;
    private static final long SHOW_INTERVAL_MILLIS = 100;

    private final String command;
    private final Thread caller = Thread.currentThread();
    private final Results results = new Results();
    private final long start = System.currentTimeMillis();
    private long logged = start;
    private long shown;
    private String shownWork = "";

    Job(String command) {
        this.command = command;
        IJ.resetEscape();
        IJ.showStatus(command + "...");
    }

    @Override
    public synchronized void progress(double fraction, String doing) {
        // Small steps come by the thousand a second; but the start of other work is always shown.
        String work = doing.split("[:,]", 2)[0];
        long now = System.currentTimeMillis();
        if (work.equals(shownWork) && now - shown < SHOW_INTERVAL_MILLIS && fraction < 1) {
            return;
        }
        shownWork = work;
        shown = now;
        // Training says itself how long it will take, by its epochs.
        String line = command + ": " + doing + (doing.endsWith(" left") ? "" : timeLeft(fraction));
        IJ.showProgress(Math.max(0, Math.min(fraction, 1)));
        IJ.showStatus(line);
        boolean windowless = IJ.getInstance() == null;
        if (windowless && System.currentTimeMillis() - logged > LOG_INTERVAL_MILLIS) {
            logged = System.currentTimeMillis();
            log(line);
        }
    }

    private String timeLeft(double fraction) {
        double elapsed = (System.currentTimeMillis() - start) / 1000.0;
        if (!(fraction > 0) || elapsed < 2) {
            return "";
        }
        return ", " + Words.duration(Math.max(0, elapsed * (1 - fraction) / fraction)) + " left";
    }

    @Override
    public void log(String line) {
        IJ.log(line);
    }

    @Override
    public boolean cancelled() {
        return IJ.escapePressed() || caller.isInterrupted();
    }

    @Override
    public void row(String[] columns, String[] values) {
        results.add(columns, values);
    }

    @Override
    public void close() {
        results.show();
        IJ.showProgress(1.0);
        IJ.showStatus(command + ": " + Words.duration((System.currentTimeMillis() - start) / 1000.0));
    }
}
