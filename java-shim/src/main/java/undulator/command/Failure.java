package undulator.command;

import ij.IJ;
import ij.Macro;
import ij.macro.Interpreter;
import java.io.PrintWriter;
import java.io.StringWriter;
import undulator.CommandException;
import undulator.option.Lines;

/**
 * Tells the user what went wrong and stops the macro.
 *
 * <p>Where ImageJ has a window, its own error dialog does both. Without one that dialog blocks an unattended run, or
 * fails itself under Fiji's headless patch, so there the message goes to the log and the macro is ended here.</p>
 */
final class Failure {
    private final String command;

    Failure(String command) {
        this.command = command;
    }

    void report(CommandException stopped) {
        if (stopped.isCancelled()) {
            reportCancelled(stopped.getMessage());
        } else {
            report(stopped.getMessage());
        }
    }

    void report(String message) {
        if (IJ.getInstance() != null) {
            IJ.error(command, Lines.broken(message));
            return;
        }
        IJ.log(command + ": " + message);
        stopMacro(command + ": " + message);
    }

    /** Cancelling is no error: no dialog, but what follows in a macro must not run. */
    private void reportCancelled(String message) {
        IJ.log(command + ": " + message);
        IJ.showStatus(command + " was cancelled");
        stopMacro(command + " was cancelled");
    }

    void reportDefect(Throwable defect) {
        StringWriter trace = new StringWriter();
        defect.printStackTrace(new PrintWriter(trace));
        IJ.log(trace.toString());
        report(defect + " (this is a defect of Undulator: please report it with the lines in the log)");
    }

    private static void stopMacro(String message) {
        Interpreter macro = Interpreter.getInstance();
        if (macro == null) {
            Macro.abort();
        } else {
            macro.setIgnoreErrors(true);
            macro.abort(message);
        }
    }
}
