package undulator.chart;

import java.awt.Color;

/** A number over the epochs. */
public final class Curve {
    final String name;
    final Color colour;
    final double[] epochs;
    final double[] values;
    /** Which point to mark; -1 for none. */
    final int marked;

    /**
     * A curve of as many points as there are epochs.
     *
     * @param name stands at its end, with its last value
     * @param colour of the line
     * @param epochs from one
     * @param values NaN where there is none
     * @param marked which point to mark, or -1 for none
     */
    public Curve(String name, Color colour, double[] epochs, double[] values, int marked) {
        this.name = name;
        this.colour = colour;
        this.epochs = epochs.clone();
        this.values = values.clone();
        this.marked = marked;
    }

    /** The last value that is a number; NaN if there is none. */
    double last() {
        for (int i = values.length - 1; i >= 0; i--) {
            if (!Double.isNaN(values[i]) && !Double.isInfinite(values[i])) {
                return values[i];
            }
        }
        return Double.NaN;
    }
}
