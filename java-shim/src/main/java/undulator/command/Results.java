package undulator.command;

import ij.IJ;
import ij.WindowManager;
import ij.macro.Interpreter;
import ij.measure.ResultsTable;

/**
 * The rows of a command: always in ImageJ's Results table, which macros read with getResult and getResultString, with or
 * without a window; and for a user who chose the command from the menu also in a table of its own, with units.
 */
final class Results {
    private static final long SHOW_INTERVAL_MILLIS = 500;
    /** Below this, ImageJ's three decimals would hide a number. */
    private static final double SMALL = 0.01;
    private static final int THREE_DIGITS = -3;

    /** Of the table of its own; null for none. */
    private final String title;
    private final boolean forMacro;
    private ResultsTable own;
    private long shown;
    private boolean changed;

    private Results(String title, boolean forMacro) {
        this.title = title;
        this.forMacro = forMacro;
    }

    /** For a command from the menu, or from code. */
    static Results of(String title, Origin origin) {
        return new Results(origin.isMenu() && hasWindows() ? title : null, !origin.isMenu());
    }

    /** For a command whose table is looked at, whoever ran it. */
    static Results alwaysOwn(String title, Origin origin) {
        return new Results(hasWindows() ? title : null, !origin.isMenu());
    }

    private static boolean hasWindows() {
        return IJ.getInstance() != null && !Interpreter.isBatchMode();
    }

    /** A row that says of which image it is; empty for none. */
    synchronized void add(String image, String[] columns, String[] units, double[] numbers, String[] texts) {
        ResultsTable results = ResultsTable.getResultsTable();
        begin(results);
        if (!image.isEmpty()) {
            results.addLabel(image);
        }
        fill(results, columns, numbers, texts);
        if (title != null) {
            addToOwn(image, columns, units, numbers, texts);
        }
        changed = true;
        // Showing draws the whole table again: not for every slice of a long stack.
        if (System.currentTimeMillis() - shown > SHOW_INTERVAL_MILLIS) {
            show();
        }
    }

    private void addToOwn(String image, String[] columns, String[] units, double[] numbers, String[] texts) {
        if (own == null) {
            ResultsTable open = ResultsTable.getResultsTable(title);
            own = open == null ? new ResultsTable() : open;
        }
        begin(own);
        if (!image.isEmpty()) {
            own.addValue("Image", image);
        }
        String[] headings = new String[columns.length];
        for (int i = 0; i < columns.length; i++) {
            headings[i] = units[i].isEmpty() ? columns[i] : columns[i] + " [" + units[i] + "]";
        }
        fill(own, headings, numbers, texts);
        for (int i = 0; i < columns.length; i++) {
            if (texts[i] == null && Math.abs(numbers[i]) < SMALL && numbers[i] != 0) {
                own.setDecimalPlaces(own.getColumnIndex(headings[i]), THREE_DIGITS);
            }
        }
    }

    /** The commands fill different columns: an empty cell must not read as 0 dB. */
    private static void begin(ResultsTable table) {
        table.setNaNEmptyCells(true);
        table.incrementCounter();
    }

    private static void fill(ResultsTable table, String[] columns, double[] numbers, String[] texts) {
        for (int i = 0; i < columns.length; i++) {
            if (texts[i] == null) {
                table.addValue(columns[i], numbers[i]);
            } else {
                addText(table, columns[i], texts[i]);
            }
        }
    }

    /** Macros read numbers as numbers, also in a column that has words in other rows. */
    private static void addText(ResultsTable table, String column, String text) {
        try {
            table.addValue(column, Double.parseDouble(text));
        } catch (NumberFormatException words) {
            table.addValue(column, text);
        }
    }

    synchronized void show() {
        if (!changed) {
            return;
        }
        // Who has the Results before them sees them grow.
        if (forMacro || title == null || WindowManager.getFrame("Results") != null) {
            ResultsTable.getResultsTable().show("Results");
        }
        if (title != null) {
            own.show(title);
        }
        shown = System.currentTimeMillis();
        changed = false;
    }
}
