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
        Failure failure = new Failure("Undulator " + name);
        try {
            CommandSchema command = CommandSchema.of(name);
            ModelDrop.install(Run::inspect);
            Map<String, String> options = options(command);
            if (options != null) {
                run(command, options);
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

    /** The options that were given, or null if the user cancelled the dialog. */
    private static Map<String, String> options(CommandSchema command) {
        String macro = Macro.getOptions();
        if (macro != null) {
            return MacroOptions.read(macro);
        }
        if (GraphicsEnvironment.isHeadless() || IJ.getInstance() == null || command.keys().isEmpty()) {
            return Collections.emptyMap();
        }
        if (command.keys().stream().anyMatch(Key::needsImage)) {
            OpenImages.refuseIfNoneOpen();
        }
        return OptionDialog.ask(command);
    }

    private static void run(CommandSchema command, Map<String, String> options) {
        try (MenuHost host = host(command, options)) {
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

    private static MenuHost host(CommandSchema command, Map<String, String> options) {
        switch (command.name()) {
            case "Train":
            case "Compare Networks":
                return new TrainingHost(command, options);
            case "Models":
                return new ModelsHost(command);
            case "Devices":
                return new DevicesHost(command);
            default:
                return new MenuHost(command);
        }
    }

    /** Shows the card of a model, whatever command ran before. */
    private static void inspect(File model) {
        IJ.run("Undulator Models...", "action=Inspect model=[" + model.getPath() + "]");
    }
}
