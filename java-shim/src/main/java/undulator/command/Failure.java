package undulator.command;

import ij.IJ;
import ij.Macro;
import ij.macro.Interpreter;
import java.io.PrintWriter;
import java.io.StringWriter;

/**
 * Tells the user what went wrong and stops the macro.
 *
 * <p>Where ImageJ has a window, its own error dialog does both. Without one that dialog blocks an unattended run, or
 * fails itself under Fiji's headless patch, so there the message goes to the log and the macro is ended here.</p>
 */
final class Failure {
    private static final int LINE_LENGTH = 80;

    private final String command;

    Failure(String command) {
        this.command = command;
    }

    void report(String message) {
        if (IJ.getInstance() != null) {
            IJ.error(command, wrapped(message));
            return;
        }
        IJ.log(command + ": " + message);
        stopMacro(command + ": " + message);
    }

    /** Cancelling is no error: no dialog, but what follows in a macro must not run. */
    void reportCancelled(String message) {
        IJ.log(command + ": " + (message == null ? "cancelled" : message));
        IJ.showStatus(command + " was cancelled");
        stopMacro(command + " was cancelled");
    }

    void reportDefect(Throwable defect) {
        StringWriter trace = new StringWriter();
        defect.printStackTrace(new PrintWriter(trace));
        IJ.log(trace.toString());
        report(defect + " (this is a defect of Undulator: please report it with the lines in the log)");
    }

    /** ImageJ's dialogs do not break lines: a long message would be wider than the screen. */
    static String wrapped(String message) {
        StringBuilder text = new StringBuilder();
        int column = 0;
        for (String word : message.split("(?<=\\s)")) {
            if (column > 0 && column + word.length() > LINE_LENGTH) {
                text.append('\n');
                column = 0;
            }
            text.append(word);
            column = word.endsWith("\n") ? 0 : column + word.length();
        }
        return text.toString();
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
