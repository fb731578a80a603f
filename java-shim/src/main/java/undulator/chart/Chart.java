package undulator.chart;

import java.awt.BasicStroke;
import java.awt.Dimension;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics;
import java.awt.Graphics2D;
import java.awt.Rectangle;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Line2D;
import java.awt.geom.Path2D;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;
import javax.swing.JPanel;
import undulator.Format;

/** Curves over the epochs, with levels to compare them with. Each line has its name and last value at its right end. */
public final class Chart extends JPanel {
    private static final long serialVersionUID = 1L;
    /** More than this, and thick lines would fill the chart. */
    private static final int MANY_EPOCHS = 300;
    private static final float[] DASHES = {4, 4};

    private final String title;
    private final boolean logarithmic;
    private final String unit;
    private transient List<Curve> curves = Collections.emptyList();
    private transient Map<String, Double> levels = new LinkedHashMap<>();
    private int lastEpoch;
    private String instead = "";

    /**
     * An empty chart.
     *
     * @param title above it
     * @param logarithmic whether the values' axis is
     * @param unit behind each value
     */
    public Chart(String title, boolean logarithmic, String unit) {
        this.title = title;
        this.logarithmic = logarithmic;
        this.unit = unit;
        setBackground(ChartStyle.BACKGROUND);
        setPreferredSize(new Dimension(ChartStyle.pixels(480), ChartStyle.pixels(260)));
        setMinimumSize(new Dimension(ChartStyle.pixels(240), ChartStyle.pixels(140)));
    }

    /**
     * What to show from now on.
     *
     * @param shown the curves
     * @param compared levels by name
     * @param last the last epoch's number
     * @param otherwise words if there is no curve
     */
    public void show(List<Curve> shown, Map<String, Double> compared, int last, String otherwise) {
        curves = shown;
        levels = compared;
        lastEpoch = last;
        instead = otherwise;
        repaint();
    }

    private boolean isEmpty() {
        return curves.stream().allMatch(curve -> Double.isNaN(curve.last()));
    }

    private double[] values() {
        return DoubleStream.concat(
                curves.stream().flatMapToDouble(curve -> Arrays.stream(curve.values)),
                levels.values().stream().mapToDouble(Double::doubleValue)).toArray();
    }

    @Override
    protected void paintComponent(Graphics plain) {
        super.paintComponent(plain);
        Graphics2D graphics = ChartStyle.smooth(plain);
        try {
            graphics.setFont(ChartStyle.font(Font.BOLD, 12));
            graphics.setColor(ChartStyle.TEXT);
            graphics.drawString(title, 0, graphics.getFontMetrics().getAscent() + ChartStyle.pixels(2));
            graphics.setFont(ChartStyle.font(Font.PLAIN, 11));
            int done = curves.stream().mapToInt(curve -> curve.epochs.length == 0 ? 0
                    : (int) curve.epochs[curve.epochs.length - 1]).max().orElse(0);
            double[] values = values();
            Axis across = Axis.epochs(done, lastEpoch);
            Axis up = logarithmic ? Axis.logarithmic(values) : Axis.linear(values);
            Rectangle frame = frame(graphics.getFontMetrics(), up);
            if (frame.width < 20 || frame.height < 20) {
                return;
            }
            if (isEmpty()) {
                paintEmpty(graphics, frame);
                return;
            }
            paintGrid(graphics, frame, across, up);
            paintLevels(graphics, frame, up);
            graphics.setClip(frame.x, frame.y - 4, frame.width + 5, frame.height + 8);
            curves.forEach(curve -> paintCurve(graphics, curve, frame, across, up));
            graphics.setClip(null);
            paintLabels(graphics, frame, up);
        } finally {
            graphics.dispose();
        }
    }

    private Rectangle frame(FontMetrics metrics, Axis up) {
        int left = up.ticks().stream().mapToInt(tick -> metrics.stringWidth(Axis.label(tick))).max().orElse(0)
                + ChartStyle.pixels(14);
        int right = ChartStyle.pixels(14);
        for (Curve curve : curves) {
            right = Math.max(right, metrics.stringWidth(label(curve.name, 88.88)) + ChartStyle.pixels(14));
            right = Math.max(right, metrics.stringWidth(label(curve.name, curve.last())) + ChartStyle.pixels(14));
        }
        for (Map.Entry<String, Double> level : levels.entrySet()) {
            right = Math.max(right, metrics.stringWidth(label(level.getKey(), level.getValue())) + ChartStyle.pixels(14));
        }
        int top = ChartStyle.pixels(28);
        int bottom = 2 * metrics.getHeight() + ChartStyle.pixels(8);
        return new Rectangle(left, top, getWidth() - left - right, getHeight() - top - bottom);
    }

    private String label(String name, double value) {
        return name + " " + Format.threeDigits(value) + unit;
    }

    private static double x(Rectangle frame, Axis across, double epoch) {
        return frame.x + across.place(epoch) * frame.width;
    }

    private static double y(Rectangle frame, Axis up, double value) {
        return frame.y + (1 - up.place(value)) * frame.height;
    }

    private void paintGrid(Graphics2D graphics, Rectangle frame, Axis across, Axis up) {
        FontMetrics metrics = graphics.getFontMetrics();
        for (double tick : up.ticks()) {
            double y = y(frame, up, tick);
            graphics.setColor(ChartStyle.GRID);
            graphics.draw(new Line2D.Double(frame.x, y, frame.x + frame.width, y));
            graphics.setColor(ChartStyle.FAINT_TEXT);
            String label = Axis.label(tick);
            graphics.drawString(label, frame.x - metrics.stringWidth(label) - ChartStyle.pixels(6),
                    (float) y + metrics.getAscent() / 2f - 1);
        }
        int below = frame.y + frame.height;
        for (double tick : across.ticks()) {
            double x = x(frame, across, tick);
            graphics.setColor(ChartStyle.LINE);
            graphics.draw(new Line2D.Double(x, below, x, below + ChartStyle.pixels(4)));
            graphics.setColor(ChartStyle.FAINT_TEXT);
            String label = Axis.label(tick);
            graphics.drawString(label, (float) x - metrics.stringWidth(label) / 2f,
                    below + ChartStyle.pixels(5) + metrics.getAscent());
        }
        String name = "epoch";
        graphics.drawString(name, frame.x + (frame.width - metrics.stringWidth(name)) / 2,
                below + ChartStyle.pixels(5) + metrics.getHeight() + metrics.getAscent());
        graphics.setColor(ChartStyle.LINE);
        graphics.draw(frame);
    }

    private void paintEmpty(Graphics2D graphics, Rectangle frame) {
        graphics.setColor(ChartStyle.LINE);
        graphics.draw(frame);
        graphics.setColor(ChartStyle.FAINT_TEXT);
        int width = graphics.getFontMetrics().stringWidth(instead);
        graphics.drawString(instead, frame.x + (frame.width - width) / 2, frame.y + frame.height / 2);
    }

    private void paintLevels(Graphics2D graphics, Rectangle frame, Axis up) {
        graphics.setStroke(new BasicStroke(ChartStyle.pixels(1), BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1, DASHES, 0));
        graphics.setColor(ChartStyle.FAINT_TEXT);
        for (double level : levels.values()) {
            double y = y(frame, up, level);
            graphics.draw(new Line2D.Double(frame.x, y, frame.x + frame.width, y));
        }
    }

    private static void paintCurve(Graphics2D graphics, Curve curve, Rectangle frame, Axis across, Axis up) {
        graphics.setColor(curve.colour);
        double thickness = curve.values.length > MANY_EPOCHS ? 1 : 2;
        graphics.setStroke(new BasicStroke(ChartStyle.pixels(thickness), BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
        Path2D path = new Path2D.Double();
        boolean drawing = false;
        for (int i = 0; i < curve.values.length; i++) {
            double x = x(frame, across, curve.epochs[i]);
            double y = y(frame, up, curve.values[i]);
            if (Double.isNaN(y) || Double.isInfinite(y)) {
                drawing = false;
            } else if (drawing) {
                path.lineTo(x, y);
            } else {
                path.moveTo(x, y);
                drawing = true;
            }
            if (curve.values.length == 1) {
                graphics.fill(circle(x, y, ChartStyle.pixels(2.5)));
            }
        }
        graphics.draw(path);
        if (curve.marked >= 0) {
            Ellipse2D best = circle(x(frame, across, curve.epochs[curve.marked]),
                    y(frame, up, curve.values[curve.marked]), ChartStyle.pixels(4));
            graphics.setColor(ChartStyle.BACKGROUND);
            graphics.fill(best);
            graphics.setColor(curve.colour);
            graphics.draw(best);
        }
    }

    private static Ellipse2D circle(double x, double y, double radius) {
        return new Ellipse2D.Double(x - radius, y - radius, 2 * radius, 2 * radius);
    }

    private void paintLabels(Graphics2D graphics, Rectangle frame, Axis up) {
        FontMetrics metrics = graphics.getFontMetrics();
        Labels labels = new Labels();
        for (Curve curve : curves) {
            labels.add(label(curve.name, curve.last()), curve.colour, y(frame, up, curve.last()));
        }
        levels.forEach((name, level) -> labels.add(label(name, level), ChartStyle.FAINT_TEXT, y(frame, up, level)));
        for (Labels.Label label : labels.apart(frame.y, frame.y + frame.height, metrics.getHeight())) {
            graphics.setColor(label.colour);
            graphics.drawString(label.text, frame.x + frame.width + ChartStyle.pixels(8),
                    (float) label.y + metrics.getAscent() / 2f - 1);
        }
    }
}
