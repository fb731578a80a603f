package undulator.model;

import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import undulator.ModelCard;

/** All that a model file says of itself. */
public final class CardRecord implements ModelCard {
    private final Map<String, String> facts = new LinkedHashMap<>();
    private final List<double[]> epochs = new ArrayList<>();
    private double[] scores = {};
    private BufferedImage cover;
    private String readme = "";
    private String warning = "";
    private boolean runs;
    private String words = "";

    @Override
    public void fact(String name, String value) {
        facts.put(name, value);
    }

    @Override
    public void scores(double restored, double raw, double matched, double filtered) {
        scores = new double[] {restored, raw, matched, filtered};
    }

    @Override
    public void epoch(int epoch, double psnr, double trainingLoss) {
        epochs.add(new double[] {epoch, psnr, trainingLoss});
    }

    @Override
    public void cover(int width, int height, byte[] rgb) {
        cover = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        int[] pixels = new int[width * height];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (rgb[3 * i] & 255) << 16 | (rgb[3 * i + 1] & 255) << 8 | rgb[3 * i + 2] & 255;
        }
        cover.setRGB(0, 0, width, height, pixels, 0, width);
    }

    @Override
    public void readme(String markdown) {
        readme = markdown;
    }

    @Override
    public void warning(String said) {
        warning = said;
    }

    @Override
    public void check(boolean does, String how) {
        runs = does;
        words = how;
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

    /** Number, PSNR and training loss of every epoch. */
    List<double[]> epochs() {
        return Collections.unmodifiableList(epochs);
    }
}
