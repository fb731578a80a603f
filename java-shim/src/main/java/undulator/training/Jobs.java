package undulator.training;

import ij.Executer;
import ij.IJ;
import ij.gui.GenericDialog;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * The trainings that run or wait in line. Their windows can be opened again, quitting ImageJ asks first, and however Java
 * ends, they get the time to write what they have.
 */
public final class Jobs {
    /** A training stops after a step and writes its best model; a step on a CPU may take half a minute. */
    private static final long QUIT_LIMIT_MILLIS = 120_000;
    /** Systems that shut down wait less. */
    private static final long SHUTDOWN_LIMIT_MILLIS = 20_000;

    private static final Set<Training> RUNNING = new LinkedHashSet<>();
    private static boolean watches;

    private Jobs() {
    }

    /**
     * A training that begins.
     *
     * @param training until it is {@linkplain #remove removed}
     */
    public static void add(Training training) {
        watchForTheEnd();
        synchronized (Jobs.class) {
            RUNNING.add(training);
        }
    }

    /** From the first training on, for good: ImageJ holds a lock of its own while it asks those who listen. */
    private static void watchForTheEnd() {
        synchronized (Jobs.class) {
            if (watches) {
                return;
            }
            watches = true;
        }
        Executer.addCommandListener(Jobs::executing);
        try {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> settle(SHUTDOWN_LIMIT_MILLIS), "undulator-shutdown"));
        } catch (IllegalStateException ending) {
            // Java ends already.
        }
    }

    /**
     * A training that has ended.
     *
     * @param training one that was added
     */
    public static synchronized void remove(Training training) {
        RUNNING.remove(training);
        Jobs.class.notifyAll();
    }

    private static synchronized List<Training> running() {
        return new ArrayList<>(RUNNING);
    }

    /**
     * Opens the windows of all trainings again, and brings them to the front.
     *
     * @return how many run
     */
    public static int show() {
        List<Training> running = running();
        running.forEach(Training::reopen);
        return running.size();
    }

    /** Before ImageJ executes a command of its menu; null stops it. Closing its window is the command Quit. */
    private static String executing(String command) {
        if (!"Quit".equals(command) || running().isEmpty()) {
            return command;
        }
        if (Training.hasWindow() && !agrees()) {
            return null;
        }
        IJ.showStatus("Undulator: stopping and saving...");
        settle(QUIT_LIMIT_MILLIS);
        return command;
    }

    private static boolean agrees() {
        String names = running().stream().map(Training::name).collect(Collectors.joining(", "));
        GenericDialog question = new GenericDialog("Undulator Train");
        question.addMessage("A training runs: " + names + ".\nQuitting stops it. The best model so far is kept, and a "
                + "checkpoint is written,\nfrom which \"Resume\" goes on.");
        question.setOKLabel("Stop and quit");
        question.setCancelLabel("Go on");
        question.showDialog();
        return question.wasOKed();
    }

    /** Stops all trainings, and waits until they have written what they have, or time is up. */
    private static void settle(long limitMillis) {
        running().forEach(Training::stopAndSave);
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(limitMillis);
        synchronized (Jobs.class) {
            try {
                for (long left = limitMillis; left > 0 && !RUNNING.isEmpty();
                        left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime())) {
                    Jobs.class.wait(left);
                }
            } catch (InterruptedException hurried) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
