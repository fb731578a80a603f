package undulator.command;

import ij.IJ;
import ij.Macro;
import ij.plugin.PlugIn;
import ij.plugin.frame.Recorder;
import java.awt.GraphicsEnvironment;
import java.io.File;
import java.util.Collections;
import java.util.Map;
import undulator.CommandException;
import undulator.Undulator;
import undulator.image.OpenImages;
import undulator.model.ModelDrop;
import undulator.option.CommandSchema;
import undulator.option.Key;
import undulator.option.MacroOptions;
import undulator.option.OptionDialog;

/**
 * The menu entry of every command: options from the macro or a dialog, progress, results in windows, and errors that
 * are clear and leave nothing behind. What a command is called and what it takes comes from the native library.
 */
public final class Run implements PlugIn {
    /** For ImageJ. */
    public Run() {
    }

    /**
     * Runs a command.
     *
     * @param name as the native library calls it, for example {@code Compare Networks}
     */
    @Override
    public void run(String name) {
        Origin origin = Origin.here();
        Failure failure = new Failure("Undulator " + name, origin);
        try {
            CommandSchema command = CommandSchema.of(name);
            ModelDrop.install(Run::inspect);
            boolean asks = asks(command);
            Map<String, String> options = asks ? ask(command) : given();
            if (options != null) {
                run(command, options, asks, origin);
            }
        } catch (CommandException stopped) {
            failure.report(stopped);
        } catch (OutOfMemoryError full) {
            failure.report("The memory is full (" + full.getMessage() + "): close images, or give ImageJ more "
                    + "(Edit > Options > Memory & Threads...) and restart it");
        } catch (RuntimeException | LinkageError defect) {
            failure.reportDefect(defect);
        }
    }

    /** Whether a user is there to be asked for the options. */
    private static boolean asks(CommandSchema command) {
        return Macro.getOptions() == null && !GraphicsEnvironment.isHeadless() && IJ.getInstance() != null
                && !command.keys().isEmpty();
    }

    private static Map<String, String> given() {
        String macro = Macro.getOptions();
        return macro == null ? Collections.emptyMap() : MacroOptions.read(macro);
    }

    /** The options of the dialog, or null if the user cancelled it. */
    private static Map<String, String> ask(CommandSchema command) {
        if (command.keys().stream().anyMatch(Key::needsImage)) {
            OpenImages.refuseIfNoneOpen();
        }
        return OptionDialog.ask(command);
    }

    private static void run(CommandSchema command, Map<String, String> options, boolean asks, Origin origin) {
        try (MenuHost host = host(command, options, asks, origin)) {
            try {
                host.finish(Undulator.run(command.name(), options, host));
            } catch (RuntimeException | Error failure) {
                host.fail(failure);
                throw failure;
            }
        } catch (CommandException refused) {
            if (refused.code().equals(CommandException.OPTION)) {
                // A line that cannot run is no use in a macro.
                Recorder.disableCommandRecording();
            }
            throw refused;
        }
    }

    private static MenuHost host(CommandSchema command, Map<String, String> options, boolean asks, Origin origin) {
        switch (command.name()) {
            case "Train":
            case "Compare Networks":
                return new TrainingHost(command, options, asks, origin);
            case "Models":
                return new ModelsHost(command, asks, origin);
            case "Devices":
                return new DevicesHost(command, origin);
            default:
                return new MenuHost(command, asks, origin);
        }
    }

    /** Shows the card of a model, whatever command ran before. */
    private static void inspect(File model) {
        IJ.run("Undulator Models...", "action=Inspect model=[" + model.getPath() + "]");
    }
}
