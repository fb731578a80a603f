package undulator.training;

import ij.IJ;
import ij.macro.Interpreter;
import java.awt.EventQueue;
import java.awt.GraphicsEnvironment;
import java.lang.reflect.InvocationTargetException;
import java.util.function.Consumer;
import java.util.function.Function;
import undulator.Format;

/** Shows a training in a window, where there may be one, and passes on what its user asks for. */
public final class Training {
    private final String model;
    private final Function<String, String> titles;
    private final Consumer<String> log;
    private final TrainingRecord record = new TrainingRecord();
    private final Requests requests = new Requests();
    private boolean shown;
    /** Made, used and read on the event thread. */
    private TrainingWindow window;

    /**
     * Before it begins.
     *
     * @param model the name of the file that it will write, or what several trainings are called
     * @param titles gives the titles of the images {@code low} and {@code reference}, once they are known
     * @param log takes lines
     */
    public Training(String model, Function<String, String> titles, Consumer<String> log) {
        this.model = model;
        this.titles = titles;
        this.log = log;
    }

    /**
     * It ended well. The window stays open until the user closes it.
     *
     * @param sentence what came out
     */
    public void finish(String sentence) {
        end(record.trainings() > 1 ? "finished: " + sentence : finished());
    }

    /**
     * It was cancelled or failed. A window stays open if a training had begun.
     *
     * @param words what happened
     */
    public void fail(String words) {
        end(words);
    }

    private String finished() {
        EpochRow best = record.best();
        if (best == null) {
            return "finished";
        }
        String score = Double.isNaN(best.psnr) ? "loss " + Format.threeDigits(best.loss) : Format.decibels(best.psnr);
        return "finished: best epoch " + best.epoch + ", " + score + ", " + model;
    }

    private void end(String words) {
        if (record.mostMemory() >= 0) {
            log.accept("memory of the whole program at the end of an epoch: " + Format.memory(record.mostMemory())
                    + " at the most");
        }
        record.end(Format.sentence(words));
        if (shown) {
            settle();
        }
    }

    /** A macro that goes on finds the window as it stays: open, or closed if what stopped the training is told elsewhere. */
    private void settle() {
        Runnable close = record.hasBegun() ? () -> { } : () -> window.close();
        if (EventQueue.isDispatchThread()) {
            EventQueue.invokeLater(close);
            return;
        }
        try {
            EventQueue.invokeAndWait(close);
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        } catch (InvocationTargetException failed) {
            throw new IllegalStateException(failed.getCause());
        }
    }

    /**
     * Whether trainings are shown in windows.
     *
     * @return false without a screen, without ImageJ's window, and in batch mode
     */
    public static boolean hasWindow() {
        return !GraphicsEnvironment.isHeadless() && IJ.getInstance() != null && !Interpreter.isBatchMode();
    }

    /** Opens the window with the first sign of work, so that refused options open none. */
    private synchronized void show() {
        if (!shown && hasWindow()) {
            shown = true;
            EventQueue.invokeLater(this::open);
        }
    }

    private void open() {
        String[] images = {titles.apply("low"), titles.apply("reference")};
        window = new TrainingWindow(record, requests, model, images);
        window.open();
    }

    /** Opens the window again if the user closed it, and brings it to the front. */
    void reopen() {
        EventQueue.invokeLater(() -> {
            // Before the first sign of work there is nothing to show.
            if (window != null) {
                if (!window.isOpen()) {
                    open();
                }
                window.toFront();
            }
        });
    }

    /** The name of the file that it will write. */
    String name() {
        return model;
    }

    /** Stops after this step; the best model is kept, and a checkpoint is written whatever the options say. */
    void stopAndSave() {
        requests.saveCheckpoint();
        requests.stop();
    }

    /**
     * What is being done from now on.
     *
     * @param name for the window's status line
     */
    public void phase(String name) {
        record.phase(name);
        show();
    }

    /**
     * How much of the work is done.
     *
     * @param done 0 to 1
     */
    public void fraction(double done) {
        record.fraction(done);
        show();
    }

    /**
     * A line of the log, for the window.
     *
     * @param line what it says
     */
    public void note(String line) {
        // Of these the window shows more than their lines say.
        if (!isEpoch(line) && !line.startsWith("training ")) {
            record.note(line);
        }
    }

    /**
     * Whether a line of the log says what {@link #epoch} says.
     *
     * @param line what it says
     * @return true for the line of an epoch
     */
    public static boolean isEpoch(String line) {
        return line.startsWith("epoch ");
    }

    /**
     * Whether the user asked to stop at once, wherever the work is.
     *
     * @return true to stop
     */
    public boolean stopsNow() {
        return requests.stopsNow(record.hasBegun());
    }

    /**
     * As {@link undulator.Host#trainingStarted}.
     *
     * @param facts name, value, name, value and so on
     * @param epochs number of the last epoch
     * @param baselines PSNR without a network
     */
    public void started(String[] facts, int epochs, double[] baselines) {
        requests.renew();
        record.begin(facts, epochs, baselines);
        if (baselines.length == 3) {
            log.accept("without a network the validation slices have " + Format.decibels(baselines[0])
                    + " as they are, " + Format.decibels(baselines[1]) + " grey-matched, "
                    + Format.decibels(baselines[2]) + " Gaussian-filtered and matched");
        }
    }

    /**
     * As {@link undulator.Host#epoch}.
     *
     * @param epoch from one
     * @param trainingLoss mean over the training slices
     * @param validationLoss mean over the validation slices
     * @param psnr of the validation slices
     * @param rate learning rate
     * @param best whether it is the best so far
     * @param imagesPerSecond training images a second
     * @param secondsLeft to the last epoch
     * @param memoryBytes that the whole program uses
     */
    public void epoch(int epoch, double trainingLoss, double validationLoss, double psnr, double rate, boolean best,
            double imagesPerSecond, double secondsLeft, long memoryBytes) {
        record.epoch(new EpochRow(epoch, trainingLoss, validationLoss, psnr, rate, best, imagesPerSecond, secondsLeft,
                memoryBytes));
    }

    /**
     * As {@link undulator.Host#preview}.
     *
     * @param epoch from one
     * @param slice from zero
     * @param width pixels along x
     * @param height pixels along y
     * @param input the laboratory's grey values
     * @param restored after the network
     * @param reference the synchrotron's
     */
    public void preview(int epoch, int slice, int width, int height, byte[] input, byte[] restored,
            byte[] reference) {
        record.preview(new Preview(epoch, slice, width, height, input, restored, reference));
    }

    /**
     * What the user asks for now, once.
     *
     * @return as {@link undulator.Host#request}
     */
    public int request() {
        return requests.take();
    }
}
