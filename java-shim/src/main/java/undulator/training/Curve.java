package undulator.training;

import java.awt.Color;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** A number over the epochs. */
final class Curve {
    final String name;
    final Color colour;
    final double[] epochs;
    final double[] values;
    /** Which point to mark; -1 for none. */
    final int marked;

    /** Of some epochs, with the best one marked if so wished. */
    Curve(String name, Color colour, List<EpochRow> rows, ToDoubleFunction<EpochRow> value, boolean markBest) {
        this.name = name;
        this.colour = colour;
        this.epochs = rows.stream().mapToDouble(row -> row.epoch).toArray();
        this.values = rows.stream().mapToDouble(value).toArray();
        int best = -1;
        for (int i = 0; markBest && i < rows.size(); i++) {
            best = rows.get(i).best ? i : best;
        }
        this.marked = best;
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
