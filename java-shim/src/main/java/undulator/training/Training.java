package undulator.training;

import ij.IJ;
import ij.macro.Interpreter;
import java.awt.EventQueue;
import java.awt.GraphicsEnvironment;
import java.io.File;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import java.util.function.Function;
import undulator.Monitor;
import undulator.TrainingMonitor;
import undulator.Words;

/** Shows a training in a window, where there may be one, and passes on what its user asks for. */
public final class Training implements TrainingMonitor {
    private final Monitor command;
    private final String model;
    private final String[] images;
    private final TrainingRecord record = new TrainingRecord();
    private final Requests requests = new Requests();
    private boolean shown;
    /** Made, used and read on the event thread. */
    private TrainingWindow window;

    private Training(Monitor command, String model, String input, String reference) {
        this.command = command;
        this.model = model;
        this.images = new String[] {input, reference};
    }

    /**
     * Runs a training. Its window stays open when it is over, until the user closes it.
     *
     * @param command takes progress, log lines and rows
     * @param model the file that it will write
     * @param input the laboratory scan's title
     * @param reference the synchrotron scan's title
     * @param work trains; what it throws comes back unchanged
     */
    public static void run(Monitor command, String model, String input, String reference,
            Consumer<TrainingMonitor> work) {
        Training training = new Training(command, model, input, reference);
        training.runAndEnd(monitor -> {
            work.accept(monitor);
            return training.finished();
        });
    }

    /**
     * Runs several trainings on one pair, one after the other, in one window.
     *
     * @param command takes progress, log lines and rows
     * @param title names the window
     * @param input the laboratory scan's title
     * @param reference the synchrotron scan's title
     * @param work trains, and says what came out; what it throws comes back unchanged
     */
    public static void runSeveral(Monitor command, String title, String input, String reference,
            Function<TrainingMonitor, String> work) {
        new Training(command, title, input, reference).runAndEnd(work);
    }

    private void runAndEnd(Function<TrainingMonitor, String> work) {
        try {
            end(work.apply(this));
        } catch (CancellationException cancelled) {
            end(cancelled.getMessage());
            throw cancelled;
        } catch (RuntimeException | Error failure) {
            end("failed: " + failure.getMessage());
            throw failure;
        }
    }

    private String finished() {
        EpochRow best = record.best();
        if (best == null) {
            return "finished";
        }
        String score = Double.isNaN(best.psnr) ? "loss " + Words.threeDigits(best.loss) : Words.decibels(best.psnr);
        return "finished: best epoch " + best.epoch + ", " + score + ", " + new File(model).getName();
    }

    private void end(String words) {
        if (record.mostMemory() >= 0) {
            command.log("memory of the whole program at the end of an epoch: " + Words.memory(record.mostMemory())
                    + " at the most");
        }
        record.end(Words.sentence(words == null ? "cancelled" : words));
        // What stopped it before it began is told by the command.
        if (shown && !record.hasBegun()) {
            EventQueue.invokeLater(() -> window.close());
        }
    }

    /** Opens the window with the first sign of work, so that refused options open none. */
    private synchronized void show() {
        boolean possible = !GraphicsEnvironment.isHeadless() && IJ.getInstance() != null && !Interpreter.isBatchMode();
        if (!shown && possible) {
            shown = true;
            EventQueue.invokeLater(() -> {
                window = new TrainingWindow(record, requests, new File(model).getName(), images);
                window.open();
            });
        }
    }

    @Override
    public void progress(double fraction, String doing) {
        command.progress(fraction, doing);
        record.progress(fraction, doing);
        show();
    }

    @Override
    public void log(String line) {
        command.log(line);
        // Of these the window shows more than their lines say.
        if (!line.startsWith("epoch ") && !line.startsWith("training ")) {
            record.note(line);
        }
    }

    @Override
    public boolean cancelled() {
        return command.cancelled() || requests.stopsNow(record.hasBegun());
    }

    @Override
    public void row(String[] columns, String[] values) {
        command.row(columns, values);
    }

    @Override
    public void begin(String[] facts, int epochs, double[] baselines) {
        requests.renew();
        record.begin(facts, epochs, baselines);
        if (baselines.length == 3) {
            command.log("without a network the validation slices have " + Words.decibels(baselines[0])
                    + " as they are, " + Words.decibels(baselines[1]) + " grey-matched, "
                    + Words.decibels(baselines[2]) + " Gaussian-filtered and matched");
        }
    }

    @Override
    public void epoch(int epoch, double trainingLoss, double validationLoss, double psnr, double rate, boolean best,
            double imagesPerSecond, double secondsLeft, long memoryBytes) {
        record.epoch(new EpochRow(epoch, trainingLoss, validationLoss, psnr, rate, best, imagesPerSecond, secondsLeft,
                memoryBytes));
    }

    @Override
    public void preview(int epoch, int slice, int width, int height, byte[] input, byte[] restored,
            byte[] reference) {
        record.preview(new Preview(epoch, slice, width, height, input, restored, reference));
    }

    @Override
    public int request() {
        return requests.take();
    }
}
