package undulator.imagej;

import ij.IJ;
import ij.ImageJ;
import ij.WindowManager;
import ij.gui.GenericDialog;
import ij.measure.ResultsTable;
import java.awt.Component;
import java.awt.Container;
import java.awt.Dialog;
import java.awt.EventQueue;
import java.awt.Window;
import java.awt.event.WindowEvent;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import javax.swing.JButton;
import javax.swing.JFrame;
import javax.swing.JLabel;

/** A user who watches trainings in their windows and presses their buttons. */
public final class TrainingMain {
    private static final int LIMIT_MILLIS = 120_000;

    private final User user = new User();
    private final Path folder;
    private final File pictures;

    private TrainingMain(Path folder, File pictures) throws Exception {
        this.folder = folder;
        this.pictures = pictures;
    }

    /** Arguments: what to do, the folder for models and the folder for pictures. */
    public static void main(String[] arguments) throws Exception {
        new ImageJ();
        TrainingMain main = new TrainingMain(Path.of(arguments[1]), new File(arguments[2]));
        IJ.runMacro("run('Undulator Sample Data...', 'width=64 height=64 slices=24');");
        switch (arguments[0]) {
            case "finish":
                main.finish();
                break;
            case "cancel":
                main.cancel();
                break;
            case "close":
                main.close();
                break;
            case "checkpoint":
                main.saveCheckpointAndResume();
                break;
            case "line":
                main.waitInLine();
                break;
            case "replace":
                main.replace();
                break;
            case "others":
                main.leaveOthersAlone();
                break;
            default:
                throw new IllegalArgumentException(arguments[0]);
        }
        Runtime.getRuntime().halt(0);
    }

    private void finish() throws Exception {
        trainFromTheMenu("finish.zip");
        JFrame window = window("finish.zip");
        await("30 epochs", () -> rows() >= 30);
        // The event thread answers while the network trains: it is at its work, not behind it.
        int before = rows();
        EventQueue.invokeAndWait(() -> System.out.println("trains beside events: " + grows(before)));
        user.photograph(window, new File(pictures, "Training.png"));
        press(window, "Finish now");
        user.waitForEnd("Undulator Train...");
        await("the end", () -> labels(window).stream().anyMatch(words -> words.startsWith("Finished: best epoch ")));
        user.photograph(window, new File(pictures, "Training finished.png"));
        System.out.println("model: " + Files.exists(folder.resolve("finish.zip")));
        System.out.println("still open: " + window.isShowing());
        press(window, "Close");
        await("closed", () -> !window.isDisplayable());
    }

    private void cancel() throws Exception {
        Thread training = train("cancel.zip", 100_000, "");
        JFrame window = window("cancel.zip");
        await("2 epochs", () -> rows() >= 2);
        cancel(window);
        training.join(LIMIT_MILLIS);
        System.out.println("command ended: " + !training.isAlive());
        System.out.println("model: " + Files.exists(folder.resolve("cancel.zip")));
        System.out.println("checkpoint: " + Files.exists(folder.resolve("cancel.zip.checkpoint")));
        Thread again = train("escape.zip", 100_000, "");
        JFrame other = window("escape.zip");
        await("an epoch", () -> labels(other).stream().anyMatch(words -> words.matches("([2-9]|\\d\\d+) of 100000")));
        EventQueue.invokeAndWait(() -> other.getRootPane().getActionMap().get("stop").actionPerformed(null));
        again.join(LIMIT_MILLIS);
        System.out.println("command ended after Escape: " + !again.isAlive());
        System.out.println("log: " + IJ.getLog().replace('\n', ' '));
    }

    private void close() throws Exception {
        Thread training = train("close.zip", 60, "");
        JFrame window = window("close.zip");
        await("2 epochs", () -> rows() >= 2);
        EventQueue.invokeAndWait(() -> window.dispatchEvent(new WindowEvent(window, WindowEvent.WINDOW_CLOSING)));
        System.out.println("closed: " + !window.isDisplayable() + ", listeners left: "
                + window.getWindowListeners().length + ", rows then: " + (rows() < 60 ? "some" : "all"));
        training.join(LIMIT_MILLIS);
        System.out.println("command ended: " + !training.isAlive());
        System.out.println("model: " + Files.exists(folder.resolve("close.zip")));
        System.out.println("windows left: " + windows().size());
    }

    private void saveCheckpointAndResume() throws Exception {
        Path checkpoint = folder.resolve("saved.zip.checkpoint");
        Thread training = train("saved.zip", 100_000, "checkpoint=0");
        JFrame window = window("saved.zip");
        await("2 epochs", () -> rows() >= 2);
        press(window, "Save checkpoint");
        await("a checkpoint", () -> Files.exists(checkpoint));
        press(window, "Finish now");
        training.join(LIMIT_MILLIS);
        System.out.println("command ended: " + !training.isAlive());
        ResultsTable.getResultsTable().reset();
        // The checkpoint tells after which epoch it was written: the resumed training's first row is the next one.
        String saved = IJ.getLog().lines().filter(line -> line.startsWith("checkpoint after epoch ")).findFirst()
                .orElseThrow().replaceAll("checkpoint after epoch (\\d+):.*", "$1");
        int done = Integer.parseInt(saved);
        train("saved.zip", done + 3, "checkpoint=0 resume").join(LIMIT_MILLIS);
        System.out.println("goes on: " + (ResultsTable.getResultsTable().getValue("Epoch", 0) == done + 1));
        System.out.println("rows: " + rows());
        List<JFrame> both = windows();
        user.photograph(both.get(both.size() - 1), new File(pictures, "Training resumed.png"));
    }

    private void waitInLine() throws Exception {
        Thread first = train("first.zip", 100_000, "");
        JFrame before = window("first.zip");
        await("2 epochs", () -> rows() >= 2);
        Thread second = train("second.zip", 2, "");
        JFrame behind = window("second.zip");
        await("words", () -> labels(behind).contains("Waiting for another training"));
        user.photograph(behind, new File(pictures, "Training waiting.png"));
        Thread third = train("third.zip", 2, "");
        JFrame last = window("third.zip");
        await("words", () -> labels(last).contains("Waiting for 2 other trainings"));
        cancel(last);
        third.join(LIMIT_MILLIS);
        await("a closed window", () -> !last.isDisplayable());
        System.out.println("only the third ended: " + (!third.isAlive() && second.isAlive() && first.isAlive()));
        press(before, "Finish now");
        first.join(LIMIT_MILLIS);
        second.join(LIMIT_MILLIS);
        System.out.println("all ended: " + !(first.isAlive() || second.isAlive()));
        System.out.println("models: " + Files.exists(folder.resolve("first.zip")) + " "
                + Files.exists(folder.resolve("second.zip")) + " " + Files.exists(folder.resolve("third.zip")));
        System.out.println("locked: " + WindowManager.getImage("laboratory").isLocked());
    }

    private void replace() throws Exception {
        Path model = folder.resolve("old.zip");
        Files.write(model, new byte[] {1, 2, 3});
        trainFromTheMenu("old.zip");
        GenericDialog question = user.dialog("Undulator Train");
        user.photograph(question, new File(pictures, "Replace the model.png"));
        user.press(question, 1);
        user.waitForEnd("Undulator Train...");
        System.out.println("kept: " + (Files.size(model) == 3) + ", windows: " + windows().size());
        trainFromTheMenu("old.zip");
        user.press(user.dialog("Undulator Train"), 0);
        JFrame window = window("old.zip");
        await("2 epochs", () -> rows() >= 2);
        press(window, "Finish now");
        user.waitForEnd("Undulator Train...");
        System.out.println("replaced: " + (Files.size(model) > 3));
        System.out.println("table: " + ResultsTable.getResultsTable("Undulator Train").getColumnHeadings().trim()
                .replace('\t', ';'));
    }

    /** A macro that runs beside a training from the menu goes on when that is cancelled. */
    private void leaveOthersAlone() throws Exception {
        Thread macro = new Thread(() -> IJ.runMacro("for (i = 0; i < 1000000; i++) { run('Set Measurements...', 'area'); wait(5); }"));
        macro.setDaemon(true);
        macro.start();
        trainFromTheMenu("cancel.zip");
        JFrame window = window("cancel.zip");
        await("2 epochs", () -> rows() >= 2);
        cancel(window);
        user.waitForEnd("Undulator Train...");
        IJ.wait(1000);
        System.out.println("macro goes on: " + macro.isAlive());
    }

    private void cancel(JFrame window) throws Exception {
        EventQueue.invokeLater(() -> button(window, "Cancel").doClick());
        Dialog question = user.message("Undulator Train");
        user.photograph(question, new File(pictures, "Training cancel.png"));
        press(question, "Stop training");
    }

    /** Chooses the command from the menu and fills its dialog. */
    private void trainFromTheMenu(String model) throws Exception {
        GenericDialog dialog = user.open("Undulator Train...");
        user.type(dialog, 0, "3");
        user.type(dialog, 1, "4");
        user.type(dialog, 2, "100000");
        user.type(dialog, 6, "5");
        user.type(dialog, 8, "cpu");
        user.type(dialog, 9, folder.resolve(model).toString());
        user.press(dialog, 0);
    }

    /** Starts a training of the last two images, on a thread of its own as the menu does. */
    private Thread train(String model, int epochs, String more) {
        Thread thread = new Thread(() -> IJ.runMacro("run('Undulator Train...', 'low=laboratory reference=synchrotron "
                + "layers=3 channels=4 residual augment epochs=" + epochs + " validation=5 device=cpu model=["
                + folder.resolve(model) + "] " + more + "');"), "Run$_" + model);
        thread.start();
        return thread;
    }

    private static int rows() {
        return ResultsTable.getResultsTable().size();
    }

    private static boolean grows(int before) {
        await("more epochs", () -> rows() > before);
        return true;
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

    private static List<JFrame> windows() {
        List<JFrame> found = new ArrayList<>();
        for (Window window : Window.getWindows()) {
            if (window instanceof JFrame frame && frame.isShowing() && frame.getTitle().startsWith("Undulator: ")) {
                found.add(frame);
            }
        }
        return found;
    }

    private static JFrame window(String model) {
        String title = "Undulator: " + model;
        await(title, () -> windows().stream().anyMatch(frame -> frame.getTitle().equals(title)));
        return windows().stream().filter(frame -> frame.getTitle().equals(title)).findFirst().orElseThrow();
    }

    private static <T extends Component> List<T> all(Container container, Class<T> type) {
        List<T> found = new ArrayList<>();
        for (Component part : container.getComponents()) {
            if (type.isInstance(part)) {
                found.add(type.cast(part));
            }
            if (part instanceof Container inner) {
                found.addAll(all(inner, type));
            }
        }
        return found;
    }

    private static List<String> labels(Container window) {
        return all(window, JLabel.class).stream().map(JLabel::getText).collect(Collectors.toList());
    }

    private static JButton button(Container window, String words) {
        return all(window, JButton.class).stream().filter(button -> button.getText().equals(words)).findFirst()
                .orElseThrow(() -> new AssertionError("no button " + words));
    }

    /** Presses a button as soon as it can be pressed: the window follows the training a few times a second. */
    private static void press(Container window, String words) throws Exception {
        await(words, () -> button(window, words).isEnabled());
        EventQueue.invokeAndWait(() -> button(window, words).doClick());
    }
}
