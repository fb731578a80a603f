package undulator.training;

import ij.Prefs;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;

/** Colours (those of Okabe and Ito, which colour-blind people can tell apart), fonts and sizes of the window. */
final class Look {
    static final Color BLUE = new Color(0, 114, 178);
    static final Color ORANGE = new Color(213, 94, 0);
    static final Color GREEN = new Color(0, 130, 95);
    static final Color BACKGROUND = Color.WHITE;
    static final Color TEXT = new Color(40, 40, 40);
    static final Color FAINT_TEXT = new Color(110, 110, 110);
    static final Color LINE = new Color(170, 170, 170);
    static final Color GRID = new Color(232, 232, 232);

    private Look() {
    }

    /** Pixels, for the scale that the user gave ImageJ's windows. */
    static int pixels(double size) {
        return (int) Math.round(size * Prefs.getGuiScale());
    }

    static Font font(int style, double size) {
        return new Font(Font.SANS_SERIF, style, pixels(size));
    }

    static Graphics2D smooth(Graphics graphics) {
        Graphics2D smooth = (Graphics2D) graphics.create();
        smooth.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        smooth.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        smooth.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        return smooth;
    }
}
