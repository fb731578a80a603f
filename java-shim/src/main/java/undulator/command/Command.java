package undulator.command;

import ij.IJ;
import ij.Macro;
import ij.plugin.PlugIn;
import java.awt.GraphicsEnvironment;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import undulator.CommandException;
import undulator.image.OpenImages;
import undulator.model.ModelDrop;
import undulator.nativelib.NativeLibrary;
import undulator.option.Key;
import undulator.option.OptionDialog;
import undulator.option.Options;

/**
 * What all commands share: options from the macro or a dialog, the native library, progress, and errors that are
 * clear and leave nothing behind.
 *
 * <p>A new command is a subclass and a line in plugins.config.</p>
 */
abstract class Command implements PlugIn {
    private final String name;
    private final String explanation;
    private final List<Key> keys;

    /** The name as in the menu without its dots, a sentence for the dialog, and the options in the dialog's order. */
    Command(String name, String explanation, Key... keys) {
        this.name = name;
        this.explanation = explanation;
        this.keys = Collections.unmodifiableList(Arrays.asList(keys));
    }

    /** Does the work on the caller's thread. */
    abstract void run(Options options, Job job);

    /** The options, for tests. */
    final List<Key> keys() {
        return keys;
    }

    @Override
    public final void run(String argument) {
        Failure failure = new Failure(name);
        try {
            Options options = options(Macro.getOptions());
            if (options != null) {
                NativeLibrary.load();
                ModelDrop.install(Models::inspect);
                runJob(options);
            }
        } catch (CommandException | IllegalArgumentException forTheUser) {
            failure.report(forTheUser.getMessage());
        } catch (CancellationException cancelled) {
            failure.reportCancelled(cancelled.getMessage());
        } catch (OutOfMemoryError full) {
            failure.report("The memory is full (" + full.getMessage() + "): close images, or give ImageJ more "
                    + "(Edit > Options > Memory & Threads...) and restart it");
        } catch (RuntimeException | LinkageError defect) {
            failure.reportDefect(defect);
        }
    }

    /** The values of the options, or null if the user cancelled the dialog. */
    private Options options(String macroOptions) {
        if (macroOptions != null) {
            return Options.fromMacro(name, keys, macroOptions);
        }
        if (GraphicsEnvironment.isHeadless() || IJ.getInstance() == null || keys.isEmpty()) {
            return Options.fromMacro(name, keys, "");
        }
        if (keys.stream().anyMatch(Key::needsImage)) {
            OpenImages.refuseIfNoneOpen();
        }
        return OptionDialog.ask(name, explanation, help(), keys);
    }

    /** More about the options in HTML, for a button of the dialog; empty for none. */
    String help() {
        return "";
    }

    private void runJob(Options options) {
        try (Job job = new Job(name)) {
            run(options, job);
        }
    }
}
