package undulator.imagej;

import java.util.Arrays;
import net.imagej.patcher.LegacyInjector;

/** Patches ImageJ as Fiji does, before any of its classes is loaded. */
public final class HeadlessMain {
    private HeadlessMain() {
    }

    /** Arguments: the macro's file, and what the user does meanwhile; or "all" and any number of macros. */
    public static void main(String[] arguments) {
        LegacyInjector.preinit();
        if (arguments[0].equals("all")) {
            HeadlessMacro.runAll(Arrays.copyOfRange(arguments, 1, arguments.length));
        } else {
            HeadlessMacro.run(arguments);
        }
    }
}
