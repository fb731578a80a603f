package undulator.training;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** All that is known of a training. The thread that trains writes it, the window reads it. */
final class TrainingRecord {
    private static final Runnable NOBODY = () -> { };

    private final List<EpochRow> rows = new ArrayList<>();
    private final Map<String, String> facts = new LinkedHashMap<>();
    private double[] baselines = {};
    private int epochs;
    private int trainings;
    private boolean ended;
    private double fraction;
    private String doing = "";
    private String note = "";
    private Preview preview;
    private EpochRow best;
    private long mostMemory = -1;
    private Runnable listener = NOBODY;

    /** Who hears of every change, on the thread that makes it; null for nobody. */
    synchronized void listener(Runnable hears) {
        listener = hears == null ? NOBODY : hears;
    }

    private void changed() {
        Runnable hears;
        synchronized (this) {
            hears = listener;
        }
        hears.run();
    }

    void begin(String[] namesAndValues, int lastEpoch, double[] scores) {
        synchronized (this) {
            for (int i = 0; i + 1 < namesAndValues.length; i += 2) {
                facts.put(namesAndValues[i], namesAndValues[i + 1]);
            }
            // A comparison trains one network after the other.
            rows.clear();
            best = null;
            preview = null;
            trainings++;
            epochs = lastEpoch;
            baselines = scores.clone();
        }
        changed();
    }

    void epoch(EpochRow row) {
        synchronized (this) {
            rows.add(row);
            if (row.best) {
                best = row;
            }
            mostMemory = Math.max(mostMemory, row.memoryBytes);
        }
        changed();
    }

    void preview(Preview shown) {
        synchronized (this) {
            preview = shown;
        }
        changed();
    }

    void phase(String name) {
        synchronized (this) {
            doing = name;
        }
        changed();
    }

    void fraction(double done) {
        synchronized (this) {
            fraction = done;
        }
        changed();
    }

    void note(String line) {
        synchronized (this) {
            note = line;
        }
        changed();
    }

    /** The training is over; the words stay. */
    void end(String words) {
        synchronized (this) {
            ended = true;
            doing = words;
        }
        changed();
    }

    synchronized List<EpochRow> rows() {
        return new ArrayList<>(rows);
    }

    /** The last epoch that was done; null before the first. */
    synchronized EpochRow last() {
        return rows.isEmpty() ? null : rows.get(rows.size() - 1);
    }

    /** The best epoch so far; null before the first. */
    synchronized EpochRow best() {
        return best;
    }

    synchronized Map<String, String> facts() {
        return Collections.unmodifiableMap(new LinkedHashMap<>(facts));
    }

    synchronized String fact(String name) {
        return facts.getOrDefault(name, "");
    }

    /** PSNR as it is, grey-matched, filtered; empty when no slices validate. */
    synchronized double[] baselines() {
        return baselines.clone();
    }

    /** The number of the last epoch, 0 before the beginning. */
    synchronized int epochs() {
        return epochs;
    }

    synchronized boolean hasBegun() {
        return trainings > 0;
    }

    /** How many trainings have begun. */
    synchronized int trainings() {
        return trainings;
    }

    synchronized boolean hasEnded() {
        return ended;
    }

    synchronized double fraction() {
        return fraction;
    }

    synchronized String doing() {
        return doing;
    }

    synchronized String note() {
        return note;
    }

    synchronized Preview preview() {
        return preview;
    }

    /** Most bytes that the program used; -1 when unknown. */
    synchronized long mostMemory() {
        return mostMemory;
    }
}
