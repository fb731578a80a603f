package undulator.chart;

import java.awt.Color;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Words beside the ends of lines, moved apart so that all can be read. */
final class Labels {
    /** Some words and where they stand. */
    static final class Label {
        final String text;
        final Color colour;
        double y;

        private Label(String text, Color colour, double y) {
            this.text = text;
            this.colour = colour;
            this.y = y;
        }
    }

    private final List<Label> labels = new ArrayList<>();

    void add(String text, Color colour, double y) {
        if (!Double.isNaN(y) && !Double.isInfinite(y)) {
            labels.add(new Label(text, colour, y));
        }
    }

    /** The labels by height, at least {@code distance} apart and above {@code bottom}. */
    List<Label> apart(double top, double bottom, double distance) {
        labels.sort(Comparator.comparingDouble(label -> label.y));
        double free = top;
        for (Label label : labels) {
            label.y = Math.max(label.y, free);
            free = label.y + distance;
        }
        free = bottom;
        for (int i = labels.size() - 1; i >= 0; i--) {
            Label label = labels.get(i);
            label.y = Math.min(label.y, free);
            free = label.y - distance;
        }
        return labels;
    }
}
