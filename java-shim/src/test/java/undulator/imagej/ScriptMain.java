package undulator.imagej;

import groovy.lang.GroovyShell;
import ij.IJ;
import ij.ImageJ;
import ij.WindowManager;
import java.io.File;
import java.io.IOException;
import org.python.util.PythonInterpreter;

/** Runs a script in Groovy or Jython, with or without ImageJ's window; an active image is there for those that need one. */
public final class ScriptMain {
    private ScriptMain() {
    }

    /** Arguments: the script, and the kind of the active image ("none" for none). */
    public static void main(String[] arguments) throws IOException {
        if (!arguments[1].equals("none")) {
            new ImageJ();
            IJ.createImage("active", arguments[1], 64, 48, 3).show();
        }
        File script = new File(arguments[0]);
        if (script.getName().endsWith(".groovy")) {
            new GroovyShell().evaluate(script);
        } else {
            try (PythonInterpreter python = new PythonInterpreter()) {
                python.execfile(script.getPath());
            }
        }
        if (!arguments[1].equals("none")) {
            System.out.println("shown: " + WindowManager.getCurrentImage().getTitle());
        } else {
            System.out.println("windows: " + WindowManager.getWindowCount());
        }
        Runtime.getRuntime().halt(0);
    }
}
