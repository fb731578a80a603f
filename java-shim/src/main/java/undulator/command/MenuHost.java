package undulator.command;

import ij.IJ;
import ij.ImagePlus;
import ij.gui.GenericDialog;
import java.util.Collections;
import java.util.Objects;
import undulator.image.ImagesHost;
import undulator.option.CommandSchema;
import undulator.option.Key;
import undulator.option.Lines;

/** A command from the menu or a macro: open images, the status line, the log, the Results table, and Escape. */
class MenuHost extends ImagesHost {
    private final CommandSchema command;
    private final Status status;
    private final Results results;
    private final Thread caller = Thread.currentThread();
    private final Escape escape;
    private final boolean asks;

    /** Of a command in front; one that asks was filled in by a user, in a dialog. */
    MenuHost(CommandSchema command, boolean asks, Origin origin) {
        this(command, asks, Escape.begin(), Results.of(command.title(), origin));
    }

    MenuHost(CommandSchema command, boolean asks, Escape escape, Results results) {
        super(Collections.emptyMap(), command.key("output") != null);
        this.command = command;
        this.asks = asks;
        this.escape = escape;
        this.results = results;
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

    /** How the status line says it. */
    final Status status() {
        return status;
    }

    final String title() {
        return command.title();
    }

    @Override
    public void row(String table, String[] columns, String[] units, double[] numbers, String[] texts) {
        if (table.equals("results")) {
            results.add(image(), columns, units, numbers, texts);
        }
    }

    /** The title of the image that the command works on: the first of its options. */
    private String image() {
        return command.keys().stream().filter(Key::isImage).map(key -> source(key.name())).filter(Objects::nonNull)
                .map(ImagePlus::getTitle).findFirst().orElse("");
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
        return escape.pressed() || caller.isInterrupted();
    }

    @Override
    public boolean mayReplace(String path) {
        if (!asks) {
            return true;
        }
        GenericDialog question = new GenericDialog(title());
        question.addMessage(Lines.broken(path + " is there already. Replace it?"));
        question.setOKLabel("Replace");
        question.setCancelLabel("Keep it");
        question.showDialog();
        return question.wasOKed();
    }

    @Override
    public void close() {
        super.close();
        escape.end();
        results.show();
        status.end();
    }
}
