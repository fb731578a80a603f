package undulator.command;

import ij.IJ;
import undulator.Format;

/** How far a command is, in ImageJ's progress bar and status line; without a window, now and then in the log. */
final class Status {
    private static final long LOG_INTERVAL_MILLIS = 10_000;
    private static final long SHOW_INTERVAL_MILLIS = 100;

    private final String title;
    private final long start = System.currentTimeMillis();
    private long logged = start;
    private long shown;
    private String phase = "";
    private double fraction;
    /** When the work will be done, as the work itself says; NaN until it does. */
    private double end = Double.NaN;
    private boolean tellsTime;

    Status(String title) {
        this.title = title;
        IJ.showStatus(title + "...");
    }

    synchronized void phase(String name) {
        phase = ": " + name;
        show();
    }

    /** The work will say itself how long it takes: its preparation says nothing of the rest. */
    synchronized void tellsTime() {
        tellsTime = true;
    }

    /** What the work says that is left. */
    synchronized void left(double seconds) {
        end = System.currentTimeMillis() + 1000 * seconds;
    }

    /** Small steps come by the thousand a second. */
    synchronized void fraction(double done) {
        fraction = Math.max(0, Math.min(done, 1));
        if (System.currentTimeMillis() - shown >= SHOW_INTERVAL_MILLIS || done >= 1) {
            show();
        }
    }

    private void show() {
        shown = System.currentTimeMillis();
        String line = title + phase + timeLeft();
        IJ.showProgress(fraction);
        IJ.showStatus(line);
        if (IJ.getInstance() == null && shown - logged > LOG_INTERVAL_MILLIS) {
            logged = shown;
            IJ.log(line);
        }
    }

    private String timeLeft() {
        if (tellsTime) {
            double left = (end - System.currentTimeMillis()) / 1000;
            return left >= 0 ? ", " + Format.duration(left) + " left" : "";
        }
        double elapsed = (System.currentTimeMillis() - start) / 1000.0;
        if (!(fraction > 0) || elapsed < 2) {
            return "";
        }
        return ", " + Format.duration(Math.max(0, elapsed * (1 - fraction) / fraction)) + " left";
    }

    void end() {
        IJ.showProgress(1.0);
        IJ.showStatus(title + ": " + Format.duration((System.currentTimeMillis() - start) / 1000.0));
    }
}
