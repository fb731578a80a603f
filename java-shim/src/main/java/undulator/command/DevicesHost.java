package undulator.command;

import ij.IJ;
import ij.WindowManager;
import ij.measure.ResultsTable;
import java.awt.Window;
import undulator.option.CommandSchema;

/** Shows the devices in a table of their own besides the Results table. */
final class DevicesHost extends MenuHost {
    /** The advice is long, and ImageJ opens no table wider than 700 pixels. */
    private static final int WIDTH = 1200;

    private final ResultsTable table = new ResultsTable();

    DevicesHost(CommandSchema command) {
        super(command);
        table.showRowNumbers(false);
    }

    @Override
    public void row(String name, String[] columns, String[] units, double[] numbers, String[] texts) {
        super.row(name, columns, units, numbers, texts);
        table.incrementCounter();
        for (int i = 0; i < columns.length; i++) {
            table.addValue(columns[i], texts[i]);
        }
    }

    @Override
    void finish(String sentence) {
        super.finish(sentence);
        table.show(title());
        Window shown = WindowManager.getWindow(title());
        if (shown != null) {
            shown.setSize(Math.min(WIDTH, IJ.getScreenSize().width), shown.getHeight());
        }
    }
}
