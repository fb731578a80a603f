package undulator.command;

import ij.measure.ResultsTable;

/** Rows for ImageJ's Results table, which macros read with getResult and getResultString, with or without a window. */
final class Results {
    private static final long SHOW_INTERVAL_MILLIS = 500;

    private long shown;
    private boolean changed;

    synchronized void add(String[] columns, double[] numbers, String[] texts) {
        ResultsTable table = ResultsTable.getResultsTable();
        // The commands fill different columns: an empty cell must not read as 0 dB.
        table.setNaNEmptyCells(true);
        table.incrementCounter();
        for (int i = 0; i < columns.length; i++) {
            if (texts[i] == null) {
                table.addValue(columns[i], numbers[i]);
            } else {
                addText(table, columns[i], texts[i]);
            }
        }
        changed = true;
        // Showing draws the whole table again: not for every slice of a long stack.
        if (System.currentTimeMillis() - shown > SHOW_INTERVAL_MILLIS) {
            show();
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
        if (changed) {
            ResultsTable.getResultsTable().show("Results");
            shown = System.currentTimeMillis();
            changed = false;
        }
    }
}
