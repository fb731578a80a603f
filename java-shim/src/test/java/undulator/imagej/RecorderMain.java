package undulator.imagej;

import ij.IJ;
import ij.ImageJ;
import ij.ImagePlus;
import ij.WindowManager;
import ij.gui.GenericDialog;
import ij.measure.ResultsTable;
import ij.plugin.frame.Recorder;
import ij.process.ImageStatistics;
import ij.process.StackStatistics;
import java.util.function.Consumer;

/** Runs each command from its dialog with the recorder open, then replays the recorded line. */
public final class RecorderMain {
    private final User user = new User();

    private RecorderMain() throws Exception {
    }

    /** Argument: the model file to write. */
    public static void main(String[] arguments) throws Exception {
        new ImageJ();
        IJ.runMacro("run('Undulator Sample Data...', 'width=48 height=48 slices=20 seed=5'); rename('synchro tron [1]');"
                + "selectImage('laboratory');");
        new Recorder();
        RecorderMain main = new RecorderMain();
        String model = arguments[0];
        main.check("Undulator Sample Data...", dialog -> {
            main.user.type(dialog, 0, "40");
            main.user.type(dialog, 2, "6");
            main.user.tick(dialog, 0);
        });
        IJ.selectWindow("laboratory");
        main.check("Undulator Resample...", dialog -> {
            main.user.choose(dialog, 0, "laboratory");
            main.user.type(dialog, 0, "0.9");
            main.user.choose(dialog, 1, "Anti-aliased");
        });
        main.check("Undulator Train...", dialog -> {
            main.user.choose(dialog, 0, "laboratory");
            main.user.choose(dialog, 1, "synchro tron [1]");
            main.user.choose(dialog, 4, "ReLU");
            main.user.type(dialog, 0, "3");
            main.user.type(dialog, 1, "4");
            main.user.type(dialog, 2, "2");
            main.user.type(dialog, 5, "0.0005");
            main.user.tick(dialog, 0);
            main.user.type(dialog, 8, "cpu");
            main.user.type(dialog, 9, model);
        });
        main.check("Undulator Apply...", dialog -> {
            main.user.choose(dialog, 0, "laboratory");
            main.user.choose(dialog, 1, "synchro tron [1]");
            main.user.type(dialog, 0, model);
        });
        main.check("Undulator Measure...", dialog -> {
            main.user.choose(dialog, 0, "laboratory");
            main.user.choose(dialog, 1, "synchro tron [1]");
            main.user.tick(dialog, 0);
        });
        main.check("Undulator Devices...", null);
        Runtime.getRuntime().halt(0);
    }

    /** With {@code null} for a command that asks nothing. */
    private void check(String command, Consumer<GenericDialog> fill) {
        ResultsTable.getResultsTable().reset();
        String before = Recorder.getInstance().getText();
        if (fill == null) {
            IJ.doCommand(command);
        } else {
            GenericDialog dialog = user.open(command);
            fill.accept(dialog);
            user.press(dialog, 0);
        }
        user.waitForEnd(command);
        String chosen = state();
        String line = Recorder.getInstance().getText().substring(before.length()).trim();
        System.out.println("recorded: " + line);
        ResultsTable.getResultsTable().reset();
        IJ.runMacro(line);
        String replayed = state();
        System.out.println(command + ": " + (chosen.equals(replayed) ? "same" : chosen + " BUT " + replayed));
    }

    /** The active image's grey values in short, and the Results table. */
    private static String state() {
        StringBuilder state = new StringBuilder();
        ImagePlus image = WindowManager.getCurrentImage();
        ImageStatistics grey = new StackStatistics(image);
        state.append(image.getWidth()).append(' ').append(image.getStackSize()).append(' ').append(grey.mean)
                .append(' ').append(grey.stdDev).append(' ').append(image.getCalibration());
        ResultsTable table = ResultsTable.getResultsTable();
        table.setPrecision(9);
        for (int row = 0; row < table.size(); row++) {
            for (String column : table.getHeadings()) {
                // How long an epoch took is the one thing that may differ.
                if (!column.equals("Seconds")) {
                    state.append(" | ").append(table.getStringValue(column, row));
                }
            }
        }
        return state.toString();
    }
}
