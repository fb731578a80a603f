package undulator.chart;

import java.util.ArrayList;
import java.util.List;
import undulator.Format;

/** A range of numbers with round ends, and the round numbers to write beside it. */
public final class Axis {
    private static final int TICKS = 5;
    private static final double[] ROUND = {1, 1.5, 2, 3, 4, 5, 6, 8, 10};

    final double low;
    final double high;
    private final boolean logarithmic;
    private final List<Double> ticks = new ArrayList<>();

    private Axis(double low, double high, boolean logarithmic) {
        this.low = low;
        this.high = high;
        this.logarithmic = logarithmic;
    }

    /** From below the lowest to above the highest of the values; those that are no numbers do not count. */
    static Axis linear(double... values) {
        double[] ends = ends(values, Double.NEGATIVE_INFINITY);
        double step = step(ends[1] - ends[0]);
        return withSteps(Math.floor(ends[0] / step) * step, Math.ceil(ends[1] / step) * step, step);
    }

    /** Logarithmic; only values above zero count. */
    static Axis logarithmic(double... values) {
        double[] ends = ends(values, 0);
        double first = Math.floor(Math.log10(ends[0]) + 1e-9);
        double last = Math.ceil(Math.log10(ends[1]) - 1e-9);
        List<Double> candidates = new ArrayList<>();
        double every = Math.max(1, Math.ceil((last - first) / 8));
        double[] within = ends[1] / ends[0] > 300 ? new double[] {1} : ends[1] / ends[0] > 4 ? new double[] {1, 2, 5}
                : new double[] {1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9};
        for (double power = first; power <= last; power += every) {
            for (double digit : within) {
                candidates.add(digit * Math.pow(10, power));
            }
        }
        double low = candidates.stream().filter(tick -> tick <= ends[0] * (1 + 1e-9)).reduce(Math.pow(10, first),
                Math::max);
        double high = candidates.stream().filter(tick -> tick >= ends[1] * (1 - 1e-9)).reduce(Math.pow(10, last),
                Math::min);
        Axis axis = new Axis(low, high > low ? high : 10 * low, true);
        candidates.stream().filter(tick -> tick >= low && tick <= axis.high).forEach(axis.ticks::add);
        return axis;
    }

    /** From zero to beyond the epoch, so that the curve fills most of the width, but not beyond the last epoch. */
    static Axis epochs(int done, int last) {
        double high = Math.min(Math.max(1, last), roundAbove(Math.max(done, 5)));
        return withSteps(0, high, Math.max(1, step(high)));
    }

    private static double roundAbove(double number) {
        double power = Math.pow(10, Math.floor(Math.log10(number)));
        for (double digit : ROUND) {
            if (digit * power >= number) {
                return Math.ceil(digit * power);
            }
        }
        return 10 * power;
    }

    private static Axis withSteps(double low, double high, double step) {
        Axis axis = new Axis(low, high > low ? high : low + step, false);
        for (double tick = Math.ceil(low / step) * step; tick <= axis.high + step / 1000; tick += step) {
            axis.ticks.add(Math.abs(tick) < step / 1000 ? 0 : tick);
        }
        return axis;
    }

    /** 1, 2 or 5 times a power of ten, some {@link #TICKS} of which make the span. */
    private static double step(double span) {
        double power = Math.pow(10, Math.floor(Math.log10(span / TICKS)));
        double digit = span / TICKS / power;
        return power * (digit <= 1.0001 ? 1 : digit <= 2.0001 ? 2 : digit <= 5.0001 ? 5 : 10);
    }

    private static double[] ends(double[] values, double above) {
        double[] ends = {Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY};
        for (double value : values) {
            if (value > above && !Double.isInfinite(value)) {
                ends[0] = Math.min(ends[0], value);
                ends[1] = Math.max(ends[1], value);
            }
        }
        if (ends[0] > ends[1]) {
            return new double[] {1, 10};
        }
        // A level curve lies in the middle.
        double room = ends[0] < ends[1] ? 0 : ends[0] == 0 ? 1 : 0.05 * Math.abs(ends[0]);
        return new double[] {ends[0] - room, ends[1] + room};
    }

    /** Where a value lies: 0 at the low end, 1 at the high end; not finite for values that the axis cannot hold. */
    double place(double value) {
        return logarithmic ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    }

    List<Double> ticks() {
        return ticks;
    }

    /**
     * A number in as few digits as it needs.
     *
     * @param tick the number
     * @return in words
     */
    public static String label(double tick) {
        String words = Format.threeDigits(tick);
        return words.contains("e") || !words.contains(".") ? words : words.replaceAll("0+$", "").replaceAll("\\.$", "");
    }
}
