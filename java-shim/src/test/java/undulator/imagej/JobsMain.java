package undulator.imagej;

import ij.IJ;
import ij.ImageJ;
import ij.ImagePlus;
import ij.gui.GenericDialog;
import ij.gui.PolygonRoi;
import ij.gui.Roi;
import java.awt.Dialog;
import java.awt.EventQueue;
import java.awt.Robot;
import java.awt.Window;
import java.awt.event.KeyEvent;
import java.awt.event.WindowEvent;
import java.io.File;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import javax.swing.JFrame;
import undulator.Host;
import undulator.command.EscapeOf;
import undulator.training.Jobs;
import undulator.training.Training;

/** A user who closes windows, quits ImageJ and presses Escape while trainings run. The trainings do no work. */
public final class JobsMain {
    private static final int LIMIT_MILLIS = 30_000;

    private final User user = new User();
    private final File pictures;

    private JobsMain(File pictures) throws Exception {
        this.pictures = pictures;
    }

    /** Arguments: what to do, and the folder for pictures. */
    public static void main(String[] arguments) throws Exception {
        new ImageJ();
        JobsMain main = new JobsMain(new File(arguments[1]));
        switch (arguments[0]) {
            case "reopen":
                main.reopen();
                break;
            case "quit":
                main.quit();
                break;
            case "escape":
                main.escape();
                break;
            default:
                throw new IllegalArgumentException(arguments[0]);
        }
        Runtime.getRuntime().halt(0);
    }

    /** What a training does on its thread, but for the work. */
    private static final class Idle extends Thread {
        private final Training training;
        private final StringBuilder heard = new StringBuilder();

        Idle(String model) {
            super(model);
            training = new Training(model, key -> key, IJ::log);
            Jobs.add(training);
            start();
        }

        @Override
        public void run() {
            training.started(new String[] {"Network", "RED-Net", "Parameters", "1", "Device", "cpu",
                "Training slices", "1-9", "Validation slices", "10-12"}, 1000, new double[] {12, 13, 14});
            training.phase("Epoch 1 of 1000");
            for (int epoch = 1; !training.stopsNow(); epoch++) {
                training.epoch(epoch, 0.1 / epoch, 0.2 / epoch, 20 + Math.log(epoch), 0.001, true, 7, 60, 1 << 20);
                training.fraction(epoch / 1000.0);
                if (training.request() == Host.FINISH) {
                    break;
                }
                IJ.wait(20);
            }
            heard.append(training.request() == Host.SAVE_CHECKPOINT ? "checkpoint" : "no checkpoint");
            System.out.println(getName() + " wrote: " + heard);
            training.finish("");
            Jobs.remove(training);
        }
    }

    private void reopen() throws Exception {
        IJ.run("Undulator Jobs...");
        System.out.println("none: " + IJ.getLog().trim());
        Idle training = new Idle("one.zip");
        JFrame window = window("one.zip");
        EventQueue.invokeAndWait(() -> window.dispatchEvent(new WindowEvent(window, WindowEvent.WINDOW_CLOSING)));
        System.out.println("closed: " + (!window.isShowing() && training.isAlive()));
        System.out.println("told: " + IJ.getLog().contains("\"Undulator Jobs...\" opens its window again"));
        IJ.run("Undulator Jobs...");
        JFrame again = window("one.zip");
        IJ.wait(1000);
        user.photograph(again, new File(pictures, "Training opened again.png"));
        System.out.println("opened again: " + (again != window && training.isAlive()));
        // A window that is open comes to the front; there is no second one.
        IJ.run("Undulator Jobs...");
        IJ.wait(500);
        System.out.println("windows: " + windows());
        EventQueue.invokeAndWait(() -> again.getRootPane().getActionMap().get("stop").actionPerformed(null));
        training.join(LIMIT_MILLIS);
        System.out.println("Escape in it: " + !training.isAlive());
    }

    private void quit() throws Exception {
        new Idle("one.zip");
        new Idle("two.zip");
        window("two.zip");
        IJ.getInstance().exitWhenQuitting(true);
        IJ.doCommand("Quit");
        GenericDialog question = user.dialog("Undulator Train");
        user.photograph(question, new File(pictures, "Quit while training.png"));
        user.press(question, 1);
        IJ.wait(500);
        System.out.println("goes on: " + (Jobs.show() == 2));
        // The window's own button asks, too.
        IJ.getInstance().dispatchEvent(new WindowEvent(IJ.getInstance(), WindowEvent.WINDOW_CLOSING));
        user.press(user.dialog("Undulator Train"), 0);
        IJ.wait(LIMIT_MILLIS);
        System.out.println("ImageJ has not quit");
    }

    private void escape() throws Exception {
        ImagePlus image = IJ.createImage("image", "8-bit ramp", 200, 200, 1);
        image.show();
        AtomicBoolean macro = new AtomicBoolean(true);
        Thread other = new Thread(() -> {
            EscapeOf inFront = EscapeOf.begin();
            while (!inFront.pressed()) {
                IJ.wait(5);
            }
            inFront.end();
            macro.set(false);
        });
        other.start();
        Idle training = new Idle("one.zip");
        window("one.zip");
        Roi polygon = new PolygonRoi(20, 20, image);
        image.setRoi(polygon);
        System.out.println("drawing: " + (polygon.getState() != Roi.NORMAL));
        press(image);
        await("the selection's end", () -> image.getRoi() == null);
        IJ.wait(500);
        System.out.println("after the polygon: " + macro.get() + " " + training.isAlive());
        press(image);
        await("the command's end", () -> !macro.get());
        IJ.wait(500);
        System.out.println("after Escape: " + macro.get() + " " + training.isAlive());
    }

    /** Presses Escape in an image's window. */
    private void press(ImagePlus image) throws Exception {
        Robot robot = new Robot();
        await("the focus", () -> {
            image.getWindow().toFront();
            image.getCanvas().requestFocus();
            IJ.wait(100);
            return image.getCanvas().isFocusOwner();
        });
        robot.keyPress(KeyEvent.VK_ESCAPE);
        robot.keyRelease(KeyEvent.VK_ESCAPE);
        robot.waitForIdle();
    }

    private static void await(String what, BooleanSupplier happened) {
        for (int waited = 0; waited < LIMIT_MILLIS; waited += 20) {
            if (happened.getAsBoolean()) {
                return;
            }
            IJ.wait(20);
        }
        throw new AssertionError("no " + what);
    }

    private static long windows() {
        return java.util.Arrays.stream(Window.getWindows())
                .filter(window -> window instanceof JFrame && !(window instanceof Dialog) && window.isShowing()).count();
    }

    private static JFrame window(String model) {
        JFrame[] found = new JFrame[1];
        await("window", () -> {
            for (Window window : Window.getWindows()) {
                if (window instanceof JFrame frame && frame.isShowing() && frame.getTitle().endsWith(model)) {
                    found[0] = frame;
                }
            }
            return found[0] != null;
        });
        return found[0];
    }
}
