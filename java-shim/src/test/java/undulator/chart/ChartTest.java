package undulator.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.Color;
import java.awt.Graphics;
import java.awt.image.BufferedImage;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ChartTest {
    private static Curve curve(String name, Color colour, int epochs, DoubleUnaryOperator value, int marked) {
        double[] numbers = IntStream.rangeClosed(1, epochs).asDoubleStream().toArray();
        return new Curve(name, colour, numbers, DoubleStream.of(numbers).map(value).toArray(), marked);
    }

    /** How many pixels have a colour. */
    private static long painted(Chart chart, Color colour) {
        chart.setSize(480, 260);
        BufferedImage image = new BufferedImage(480, 260, BufferedImage.TYPE_INT_RGB);
        Graphics graphics = image.createGraphics();
        chart.paintComponent(graphics);
        graphics.dispose();
        int wanted = colour.getRGB();
        return IntStream.of(image.getRGB(0, 0, 480, 260, null, 0, 480)).filter(pixel -> pixel == wanted).count();
    }

    @Test
    void curvesArePaintedForOneEpochAndForThousands() {
        for (int count : new int[] {1, 2, 5, 2000}) {
            for (boolean logarithmic : new boolean[] {true, false}) {
                Chart chart = new Chart("Loss", logarithmic, "");
                chart.show(List.of(curve("training", ChartStyle.BLUE, count, epoch -> 1 / epoch, 0),
                        curve("validation", ChartStyle.ORANGE, count, epoch -> Double.NaN, -1)),
                        Map.of("raw", 0.5, "infinite", Double.POSITIVE_INFINITY), 2000, "soon");
                assertTrue(painted(chart, ChartStyle.BLUE) > 0, count + " epochs");
                assertEquals(0, painted(chart, ChartStyle.ORANGE), "no slice validates");
            }
        }
    }

    @Test
    void anEmptyChartSaysWhy() {
        Chart chart = new Chart("PSNR", false, " dB");
        chart.show(List.of(curve("network", ChartStyle.GREEN, 0, epoch -> 20, -1)), Collections.emptyMap(), 0,
                "no slices validate");
        assertTrue(painted(chart, ChartStyle.LINE) > 0);
        assertEquals(0, painted(chart, ChartStyle.GREEN));
    }

    @Test
    void aCurveKnowsItsLastNumber() {
        assertEquals(21, curve("network", ChartStyle.GREEN, 5, epoch -> epoch > 2 ? Double.NaN : 19 + epoch, 0).last());
        assertTrue(Double.isNaN(curve("validation", ChartStyle.ORANGE, 3, epoch -> Double.NaN, -1).last()));
    }

    @Test
    void linearAxesEndAtRoundNumbers() {
        Axis axis = Axis.linear(12.6, Double.NaN, 18.9, Double.POSITIVE_INFINITY);
        assertEquals(List.of(12.0, 14.0, 16.0, 18.0, 20.0), axis.ticks());
        assertEquals(0.5, axis.place(16));
        assertTrue(Axis.linear(5, 5).high > 5);
        assertTrue(Axis.linear().high > 1);
    }

    @Test
    void logarithmicAxesHaveAFewRoundNumbersForAnyRange() {
        assertEquals(List.of("0.005", "0.01", "0.02", "0.05"), labels(Axis.logarithmic(0.0061, 0.04, 0, Double.NaN)));
        for (double factor : new double[] {1, 1.1, 3, 50, 1e4, 1e9, 1e30}) {
            Axis axis = Axis.logarithmic(3e-5, 3e-5 * factor);
            assertTrue(axis.low <= 3e-5 * 1.001 && axis.high >= 3e-5 * factor * 0.999, factor + ": " + labels(axis));
            assertTrue(axis.ticks().size() >= 2 && axis.ticks().size() <= 10, factor + ": " + labels(axis));
        }
    }

    private static List<String> labels(Axis axis) {
        return axis.ticks().stream().map(Axis::label).collect(Collectors.toList());
    }

    @Test
    void theEpochsDoneFillMostOfTheWidth() {
        assertEquals(5, Axis.epochs(3, 2000).high);
        assertEquals(50, Axis.epochs(41, 2000).high);
        assertEquals(2000, Axis.epochs(1990, 2000).high);
        assertEquals(1, Axis.epochs(0, 0).high);
        assertEquals(95, Axis.epochs(93, 95).high);
        for (int done = 5; done < 3000; done++) {
            double high = Axis.epochs(done, 5000).high;
            assertTrue(high >= done && high <= 1.7 * done, done + " in " + high);
        }
    }

    @Test
    void labelsKeepApartWithinTheFrame() {
        Labels labels = new Labels();
        labels.add("a", Color.BLACK, 95);
        labels.add("b", Color.BLACK, 96);
        labels.add("c", Color.BLACK, 10);
        labels.add("none", Color.BLACK, Double.NaN);
        List<Labels.Label> apart = labels.apart(0, 100, 14);
        assertEquals(List.of("c", "a", "b"), apart.stream().map(label -> label.text).collect(Collectors.toList()));
        assertEquals(List.of(10.0, 86.0, 100.0), apart.stream().map(label -> label.y).collect(Collectors.toList()));
    }
}
