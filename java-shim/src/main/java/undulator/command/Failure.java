package undulator.command;

import ij.IJ;
import java.io.PrintWriter;
import java.io.StringWriter;
import undulator.CommandException;
import undulator.option.Lines;

/**
 * Tells the user what went wrong and stops the macro that ran the command, and no other.
 *
 * <p>Where ImageJ has a window, its own error dialog does both. Without one that dialog blocks an unattended run, or
 * fails itself under Fiji's headless patch, so there the message goes to the log and the macro is ended here.</p>
 */
final class Failure {
    private final String command;
    private final Origin origin;

    Failure(String command, Origin origin) {
        this.command = command;
        this.origin = origin;
    }

    void report(CommandException stopped) {
        if (stopped.isCancelled()) {
            reportCancelled(stopped.getMessage());
        } else {
            report(stopped.getMessage());
        }
    }

    void report(String message) {
        if (IJ.getInstance() == null) {
            IJ.log(command + ": " + message);
            origin.stop(command + ": " + message);
        } else if (origin.isMenu()) {
            // ImageJ's error dialog ends whatever macro runs.
            IJ.showMessage(command, Lines.broken(message));
        } else {
            IJ.error(command, Lines.broken(message));
        }
    }

    /** Cancelling is no error: no dialog, but what follows in a macro must not run. */
    private void reportCancelled(String message) {
        IJ.log(command + ": " + message);
        IJ.showStatus(command + " was cancelled");
        origin.stop(command + " was cancelled");
    }

    /** A defect is ours, whatever Java calls it. */
    void reportDefect(Throwable defect) {
        StringWriter trace = new StringWriter();
        defect.printStackTrace(new PrintWriter(trace));
        IJ.log(trace.toString());
        report(defect + " (this is a defect of Undulator: please report it with the lines in the log)");
    }
}
