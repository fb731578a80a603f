package undulator.model;

import ij.IJ;
import ij.WindowManager;
import ij.gui.GUI;
import ij.text.TextWindow;
import java.awt.BorderLayout;
import java.awt.Color;
import java.awt.Component;
import java.awt.Dimension;
import java.awt.EventQueue;
import java.awt.FlowLayout;
import java.awt.Font;
import java.awt.Frame;
import java.awt.Point;
import java.awt.Rectangle;
import java.awt.event.WindowAdapter;
import java.awt.event.WindowEvent;
import java.io.File;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import javax.swing.BorderFactory;
import javax.swing.BoxLayout;
import javax.swing.ImageIcon;
import javax.swing.JButton;
import javax.swing.JFrame;
import javax.swing.JLabel;
import javax.swing.JPanel;
import javax.swing.JScrollPane;
import javax.swing.JTextArea;
import javax.swing.WindowConstants;
import undulator.Format;
import undulator.chart.Chart;
import undulator.chart.ChartStyle;
import undulator.chart.Curve;

/** The card of a model: cover, scores, curve, what was trained on what, and whether it runs here. */
public final class ModelWindow {
    private static final Color WARNING = new Color(170, 60, 0);
    private static final int COVER_WIDTH = 480;
    /** Lines of the card that stand elsewhere in the window. */
    private static final List<String> SHOWN_ELSEWHERE = Arrays.asList("Name", "Description");

    private final CardRecord card;
    private final JFrame frame;

    private ModelWindow(File file, CardRecord card) {
        this.card = card;
        frame = new JFrame("Undulator: " + file.getName());
    }

    /**
     * Shows a card.
     *
     * @param file whose it is
     * @param card what it says
     * @param install copies it to the folder of models
     */
    public static void open(File file, CardRecord card, Runnable install) {
        EventQueue.invokeLater(() -> new ModelWindow(file, card).show(install));
    }

    private void show(Runnable install) {
        frame.setDefaultCloseOperation(WindowConstants.DISPOSE_ON_CLOSE);
        frame.addWindowListener(new WindowAdapter() {
            @Override
            public void windowClosed(WindowEvent event) {
                WindowManager.removeWindow((Frame) frame);
            }
        });
        if (IJ.getInstance() != null) {
            frame.setIconImage(IJ.getInstance().getIconImage());
        }
        int space = ChartStyle.pixels(12);
        JPanel content = ChartStyle.white(new JPanel(new BorderLayout(space, space)));
        content.setBorder(BorderFactory.createEmptyBorder(space, space, space, space));
        content.add(heading(), BorderLayout.NORTH);
        content.add(pictures(), BorderLayout.WEST);
        JScrollPane lines = lines();
        content.add(lines, BorderLayout.CENTER);
        content.add(buttons(install), BorderLayout.SOUTH);
        frame.setContentPane(content);
        frame.pack();
        Rectangle screen = GUI.getMaxWindowBounds(IJ.getInstance());
        frame.setSize(Math.min(frame.getWidth(), screen.width), Math.min(frame.getHeight(), screen.height));
        GUI.centerOnImageJScreen(frame);
        WindowManager.addWindow(frame);
        frame.setVisible(true);
        frame.getRootPane().getDefaultButton().requestFocusInWindow();
        // The lines are as high as they will be once they are broken, which is later.
        EventQueue.invokeLater(() -> lines.getViewport().setViewPosition(new Point(0, 0)));
    }

    private JPanel heading() {
        JPanel heading = ChartStyle.white(new JPanel());
        heading.setLayout(new BoxLayout(heading, BoxLayout.Y_AXIS));
        heading.add(words(card.fact("Name"), Font.BOLD, 16, ChartStyle.TEXT));
        heading.add(words(card.fact("Description"), Font.PLAIN, 12, ChartStyle.FAINT_TEXT));
        String runs = card.runs() ? "It runs here: " : "It does not run here: ";
        heading.add(words(runs + card.check(), Font.PLAIN, 12, card.runs() ? ChartStyle.GREEN : WARNING));
        if (!card.warning().isEmpty()) {
            heading.add(words("For the open image: " + card.warning(), Font.PLAIN, 12, WARNING));
        }
        return heading;
    }

    private JPanel pictures() {
        JPanel pictures = ChartStyle.white(new JPanel());
        pictures.setLayout(new BoxLayout(pictures, BoxLayout.Y_AXIS));
        if (card.cover() != null) {
            int width = ChartStyle.pixels(COVER_WIDTH);
            int height = Math.max(1, (int) Math.round((double) width * card.cover().getHeight() / card.cover().getWidth()));
            JLabel cover = new JLabel(new ImageIcon(card.cover().getScaledInstance(width, Math.min(height, width),
                    java.awt.Image.SCALE_SMOOTH)));
            cover.setAlignmentX(Component.LEFT_ALIGNMENT);
            pictures.add(cover);
            pictures.add(words(caption(), Font.PLAIN, 11, ChartStyle.FAINT_TEXT));
        }
        if (!card.epochs().isEmpty()) {
            JPanel chart = chart();
            chart.setAlignmentX(Component.LEFT_ALIGNMENT);
            pictures.add(chart);
        }
        return pictures;
    }

    private String caption() {
        double[] scores = card.scores();
        return scores.length == 0 ? "Cover" : "Cover; validation PSNR: restored "
                + Format.decibels(scores[0]) + ", input " + Format.decibels(scores[1]);
    }

    private JPanel chart() {
        boolean validated = card.scores().length > 0;
        Map<String, Double> levels = new LinkedHashMap<>();
        String[] names = {"raw", "matched", "Gaussian"};
        for (int i = 0; validated && i < names.length; i++) {
            levels.put(names[i], card.scores()[i + 1]);
        }
        Chart chart = validated ? new Chart("PSNR of the validation slices", false, " dB")
                : new Chart("Training loss", true, "");
        Curve curve = new Curve(validated ? "network" : "training", ChartStyle.GREEN, numbers(epoch -> epoch[0]),
                numbers(epoch -> validated ? epoch[2] : epoch[1]), -1);
        chart.show(Arrays.asList(curve), levels, (int) card.epochs().get(card.epochs().size() - 1)[0], "no epochs");
        return chart;
    }

    private double[] numbers(ToDoubleFunction<double[]> of) {
        return card.epochs().stream().mapToDouble(of).toArray();
    }

    private JScrollPane lines() {
        JPanel lines = ChartStyle.white(new JPanel());
        lines.setLayout(new BoxLayout(lines, BoxLayout.Y_AXIS));
        card.facts().forEach((name, value) -> {
            if (!SHOWN_ELSEWHERE.contains(name) && !value.isEmpty()) {
                lines.add(words(name, Font.PLAIN, 11, ChartStyle.FAINT_TEXT));
                lines.add(words(value, Font.PLAIN, 12, ChartStyle.TEXT));
            }
        });
        // Few lines stand together at the top rather than apart.
        JPanel atTheTop = ChartStyle.white(new JPanel(new BorderLayout()));
        atTheTop.add(lines, BorderLayout.NORTH);
        JScrollPane scroll = new JScrollPane(atTheTop, JScrollPane.VERTICAL_SCROLLBAR_AS_NEEDED,
                JScrollPane.HORIZONTAL_SCROLLBAR_NEVER);
        scroll.setBorder(BorderFactory.createEmptyBorder());
        scroll.getVerticalScrollBar().setUnitIncrement(ChartStyle.pixels(16));
        scroll.setPreferredSize(new Dimension(ChartStyle.pixels(360), ChartStyle.pixels(500)));
        return scroll;
    }

    private JPanel buttons(Runnable install) {
        JButton installs = button("Install");
        installs.setToolTipText("Copy it to " + ModelFolder.folder() + ", where Apply finds it by its name");
        installs.setEnabled(card.runs());
        installs.addActionListener(event -> {
            installs.setEnabled(false);
            new Thread(install, "install model").start();
        });
        JButton reads = button("README");
        reads.setEnabled(!card.readme().isEmpty());
        reads.addActionListener(event -> new TextWindow(card.fact("Name") + " README", card.readme(), 700, 600));
        JButton closes = button("Close");
        closes.addActionListener(event -> frame.dispose());
        frame.getRootPane().setDefaultButton(closes);
        JPanel buttons = ChartStyle.white(new JPanel(new FlowLayout(FlowLayout.RIGHT, ChartStyle.pixels(6), 0)));
        buttons.add(reads);
        buttons.add(installs);
        buttons.add(closes);
        return buttons;
    }

    private static JButton button(String name) {
        JButton button = new JButton(name);
        button.setFont(ChartStyle.font(Font.PLAIN, 12));
        return button;
    }

    /** Words from strangers: plain text, however it looks, broken into lines, to be selected and copied. */
    private static JTextArea words(String text, int style, double size, Color colour) {
        JTextArea words = new JTextArea(text);
        words.setEditable(false);
        words.setLineWrap(true);
        words.setWrapStyleWord(true);
        words.setFont(ChartStyle.font(style, size));
        words.setForeground(colour);
        words.setBackground(ChartStyle.BACKGROUND);
        words.setAlignmentX(Component.LEFT_ALIGNMENT);
        words.setBorder(BorderFactory.createEmptyBorder(0, 0, ChartStyle.pixels(4), 0));
        return words;
    }
}
