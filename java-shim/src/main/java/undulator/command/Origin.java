package undulator.command;

import ij.IJ;
import ij.Macro;
import ij.macro.Interpreter;

/**
 * Who started a command: the user from the menu, or a macro or script, which ends with it. ImageJ knows one macro at a
 * time; a command that is stopped must end its own, and never one that runs beside it.
 */
final class Origin {
    private final boolean code;
    private final Interpreter macro;

    private Origin(boolean code, Interpreter macro) {
        this.code = code;
        this.macro = macro;
    }

    /** Whoever runs on this thread. */
    static Origin here() {
        boolean macro = runs(Thread.currentThread().getStackTrace(), Interpreter.class.getName(), "");
        boolean code = macro || runs(Thread.currentThread().getStackTrace(), IJ.class.getName(), "run");
        return new Origin(code, macro && macros() == 1 ? Interpreter.getInstance() : null);
    }

    /** How many threads run a macro: ImageJ's own field has the one that began last. */
    private static long macros() {
        return Thread.getAllStackTraces().values().stream()
                .filter(stack -> runs(stack, Interpreter.class.getName(), "")).count();
    }

    private static boolean runs(StackTraceElement[] stack, String type, String method) {
        for (StackTraceElement frame : stack) {
            if (frame.getClassName().equals(type) && (method.isEmpty() || frame.getMethodName().equals(method))) {
                return true;
            }
        }
        return false;
    }

    /** Whether the user chose the command from the menu. */
    boolean isMenu() {
        return !code;
    }

    /** What follows in the macro or script must not run. */
    void stop(String message) {
        if (macro != null) {
            macro.setIgnoreErrors(true);
            macro.abort(message);
        } else if (code) {
            Macro.abort();
        }
    }
}
