package undulator.training;

import java.awt.BorderLayout;
import java.awt.Dimension;
import java.awt.Font;
import java.awt.GridBagConstraints;
import java.awt.GridBagLayout;
import java.awt.GridLayout;
import java.awt.Insets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.swing.JComponent;
import javax.swing.JLabel;
import javax.swing.JPanel;
import undulator.Format;
import undulator.chart.Axis;
import undulator.chart.ChartStyle;

/** What trains on what, and how far and how fast. */
final class FactsPanel extends JPanel {
    private static final long serialVersionUID = 1L;
    private static final String UNKNOWN = "\u2013";
    private static final String[] NAMES = {"Epoch", "Best", "Time left", "Speed", "Learning rate", "Memory"};
    /** Parts of the width, by what may stand there. */
    private static final double[] WIDTHS = {1, 1.4, 0.8, 1.1, 0.9, 0.7};

    private final JLabel network = label(Font.BOLD, 14);
    private final JLabel task = label(Font.PLAIN, 11);
    private final List<JLabel> values = new ArrayList<>();

    /** Before anything is known, of a model file. */
    FactsPanel(String model) {
        super(new BorderLayout(0, ChartStyle.pixels(8)));
        setBackground(ChartStyle.BACKGROUND);
        JPanel words = ChartStyle.white(new JPanel(new GridLayout(2, 1, 0, ChartStyle.pixels(2))));
        task.setForeground(ChartStyle.FAINT_TEXT);
        network.setText("Training " + model);
        words.add(network);
        words.add(task);
        JPanel numbers = ChartStyle.white(new JPanel(new GridBagLayout()));
        GridBagConstraints place = new GridBagConstraints();
        place.fill = GridBagConstraints.HORIZONTAL;
        place.insets = new Insets(0, 0, 0, ChartStyle.pixels(8));
        for (int i = 0; i < NAMES.length; i++) {
            place.weightx = WIDTHS[i];
            numbers.add(cell(NAMES[i]), place);
        }
        add(words, BorderLayout.NORTH);
        add(numbers, BorderLayout.CENTER);
    }

    private JPanel cell(String name) {
        JPanel cell = ChartStyle.white(new JPanel(new GridLayout(2, 1)));
        JLabel heading = label(Font.PLAIN, 11);
        heading.setText(name);
        heading.setForeground(ChartStyle.FAINT_TEXT);
        JLabel value = label(Font.BOLD, 13);
        value.setText(UNKNOWN);
        values.add(value);
        cell.add(heading);
        cell.add(value);
        // Its width follows from the window's, and not from the words, which change.
        cell.setPreferredSize(new Dimension(1, cell.getPreferredSize().height));
        return cell;
    }

    private static JLabel label(int style, double size) {
        JLabel label = new JLabel(" ");
        label.setFont(ChartStyle.font(style, size));
        label.setForeground(ChartStyle.TEXT);
        label.putClientProperty("html.disable", true);
        return label;
    }

    /** Sets the words of a label, with a tip for those that are cut off. */
    static void say(JComponent place, JLabel label, String words) {
        label.setText(words.isEmpty() ? " " : words);
        place.setToolTipText(words.isEmpty() ? null : words);
    }

    void show(TrainingRecord training) {
        Map<String, String> facts = training.facts();
        if (training.hasBegun()) {
            say(network, network, facts.get("Network") + ", " + facts.get("Parameters") + " parameters");
            say(task, task, "slices " + facts.get("Training slices") + " train, " + facts.get("Validation slices")
                    + " validate, on " + facts.get("Device"));
        }
        String[] words = numbers(training);
        for (int i = 0; i < words.length; i++) {
            say(values.get(i), values.get(i), words[i]);
        }
    }

    /** What stands below {@link #NAMES}. */
    static String[] numbers(TrainingRecord training) {
        EpochRow last = training.last();
        EpochRow best = training.best() == null ? last : training.best();
        int epochs = training.epochs();
        if (last == null) {
            String epoch = training.hasBegun() ? "1 of " + epochs : UNKNOWN;
            return new String[] {epoch, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN};
        }
        boolean ended = training.hasEnded();
        int now = ended ? last.epoch : Math.min(last.epoch + 1, epochs);
        String score = Double.isNaN(best.psnr) ? "loss " + Format.threeDigits(best.loss) : Format.decibels(best.psnr);
        return new String[] {
            now + " of " + epochs,
            score + ", epoch " + best.epoch,
            ended || Double.isNaN(last.secondsLeft) ? UNKNOWN : Format.duration(last.secondsLeft),
            Double.isNaN(last.imagesPerSecond) ? UNKNOWN : Format.threeDigits(last.imagesPerSecond) + " images/s",
            Axis.label(last.rate),
            last.memoryBytes < 0 ? UNKNOWN : Format.memory(last.memoryBytes)};
    }
}
