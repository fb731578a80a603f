package undulator;

import ij.ImagePlus;
import java.awt.image.BufferedImage;
import java.io.File;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Everything that came out of a command. */
public final class Outcome {
    private final Map<String, List<Map<String, Object>>> tables = new LinkedHashMap<>();
    private final Map<String, BufferedImage> pictures = new LinkedHashMap<>();
    private final List<File> files = new ArrayList<>();
    private final List<String> messages = new ArrayList<>();
    private final List<String> warnings = new ArrayList<>();
    private Map<String, ImagePlus> images = Collections.emptyMap();
    private String sentence = "";

    Outcome() {
    }

    synchronized void add(String table, String[] columns, double[] numbers, String[] texts) {
        Map<String, Object> row = new LinkedHashMap<>();
        for (int i = 0; i < columns.length; i++) {
            row.put(columns[i], texts[i] == null ? (Object) numbers[i] : texts[i]);
        }
        tables.computeIfAbsent(table, name -> new ArrayList<>()).add(Collections.unmodifiableMap(row));
    }

    synchronized void add(String name, BufferedImage picture) {
        pictures.put(name, picture);
    }

    synchronized void add(File file) {
        files.add(file);
    }

    synchronized void addMessage(String line) {
        messages.add(line);
    }

    synchronized void addWarning(String line) {
        warnings.add(line);
    }

    synchronized void end(String words, Map<String, ImagePlus> made) {
        sentence = words;
        images = made;
    }

    /**
     * The new images; none is shown.
     *
     * @return by name: the endings of their titles, as {@code restored}
     */
    public synchronized Map<String, ImagePlus> images() {
        return images;
    }

    /**
     * The new image, or of several the one to look at.
     *
     * @return null if there is none
     */
    public synchronized ImagePlus image() {
        ImagePlus last = null;
        for (ImagePlus image : images.values()) {
            last = image;
        }
        return last;
    }

    /**
     * One of the new images.
     *
     * @param name the ending of its title, as {@code restored}
     * @return null if there is none
     */
    public synchronized ImagePlus image(String name) {
        return images.get(name);
    }

    /**
     * The rows that the menu's command adds to the Results table.
     *
     * @return texts and numbers by column
     */
    public List<Map<String, Object>> rows() {
        return rows("results");
    }

    /**
     * The rows of a table.
     *
     * @param table for example {@code results}
     * @return texts and numbers by column; none if there is no such table
     */
    public synchronized List<Map<String, Object>> rows(String table) {
        return Collections.unmodifiableList(new ArrayList<>(tables.getOrDefault(table, Collections.emptyList())));
    }

    /**
     * A number of the last row that has it.
     *
     * @param column its heading, as {@code PSNR}
     * @return the number; NaN if no row has it
     */
    public double number(String column) {
        double number = Double.NaN;
        for (Map<String, Object> row : rows()) {
            Object value = row.get(column);
            number = value instanceof Double ? (Double) value : number;
        }
        return number;
    }

    /**
     * Pictures that belong to the rows.
     *
     * @return by name, as {@code cover}
     */
    public synchronized Map<String, BufferedImage> pictures() {
        return Collections.unmodifiableMap(new LinkedHashMap<>(pictures));
    }

    /**
     * Files that were written beside the images.
     *
     * @return in the order in which they were written
     */
    public synchronized List<File> files() {
        return Collections.unmodifiableList(new ArrayList<>(files));
    }

    /**
     * What was worth a line in the log.
     *
     * @return lines
     */
    public synchronized List<String> messages() {
        return Collections.unmodifiableList(new ArrayList<>(messages));
    }

    /**
     * What to look at before trusting the outcome.
     *
     * @return lines
     */
    public synchronized List<String> warnings() {
        return Collections.unmodifiableList(new ArrayList<>(warnings));
    }

    /**
     * What came out, in a sentence.
     *
     * @return may be empty
     */
    public synchronized String sentence() {
        return sentence;
    }

    @Override
    public String toString() {
        return sentence();
    }
}
