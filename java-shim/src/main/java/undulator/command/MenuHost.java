package undulator.command;

import ij.IJ;
import ij.ImagePlus;
import java.util.Collections;
import undulator.image.ImagesHost;
import undulator.option.CommandSchema;

/** A command from the menu or a macro: open images, the status line, the log, the Results table, and Escape. */
class MenuHost extends ImagesHost {
    private final CommandSchema command;
    private final Status status;
    private final Results results = new Results();
    private final Thread caller = Thread.currentThread();

    MenuHost(CommandSchema command) {
        super(Collections.emptyMap(), command.key("output") != null);
        this.command = command;
        this.status = new Status(command.title());
    }

    /** All went well: shows what there is to show. */
    void finish(String sentence) {
        newImages().values().forEach(ImagePlus::show);
        if (!sentence.isEmpty()) {
            IJ.log(title() + ": " + sentence);
        }
    }

    /** The command ended with this, which the user hears of elsewhere. */
    void fail(Throwable failure) {
    }

    final String title() {
        return command.title();
    }

    @Override
    public void row(String table, String[] columns, String[] units, double[] numbers, String[] texts) {
        if (table.equals("results")) {
            results.add(columns, numbers, texts);
        }
    }

    @Override
    public void written(String path) {
    }

    @Override
    public void picture(String name, int width, int height, byte[] rgb) {
    }

    @Override
    public void phase(String name) {
        status.phase(name);
    }

    @Override
    public void fraction(double fraction) {
        status.fraction(fraction);
    }

    @Override
    public void message(String line) {
        IJ.log(line);
    }

    @Override
    public void warning(String line) {
        IJ.log("Warning: " + line);
    }

    @Override
    public boolean cancelled() {
        return IJ.escapePressed() || caller.isInterrupted();
    }

    @Override
    public void close() {
        super.close();
        results.show();
        status.end();
    }
}
