package undulator.imagej;

import ij.IJ;
import ij.ImageJ;
import ij.macro.Interpreter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Opens ImageJ's window and runs a macro in it; an error ends the macro without a dialog and is printed. */
public final class WindowedMain {
    private WindowedMain() {
    }

    /** Arguments: the macro's file, and what the user does meanwhile. */
    public static void main(String[] arguments) throws IOException {
        new ImageJ();
        Scenario.start(arguments);
        Interpreter macro = new Interpreter();
        macro.setIgnoreErrors(true);
        macro.run(Files.readString(Path.of(arguments[0])), "");
        if (IJ.getLog() != null) {
            System.out.println(IJ.getLog());
        }
        Scenario.end(macro.getErrorMessage());
    }
}
