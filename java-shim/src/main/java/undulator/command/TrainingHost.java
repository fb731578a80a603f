package undulator.command;

import ij.IJ;
import ij.ImagePlus;
import java.io.File;
import java.util.Map;
import undulator.CommandException;
import undulator.option.CommandSchema;
import undulator.training.Jobs;
import undulator.training.Training;

/** Shows a training, or several one after the other, in a window that stays open when they have ended. */
final class TrainingHost extends MenuHost {
    private final Training training;
    private String figure;

    TrainingHost(CommandSchema command, Map<String, String> options, boolean asks, Origin origin) {
        // From the menu it runs in the background: its window has buttons, and its own Escape.
        super(command, asks, origin.isMenu() && Training.hasWindow() ? Escape.none() : Escape.begin(),
                Results.of(command.title(), origin));
        String model = options.get("model");
        training = new Training(model == null ? "comparison" : new File(model).getName(), this::title, super::message);
        Jobs.add(training);
        if (model != null) {
            status().tellsTime();
        }
    }

    private String title(String key) {
        ImagePlus image = source(key);
        return image == null ? "" : image.getTitle();
    }

    @Override
    void finish(String sentence) {
        super.finish(sentence);
        training.finish(sentence);
        if (figure != null) {
            show(figure);
        }
    }

    private static void show(String figure) {
        ImagePlus image = IJ.openImage(figure);
        if (image == null) {
            throw new CommandException(CommandException.FILE,
                    "The figure " + figure + " cannot be opened", "it should have just been written");
        }
        image.show();
    }

    @Override
    void fail(Throwable failure) {
        boolean cancelled = failure instanceof CommandException && ((CommandException) failure).isCancelled();
        training.fail(cancelled ? failure.getMessage() : "failed: " + failure.getMessage());
    }

    @Override
    public void close() {
        Jobs.remove(training);
        super.close();
    }

    @Override
    public void written(String path) {
        if (path.endsWith(".png")) {
            figure = path;
        }
    }

    @Override
    public void phase(String name) {
        super.phase(name);
        training.phase(name);
    }

    @Override
    public void fraction(double fraction) {
        super.fraction(fraction);
        training.fraction(fraction);
    }

    @Override
    public void message(String line) {
        // Where there is a window, an epoch is a row of the table.
        if (!Training.hasWindow() || !Training.isEpoch(line)) {
            super.message(line);
        }
        training.note(line);
    }

    @Override
    public void warning(String line) {
        super.warning(line);
        training.note(line);
    }

    @Override
    public boolean cancelled() {
        return super.cancelled() || training.stopsNow();
    }

    @Override
    public void trainingStarted(String[] facts, int epochs, double[] baselines) {
        training.started(facts, epochs, baselines);
    }

    @Override
    public void epoch(int epoch, double trainingLoss, double validationLoss, double psnr, double rate, boolean best,
            double imagesPerSecond, double secondsLeft, long memoryBytes) {
        if (!Double.isNaN(secondsLeft)) {
            status().left(secondsLeft);
        }
        training.epoch(epoch, trainingLoss, validationLoss, psnr, rate, best, imagesPerSecond, secondsLeft, memoryBytes);
    }

    @Override
    public void preview(int epoch, int slice, int width, int height, byte[] input, byte[] restored,
            byte[] reference) {
        training.preview(epoch, slice, width, height, input, restored, reference);
    }

    @Override
    public int request() {
        return training.request();
    }
}
