package undulator;

import java.util.Locale;

/** Formats numbers for display. */
public final class Format {
    private Format() {
    }

    /**
     * A time in one unit.
     *
     * @param seconds how long
     * @return for example "42 s", "3 min" or "2.5 h"
     */
    public static String duration(double seconds) {
        if (seconds < 100) {
            return Math.round(seconds) + " s";
        }
        return seconds < 6000 ? Math.round(seconds / 60) + " min" : Math.round(seconds / 360) / 10.0 + " h";
    }

    /**
     * An amount of memory.
     *
     * @param bytes how much
     * @return for example "310 MB" or "1.3 GB", in powers of 1024
     */
    public static String memory(long bytes) {
        double megabytes = bytes / (1024.0 * 1024.0);
        return megabytes < 1000 ? Math.round(megabytes) + " MB"
                : String.format(Locale.ROOT, "%.1f GB", megabytes / 1024);
    }

    /**
     * A number to three digits.
     *
     * @param number any
     * @return for example "0.00512", "25.1", "1234" or "1.2e-7"
     */
    public static String threeDigits(double number) {
        double size = Math.abs(number);
        if (size == 0 || Double.isNaN(size) || Double.isInfinite(size)) {
            return size == 0 ? "0" : Double.toString(number);
        }
        if (size < 1e-4 || size >= 1e6) {
            return String.format(Locale.ROOT, "%.1e", number).replaceAll("e\\+?(-?)0?", "e$1");
        }
        int decimals = Math.max(0, 2 - (int) Math.floor(Math.log10(size)));
        return String.format(Locale.ROOT, "%." + decimals + "f", number);
    }

    /**
     * The beginning of a sentence.
     *
     * @param words may be empty
     * @return the words, their first letter a capital
     */
    public static String sentence(String words) {
        return words.isEmpty() ? "" : words.substring(0, 1).toUpperCase(Locale.ROOT) + words.substring(1);
    }

    /**
     * A PSNR.
     *
     * @param psnr in dB
     * @return for example "25.13 dB"
     */
    public static String decibels(double psnr) {
        return String.format(Locale.ROOT, "%.2f dB", psnr);
    }
}
