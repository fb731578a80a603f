package undulator;

import java.io.File;
import undulator.image.ImagesHost;
import undulator.model.Pictures;
import undulator.option.CommandSchema;

/** A command from a script: everything that comes out is kept, and nothing is shown. */
final class ScriptHost extends ImagesHost {
    private final Outcome outcome = new Outcome();
    private final Thread caller = Thread.currentThread();

    private ScriptHost(ScriptOptions options, boolean writesFiles) {
        super(options.images(), writesFiles);
    }

    static Outcome run(String command, ScriptOptions options) {
        boolean writesFiles = CommandSchema.of(command).key("output") != null;
        try (ScriptHost host = new ScriptHost(options, writesFiles)) {
            String sentence = Undulator.run(command, options.texts(), host);
            host.outcome.end(sentence, host.newImages());
            return host.outcome;
        }
    }

    @Override
    public void written(String path) {
        outcome.add(new File(path));
    }

    @Override
    public void row(String table, String[] columns, String[] units, double[] numbers, String[] texts) {
        outcome.add(table, columns, numbers, texts);
    }

    @Override
    public void picture(String name, int width, int height, byte[] rgb) {
        outcome.add(name, Pictures.image(width, height, rgb));
    }

    @Override
    public void phase(String name) {
    }

    @Override
    public void fraction(double fraction) {
    }

    @Override
    public void message(String line) {
        outcome.addMessage(line);
    }

    @Override
    public void warning(String line) {
        outcome.addWarning(line);
    }

    @Override
    public boolean cancelled() {
        return caller.isInterrupted();
    }
}
