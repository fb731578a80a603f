package undulator.imagej;

import ij.IJ;
import ij.ImagePlus;
import ij.WindowManager;
import ij.measure.ResultsTable;
import java.awt.event.KeyEvent;

/** What there is before a macro runs, and what a user does while it trains a network, after the first epoch. */
final class Scenario {
    private Scenario() {
    }

    static void start(String[] arguments) {
        if (arguments.length < 2) {
            return;
        }
        if (arguments[1].equals("made")) {
            MadeStack.show();
            return;
        }
        Thread user = new Thread(() -> {
            while (!ResultsTable.getResultsTable().columnExists("Loss")) {
                IJ.wait(20);
            }
            act(arguments[1]);
        }, "user");
        user.setDaemon(true);
        user.start();
    }

    private static void act(String action) {
        switch (action) {
            case "escape":
                IJ.setKeyDown(KeyEvent.VK_ESCAPE);
                break;
            case "close all":
                for (int id : WindowManager.getIDList()) {
                    ImagePlus image = WindowManager.getImage(id);
                    image.changes = false;
                    image.close();
                }
                break;
            default:
                throw new IllegalArgumentException(action);
        }
    }

    /** Prints which open images are locked. */
    static void printLocked() {
        int[] ids = WindowManager.getIDList();
        for (int i = 0; ids != null && i < ids.length; i++) {
            ImagePlus image = WindowManager.getImage(ids[i]);
            if (image != null && image.isLocked()) {
                System.out.println("still locked: " + image.getTitle());
            }
        }
    }

    /** Prints what is left, and ends Java: with 1 after an error. */
    static void end(String error) {
        printLocked();
        MadeStack.printPeak();
        if (error != null) {
            System.out.println("macro error: " + error.replace('\n', ' '));
        }
        System.out.flush();
        Runtime.getRuntime().halt(error == null ? 0 : 1);
    }
}
