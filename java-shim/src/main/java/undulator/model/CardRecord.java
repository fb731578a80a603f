package undulator.model;

import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** All that a model file says of itself. */
public final class CardRecord {
    private final Map<String, String> facts = new LinkedHashMap<>();
    private final List<double[]> epochs = new ArrayList<>();
    private double[] scores = {};
    private BufferedImage cover;
    private String readme = "";
    private String warning = "";
    private boolean runs;
    private String words = "";

    /**
     * Takes a row of one of the tables {@code card}, {@code scores}, {@code history}, {@code check} and {@code readme}.
     *
     * @param table which one; others are left out
     * @param numbers the row's numbers
     * @param texts the row's texts
     */
    public void row(String table, double[] numbers, String[] texts) {
        switch (table) {
            case "card":
                facts.put(texts[0], texts[1]);
                break;
            case "scores":
                scores = numbers.clone();
                break;
            case "history":
                epochs.add(numbers.clone());
                break;
            case "check":
                runs = texts[0].equals("yes");
                words = texts[1];
                break;
            case "readme":
                readme = texts[0];
                break;
            default:
        }
    }

    /**
     * Takes its cover.
     *
     * @param width pixels along x
     * @param height pixels along y
     * @param rgb red, green and blue of each pixel, row by row
     */
    public void cover(int width, int height, byte[] rgb) {
        cover = Pictures.image(width, height, rgb);
    }

    /**
     * Takes what to look at before the model is used on the open image.
     *
     * @param said in words
     */
    public void warning(String said) {
        warning = said;
    }

    /**
     * The card's lines.
     *
     * @return values by name, in order
     */
    public Map<String, String> facts() {
        return Collections.unmodifiableMap(facts);
    }

    /**
     * One of the card's lines.
     *
     * @param name what it is about
     * @return the value, or an empty text
     */
    public String fact(String name) {
        return facts.getOrDefault(name, "");
    }

    /**
     * PSNR of the validation slices.
     *
     * @return restored, raw, matched, filtered in dB; empty when none validated
     */
    public double[] scores() {
        return scores.clone();
    }

    /**
     * Whether the model runs here and reproduces its test image.
     *
     * @return true if it does
     */
    public boolean runs() {
        return runs;
    }

    /**
     * How closely it reproduces its test image, or why it does not run.
     *
     * @return in words
     */
    public String check() {
        return words;
    }

    /**
     * What to look at before the model is used on the open image.
     *
     * @return in words; empty for nothing
     */
    public String warning() {
        return warning;
    }

    String readme() {
        return readme;
    }

    /** Its cover, or null. */
    BufferedImage cover() {
        return cover;
    }

    /** Number, training loss and PSNR of every epoch. */
    List<double[]> epochs() {
        return Collections.unmodifiableList(epochs);
    }
}
