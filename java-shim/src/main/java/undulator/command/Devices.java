package undulator.command;

import ij.IJ;
import ij.WindowManager;
import ij.measure.ResultsTable;
import java.awt.Window;
import undulator.Native;
import undulator.option.Options;

/** Plugins &gt; Undulator &gt; Undulator Devices...: what there is to compute with, and what is missing. */
public final class Devices extends Command {
    private static final String TITLE = "Undulator Devices";
    private static final String[] COLUMNS = {"Item", "State", "Detail"};

    /** For ImageJ. */
    public Devices() {
        super(TITLE, "Lists the devices.");
    }

    @Override
    void run(Options options, Job job) {
        String[] cells = Native.devices();
        ResultsTable window = new ResultsTable();
        window.showRowNumbers(false);
        for (int i = 0; i + COLUMNS.length <= cells.length; i += COLUMNS.length) {
            String[] row = {cells[i], cells[i + 1], cells[i + 2]};
            job.log(String.join(" | ", row));
            job.row(COLUMNS, row);
            window.incrementCounter();
            for (int column = 0; column < COLUMNS.length; column++) {
                window.addValue(COLUMNS[column], row[column]);
            }
        }
        show(window);
    }

    /** The advice is long, and ImageJ opens no table wider than 700 pixels. */
    private static void show(ResultsTable table) {
        table.show(TITLE);
        Window shown = WindowManager.getWindow(TITLE);
        if (shown != null) {
            shown.setSize(Math.min(1200, IJ.getScreenSize().width), shown.getHeight());
        }
    }
}
