package undulator.imagej;

import ij.ImagePlus;
import ij.WindowManager;
import ij.macro.Interpreter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Runs macros in patched ImageJ. Apart from {@link HeadlessMain}, so that ImageJ's classes load after the patch. */
final class HeadlessMacro {
    private HeadlessMacro() {
    }

    static void run(String[] arguments) {
        Scenario.start(arguments);
        Scenario.end(error(arguments[0]));
    }

    /** Runs one macro after the other, each with no image open, and prints how each ended. */
    static void runAll(String[] macros) {
        for (int i = 0; i < macros.length; i++) {
            System.out.println("error " + i + ": " + error(macros[i]));
            Scenario.printLocked();
            closeAll();
        }
        Scenario.end(null);
    }

    private static String error(String file) {
        Interpreter macro = new Interpreter();
        try {
            macro.run(Files.readString(Path.of(file)), "");
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
        return macro.getErrorMessage();
    }

    private static void closeAll() {
        int[] ids = WindowManager.getIDList();
        for (int i = 0; ids != null && i < ids.length; i++) {
            ImagePlus image = WindowManager.getImage(ids[i]);
            image.changes = false;
            image.close();
        }
    }
}
