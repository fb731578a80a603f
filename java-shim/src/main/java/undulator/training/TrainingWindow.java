package undulator.training;

import ij.IJ;
import ij.WindowManager;
import ij.gui.GUI;
import java.awt.BorderLayout;
import java.awt.Color;
import java.awt.Dimension;
import java.awt.FlowLayout;
import java.awt.Font;
import java.awt.GridLayout;
import java.awt.Rectangle;
import java.awt.event.ActionEvent;
import java.awt.event.KeyEvent;
import java.awt.event.WindowAdapter;
import java.awt.event.WindowEvent;
import java.awt.event.WindowListener;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.concurrent.atomic.AtomicInteger;
import javax.swing.AbstractAction;
import javax.swing.BorderFactory;
import javax.swing.JButton;
import javax.swing.JComponent;
import javax.swing.JFrame;
import javax.swing.JLabel;
import javax.swing.JOptionPane;
import javax.swing.JPanel;
import javax.swing.JProgressBar;
import javax.swing.KeyStroke;
import javax.swing.WindowConstants;
import undulator.Format;
import undulator.chart.Chart;
import undulator.chart.ChartStyle;
import undulator.chart.Curve;

/**
 * The live window of one training: curves, preview, facts, and buttons to steer it.
 *
 * <p>It reads the training's record a few times a second on the event thread; the training never waits for it. Closing
 * the window only closes the window. All methods are for the event thread.</p>
 */
final class TrainingWindow {
    private static final int STEPS = 1000;
    private static final AtomicInteger OPEN = new AtomicInteger();

    private final TrainingRecord training;
    private final Requests requests;
    private final String model;
    private final Pacer pacer = new Pacer(this::refresh);

    private JFrame frame;
    private final Chart psnr = new Chart("PSNR of the validation slices", false, " dB");
    private final Chart loss = new Chart("Loss", true, "");
    private final FactsPanel facts;
    private final PreviewPanel preview;
    private final JProgressBar bar = new JProgressBar(0, STEPS);
    private final JLabel status = new JLabel(" ");
    private final JLabel note = new JLabel(" ");
    private final JButton save = new JButton("Save checkpoint");
    private final JButton finish = new JButton("Finish now");
    private final JButton cancel = new JButton("Cancel");
    private final JButton close = new JButton("Close");
    /** Epochs done when a checkpoint was asked for; -1 when none is due. */
    private int savingAt = -1;
    private int shownEpochs = -1;
    private boolean shownEnd;
    private int shownTrainings;

    TrainingWindow(TrainingRecord training, Requests requests, String model, String[] images) {
        this.training = training;
        this.requests = requests;
        this.model = model;
        this.facts = new FactsPanel(model);
        this.preview = new PreviewPanel(images[0], images[1]);
    }

    /** Shows it. */
    void open() {
        frame = new JFrame("Undulator: " + model);
        frame.setDefaultCloseOperation(WindowConstants.DO_NOTHING_ON_CLOSE);
        frame.addWindowListener(new WindowAdapter() {
            @Override
            public void windowClosing(WindowEvent event) {
                close();
                if (!training.hasEnded()) {
                    IJ.log("The training of " + model + " goes on. \"Undulator Jobs...\" opens its window again.");
                }
            }
        });
        if (IJ.getInstance() != null) {
            frame.setIconImage(IJ.getInstance().getIconImage());
        }
        frame.setContentPane(content());
        onEscape();
        frame.pack();
        place();
        WindowManager.addWindow(frame);
        training.listener(pacer::changed);
        refresh();
        frame.setVisible(true);
    }

    private JPanel content() {
        int space = ChartStyle.pixels(10);
        JPanel charts = ChartStyle.white(new JPanel(new GridLayout(1, 2, space, 0)));
        charts.add(psnr);
        charts.add(loss);
        JPanel middle = ChartStyle.white(new JPanel(new GridLayout(2, 1, 0, space)));
        middle.add(charts);
        middle.add(preview);
        JPanel content = ChartStyle.white(new JPanel(new BorderLayout(0, space)));
        content.setBorder(BorderFactory.createEmptyBorder(space, space, space, space));
        content.add(facts, BorderLayout.NORTH);
        content.add(middle, BorderLayout.CENTER);
        content.add(controls(), BorderLayout.SOUTH);
        return content;
    }

    private JPanel controls() {
        bar.setPreferredSize(new Dimension(ChartStyle.pixels(200), ChartStyle.pixels(14)));
        status.setFont(ChartStyle.font(Font.PLAIN, 12));
        note.setFont(ChartStyle.font(Font.PLAIN, 11));
        note.setForeground(ChartStyle.FAINT_TEXT);
        for (JLabel label : Arrays.asList(status, note)) {
            label.putClientProperty("html.disable", true);
        }
        JPanel words = ChartStyle.white(new JPanel(new GridLayout(2, 1)));
        words.add(status);
        words.add(note);
        JPanel buttons = ChartStyle.white(new JPanel(new FlowLayout(FlowLayout.RIGHT, ChartStyle.pixels(6), 0)));
        for (JButton button : Arrays.asList(save, finish, cancel, close)) {
            button.setFont(ChartStyle.font(Font.PLAIN, 12));
            buttons.add(button);
        }
        save.setToolTipText("Write what is needed to go on later, at the end of this epoch");
        finish.setToolTipText("Stop training and keep the best model so far");
        cancel.setToolTipText("Stop training and write no model");
        save.addActionListener(event -> saveCheckpoint());
        finish.addActionListener(event -> finish());
        cancel.addActionListener(event -> cancel());
        close.addActionListener(event -> close());
        JPanel controls = ChartStyle.white(new JPanel(new BorderLayout(ChartStyle.pixels(10), ChartStyle.pixels(6))));
        controls.add(bar, BorderLayout.NORTH);
        controls.add(words, BorderLayout.CENTER);
        controls.add(buttons, BorderLayout.EAST);
        return controls;
    }

    /** Escape does here what it does in all of ImageJ's windows, but to this training only. */
    private void onEscape() {
        JComponent root = frame.getRootPane();
        root.getInputMap(JComponent.WHEN_IN_FOCUSED_WINDOW).put(KeyStroke.getKeyStroke(KeyEvent.VK_ESCAPE, 0), "stop");
        root.getActionMap().put("stop", new AbstractAction() {
            private static final long serialVersionUID = 1L;

            @Override
            public void actionPerformed(ActionEvent event) {
                if (!requests.isEnding() && !training.hasEnded()) {
                    requests.stop();
                    refreshControls();
                }
            }
        });
    }

    /** In the middle of ImageJ's screen, within it, and not quite on top of other trainings. */
    private void place() {
        Rectangle screen = GUI.getMaxWindowBounds(IJ.getInstance());
        frame.setSize(Math.min(frame.getWidth(), screen.width), Math.min(frame.getHeight(), screen.height));
        GUI.centerOnImageJScreen(frame);
        int step = ChartStyle.pixels(24) * (OPEN.getAndIncrement() % 8);
        frame.setLocation(Math.min(frame.getX() + step, screen.x + screen.width - frame.getWidth()),
                Math.min(frame.getY() + step, screen.y + screen.height - frame.getHeight()));
    }

    private void saveCheckpoint() {
        requests.saveCheckpoint();
        savingAt = training.rows().size();
        refreshControls();
    }

    private void finish() {
        requests.finish();
        refreshControls();
    }

    private void cancel() {
        Object[] answers = {"Stop training", "Go on"};
        int answer = JOptionPane.showOptionDialog(frame, "Stop this training and write no model?\n"
                + "\"Finish now\" would keep the best one so far. A checkpoint stays where it is.", "Undulator Train",
                JOptionPane.YES_NO_OPTION, JOptionPane.QUESTION_MESSAGE, null, answers, answers[1]);
        if (answer == 0 && !training.hasEnded() && frame != null) {
            requests.cancel();
            refreshControls();
        }
    }

    boolean isOpen() {
        return frame != null;
    }

    /** In front of the others, as it was if the user made an icon of it. */
    void toFront() {
        WindowManager.toFront(frame);
    }

    /** Closes the window; the training does not notice. */
    void close() {
        if (frame == null) {
            return;
        }
        training.listener(null);
        pacer.stop();
        for (WindowListener listener : frame.getWindowListeners()) {
            frame.removeWindowListener(listener);
        }
        WindowManager.removeWindow(frame);
        frame.dispose();
        OPEN.decrementAndGet();
        frame = null;
    }

    private void refresh() {
        if (frame == null) {
            return;
        }
        if (training.trainings() != shownTrainings) {
            shownTrainings = training.trainings();
            shownEpochs = -1;
            savingAt = -1;
        }
        facts.show(training);
        List<EpochRow> rows = training.rows();
        if (rows.size() != shownEpochs || training.hasEnded() != shownEnd) {
            showCurves(rows);
            shownEpochs = rows.size();
            shownEnd = training.hasEnded();
        }
        EpochRow best = training.best();
        Preview shown = training.preview();
        boolean blind = training.hasBegun() && training.baselines().length == 0;
        String none = blind ? "no slices validate: there is no preview" : "comes after the first epoch";
        // A preview comes just before its epoch.
        boolean scored = best != null && shown != null && best.epoch == shown.epoch && !Double.isNaN(best.psnr);
        if (shown == null || scored) {
            preview.show(shown, scored ? ", " + Format.decibels(best.psnr) : "", none);
        }
        refreshControls();
    }

    private void showCurves(List<EpochRow> rows) {
        Map<String, Double> levels = new LinkedHashMap<>();
        double[] baselines = training.baselines();
        String[] names = {"raw", "matched", "Gaussian"};
        for (int i = 0; i < baselines.length && i < names.length; i++) {
            levels.put(names[i], baselines[i]);
        }
        boolean blind = training.hasBegun() && baselines.length == 0;
        String soon = "comes after the first epoch";
        psnr.show(Arrays.asList(curve("network", ChartStyle.GREEN, rows, row -> row.psnr, true)), levels,
                training.epochs(), blind ? "no slices validate" : soon);
        loss.show(Arrays.asList(curve("training", ChartStyle.BLUE, rows, row -> row.loss, blind),
                curve("validation", ChartStyle.ORANGE, rows, row -> row.validationLoss, false)),
                new LinkedHashMap<>(), training.epochs(), soon);
    }

    private static Curve curve(String name, Color colour, List<EpochRow> rows, ToDoubleFunction<EpochRow> value,
            boolean markBest) {
        int marked = -1;
        for (int i = 0; markBest && i < rows.size(); i++) {
            marked = rows.get(i).best ? i : marked;
        }
        return new Curve(name, colour, rows.stream().mapToDouble(row -> row.epoch).toArray(),
                rows.stream().mapToDouble(value).toArray(), marked);
    }

    private void refreshControls() {
        boolean ended = training.hasEnded();
        boolean running = training.hasBegun() && !ended && !requests.isEnding();
        if (savingAt >= 0 && training.rows().size() > savingAt) {
            savingAt = -1;
        }
        save.setEnabled(running && savingAt < 0);
        finish.setEnabled(running);
        cancel.setEnabled(!ended && !requests.isEnding());
        for (JButton button : Arrays.asList(save, finish, cancel)) {
            button.setVisible(!ended);
        }
        close.setVisible(ended);
        bar.setValue((int) Math.round(STEPS * Math.max(0, Math.min(1, training.fraction()))));
        String words = training.doing();
        if (!ended && requests.isEnding()) {
            words = "stopping after this step";
        }
        FactsPanel.say(status, status, Format.sentence(words));
        FactsPanel.say(note, note, savingAt >= 0 ? "a checkpoint will be written at the end of this epoch"
                : training.note());
    }
}
