package undulator.imagej;

import ij.IJ;
import ij.ImageJ;
import ij.ImagePlus;
import ij.WindowManager;
import ij.gui.GenericDialog;
import java.awt.Dialog;
import java.io.File;

/** Opens the dialogs of Train and Apply, photographs them, and leaves by Cancel; then makes a mistake. */
public final class DialogsMain {
    private DialogsMain() {
    }

    /** Argument: the folder for the pictures. */
    public static void main(String[] arguments) throws Exception {
        new ImageJ();
        User user = new User();
        File pictures = new File(arguments[0]);
        // These need no open image.
        cancel(user, pictures, "Undulator Sample Data...", "Undulator Models...");
        IJ.runMacro("run('Undulator Sample Data...', 'width=48 height=48 slices=8');");
        cancel(user, pictures, "Undulator Resample...", "Undulator Align...", "Undulator Train...",
                "Undulator Apply...", "Undulator Measure...");
        GenericDialog train = user.open("Undulator Train...");
        user.choose(train, 2, "Paper");
        System.out.println("paper: " + user.typed(train, 2) + " epochs, " + user.typed(train, 6) + " validate, batch "
                + user.typed(train, 3));
        user.press(train, 0);
        Dialog error = user.message("Undulator Train");
        user.photograph(error, new File(pictures, "No model named.png"));
        error.dispose();
        user.waitForEnd("Undulator Train...");
        for (int id : WindowManager.getIDList()) {
            ImagePlus image = WindowManager.getImage(id);
            System.out.println(image.getTitle() + ": " + (image.isLocked() ? "locked" : "free"));
        }
        IJ.run("Undulator Devices...");
        user.photograph(WindowManager.getWindow("Undulator Devices"), new File(pictures, "Undulator Devices.png"));
        Runtime.getRuntime().halt(0);
    }

    private static void cancel(User user, File pictures, String... commands) throws Exception {
        for (String command : commands) {
            GenericDialog dialog = user.open(command);
            user.photograph(dialog, new File(pictures, dialog.getTitle() + ".png"));
            user.press(dialog, 1);
            user.waitForEnd(command);
            System.out.println("cancelled: " + command);
        }
    }
}
