package undulator.imagej;

import ij.IJ;
import ij.gui.GenericDialog;
import java.awt.AWTException;
import java.awt.Button;
import java.awt.Checkbox;
import java.awt.Choice;
import java.awt.Dialog;
import java.awt.Rectangle;
import java.awt.Robot;
import java.awt.TextField;
import java.awt.Window;
import java.awt.event.ActionEvent;
import java.awt.event.ItemEvent;
import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.util.Arrays;
import javax.imageio.ImageIO;

/** A user at the screen: chooses commands from the menu, fills dialogs and clicks. */
final class User {
    private static final int LIMIT_MILLIS = 60_000;

    private final Robot robot;

    User() throws AWTException {
        robot = new Robot();
        robot.setAutoDelay(50);
        // ImageJ's window would keep Java running after a failed check.
        Thread.currentThread().setUncaughtExceptionHandler((thread, failure) -> {
            failure.printStackTrace();
            Runtime.getRuntime().halt(2);
        });
    }

    /** Chooses a menu command and waits for its dialog. */
    GenericDialog open(String command) {
        IJ.doCommand(command);
        return dialog(command.replace("...", ""));
    }

    /** Waits for a dialog of options with that title. */
    GenericDialog dialog(String title) {
        return (GenericDialog) waitFor(title, true);
    }

    /** Waits for an error message with that title. */
    Dialog message(String title) {
        return waitFor(title, false);
    }

    private Dialog waitFor(String title, boolean options) {
        for (int waited = 0; waited < LIMIT_MILLIS; waited += 50) {
            for (Window window : Window.getWindows()) {
                if (window instanceof Dialog shown && shown.isShowing() && shown.getTitle().equals(title)
                        && options == shown instanceof GenericDialog) {
                    return shown;
                }
            }
            IJ.wait(50);
        }
        throw new AssertionError("no dialog called " + title);
    }

    /** Without a window manager a dialog may still move after it is shown. */
    private void settle(Window window) {
        Rectangle place;
        do {
            place = window.getBounds();
            robot.waitForIdle();
            robot.delay(500);
        } while (!place.equals(window.getBounds()));
    }

    void type(GenericDialog dialog, int field, String text) {
        ((TextField) dialog.getStringFields().get(field)).setText(text);
    }

    void choose(GenericDialog dialog, int list, String item) {
        Choice choice = (Choice) dialog.getChoices().get(list);
        choice.select(item);
        choice.dispatchEvent(new ItemEvent(choice, ItemEvent.ITEM_STATE_CHANGED, item, ItemEvent.SELECTED));
    }

    String typed(GenericDialog dialog, int field) {
        return ((TextField) dialog.getStringFields().get(field)).getText();
    }

    void tick(GenericDialog dialog, int box) {
        ((Checkbox) dialog.getCheckboxes().get(box)).setState(true);
    }

    /** Takes a picture once the window is drawn, from a place where nothing covers it. */
    void photograph(Window window, File file) throws IOException {
        for (int waited = 0; waited < LIMIT_MILLIS; waited += 500) {
            // Without a window manager Java's idea of where the window is may be stale: moving it tells both sides.
            window.setLocation(20 + waited / 100, 20);
            window.toFront();
            settle(window);
            Rectangle place = new Rectangle(window.getLocationOnScreen(), window.getSize());
            BufferedImage picture = robot.createScreenCapture(place);
            if (colours(picture) > 2) {
                ImageIO.write(picture, "png", file);
                return;
            }
        }
        throw new AssertionError(window + " is not drawn");
    }

    private static long colours(BufferedImage picture) {
        return Arrays.stream(picture.getRGB(0, 0, picture.getWidth(), picture.getHeight(), null, 0,
                picture.getWidth())).distinct().count();
    }

    /** Presses OK (0) or Cancel (1). A mouse would miss: without a window manager windows overlap and move. */
    void press(GenericDialog dialog, int number) {
        Button button = dialog.getButtons()[number];
        button.dispatchEvent(new ActionEvent(button, ActionEvent.ACTION_PERFORMED, button.getLabel()));
    }

    /** Waits until the command's thread has ended. */
    void waitForEnd(String command) {
        for (int waited = 0; waited < LIMIT_MILLIS; waited += 50) {
            if (Thread.getAllStackTraces().keySet().stream().noneMatch(thread -> thread.getName().equals(command))) {
                return;
            }
            IJ.wait(50);
        }
        throw new AssertionError(command + " does not end");
    }
}
