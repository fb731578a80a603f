package undulator.imagej;

import ij.IJ;
import ij.ImageJ;
import ij.ImagePlus;
import ij.WindowManager;
import ij.plugin.DragAndDrop;
import java.awt.Component;
import java.awt.Container;
import java.awt.EventQueue;
import java.awt.Window;
import java.awt.dnd.DropTarget;
import java.io.File;
import java.lang.reflect.Field;
import javax.swing.JButton;
import javax.swing.JFrame;

/** A user who opens the card of a model, from the menu and by dropping it, and presses Install. */
public final class ModelsMain {
    private static final int LIMIT_MILLIS = 60_000;

    private ModelsMain() {
    }

    /** Arguments: the folder for files, and that for pictures. */
    public static void main(String[] arguments) throws Exception {
        new ImageJ();
        User user = new User();
        File folder = new File(arguments[0]);
        File model = new File(folder, "my model.zip");
        IJ.runMacro(ModelsIT.TRAIN.replace("FOLDER", folder.getPath()));
        IJ.run("Undulator Models...", "model=[" + model + "]");
        JFrame card = card();
        user.photograph(card, new File(arguments[1], "Undulator Models card.png"));
        System.out.println("card: shown");
        press(card, "Install");
        File installed = new File(folder, "models/my model.zip");
        for (int waited = 0; waited < LIMIT_MILLIS && !installed.exists(); waited += 50) {
            IJ.wait(50);
        }
        System.out.println("Install button: " + (installed.exists() ? "installed" : "nothing"));
        EventQueue.invokeAndWait(card::dispose);

        DragAndDrop drop = dropListener();
        drop.openFile(model);
        EventQueue.invokeAndWait(card()::dispose);
        System.out.println("dropped model: shown");
        ImagePlus plain = IJ.createImage("plain", "8-bit ramp", 20, 20, 1);
        IJ.saveAsTiff(plain, new File(folder, "plain.tif").getPath());
        drop.openFile(new File(folder, "plain.tif"));
        System.out.println("dropped image: " + WindowManager.getCurrentImage().getTitle());
        Runtime.getRuntime().halt(0);
    }

    private static JFrame card() {
        for (int waited = 0; waited < LIMIT_MILLIS; waited += 50) {
            for (Window window : Window.getWindows()) {
                if (window instanceof JFrame frame && frame.isShowing() && frame.getTitle().equals("Undulator: my model.zip")
                        && button(frame, "Install") != null) {
                    return frame;
                }
            }
            IJ.wait(50);
        }
        throw new AssertionError("no card is shown");
    }

    private static void press(JFrame frame, String name) throws Exception {
        EventQueue.invokeAndWait(button(frame, name)::doClick);
    }

    private static JButton button(Container parent, String name) {
        for (Component child : parent.getComponents()) {
            if (child instanceof JButton button && button.getText().equals(name)) {
                return button;
            }
            JButton found = child instanceof Container inner ? button(inner, name) : null;
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    /** What a file is given to that is dropped onto ImageJ's window. */
    private static DragAndDrop dropListener() throws ReflectiveOperationException {
        Field listener = DropTarget.class.getDeclaredField("dtListener");
        listener.setAccessible(true);
        return (DragAndDrop) listener.get(IJ.getInstance().getDropTarget());
    }
}
