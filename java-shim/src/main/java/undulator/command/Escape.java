package undulator.command;

import ij.IJ;
import ij.ImagePlus;
import ij.WindowManager;
import ij.gui.Roi;
import java.awt.Dialog;
import java.awt.EventQueue;
import java.awt.GraphicsEnvironment;
import java.awt.KeyboardFocusManager;
import java.awt.Window;
import java.awt.event.KeyEvent;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * The Escape key of one command. ImageJ has one flag for all that runs, and sets it also when a user gives up a
 * selection or a dialog. Here each press belongs to one command: that which was started last, if the press was meant for
 * any.
 */
final class Escape {
    private static final Deque<Escape> RUNNING = new ArrayDeque<>();

    private static boolean listens;
    /** ImageJ's flag, as it is, was given to a command. */
    private static boolean taken;
    /** The last press ended a selection or closed a dialog. */
    private static boolean meantElsewhere;

    private boolean asked;

    private Escape() {
    }

    /** For a command that begins, and is in front until the next one begins. */
    static synchronized Escape begin() {
        listen();
        IJ.resetEscape();
        taken = false;
        Escape escape = new Escape();
        RUNNING.push(escape);
        return escape;
    }

    /** For a command that has a window with buttons of its own, and that no key in other windows stops. */
    static Escape none() {
        return new Escape();
    }

    /** Whether the user stopped this command. */
    boolean pressed() {
        synchronized (Escape.class) {
            if (!IJ.escapePressed()) {
                taken = false;
            } else if (!taken && !meantElsewhere && !RUNNING.isEmpty()) {
                taken = true;
                RUNNING.peek().asked = true;
            }
            return asked;
        }
    }

    /** The command is over. */
    void end() {
        synchronized (Escape.class) {
            RUNNING.remove(this);
            if (asked) {
                // The next press is for the next command.
                IJ.resetEscape();
                taken = false;
            }
        }
    }

    private static void listen() {
        if (!listens && !GraphicsEnvironment.isHeadless()) {
            listens = true;
            KeyboardFocusManager.getCurrentKeyboardFocusManager().addKeyEventDispatcher(event -> {
                if (event.getID() == KeyEvent.KEY_PRESSED && event.getKeyCode() == KeyEvent.VK_ESCAPE) {
                    pressedSomewhere();
                }
                return false;
            });
        }
    }

    /** Before ImageJ hears of it. */
    private static void pressedSomewhere() {
        Window window = KeyboardFocusManager.getCurrentKeyboardFocusManager().getFocusedWindow();
        boolean elsewhere = drawing() || window instanceof Dialog;
        synchronized (Escape.class) {
            meantElsewhere = elsewhere;
            taken = false;
        }
        if (elsewhere) {
            // When ImageJ has seen it, the flag must not stay for those who ask later.
            EventQueue.invokeLater(Escape::forget);
        }
    }

    private static synchronized void forget() {
        if (meantElsewhere) {
            IJ.resetEscape();
            meantElsewhere = false;
        }
    }

    /** Whether the user draws a selection that is not finished. */
    private static boolean drawing() {
        ImagePlus image = WindowManager.getCurrentImage();
        Roi roi = image == null ? null : image.getRoi();
        return roi != null && roi.getState() != Roi.NORMAL;
    }
}
