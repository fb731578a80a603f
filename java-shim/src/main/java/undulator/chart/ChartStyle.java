package undulator.chart;

import ij.Prefs;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import javax.swing.JPanel;

/** Colours (those of Okabe and Ito, which colour-blind people can tell apart), fonts and sizes of Undulator's windows. */
public final class ChartStyle {
    /** A curve. */
    public static final Color BLUE = new Color(0, 114, 178);
    /** Another curve. */
    public static final Color ORANGE = new Color(213, 94, 0);
    /** The curve that counts. */
    public static final Color GREEN = new Color(0, 130, 95);
    /** Of windows. */
    public static final Color BACKGROUND = Color.WHITE;
    /** Of words. */
    public static final Color TEXT = new Color(40, 40, 40);
    /** Of words that explain others. */
    public static final Color FAINT_TEXT = new Color(110, 110, 110);
    /** Of frames. */
    public static final Color LINE = new Color(170, 170, 170);
    /** Of lines behind curves. */
    public static final Color GRID = new Color(232, 232, 232);

    private ChartStyle() {
    }

    /**
     * Pixels, for the scale that the user gave ImageJ's windows.
     *
     * @param size in pixels at a scale of one
     * @return in pixels
     */
    public static int pixels(double size) {
        return (int) Math.round(size * Prefs.getGuiScale());
    }

    /**
     * A font in the scale of ImageJ's windows.
     *
     * @param style as {@link Font} has it
     * @param size in points at a scale of one
     * @return the font
     */
    public static Font font(int style, double size) {
        return new Font(Font.SANS_SERIF, style, pixels(size));
    }

    /**
     * Smooth lines and words.
     *
     * @param graphics of the component
     * @return a copy, which is to be disposed of
     */
    public static Graphics2D smooth(Graphics graphics) {
        Graphics2D smooth = (Graphics2D) graphics.create();
        smooth.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        smooth.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        smooth.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        return smooth;
    }

    /**
     * A panel on the windows' background.
     *
     * @param panel any
     * @return the same
     */
    public static JPanel white(JPanel panel) {
        panel.setBackground(BACKGROUND);
        return panel;
    }
}
