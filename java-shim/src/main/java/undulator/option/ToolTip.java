package undulator.option;

import java.awt.Color;
import java.awt.Component;
import java.awt.GridLayout;
import java.awt.Label;
import java.awt.Point;
import java.awt.Window;
import java.awt.event.FocusAdapter;
import java.awt.event.FocusEvent;
import java.awt.event.MouseAdapter;
import java.awt.event.MouseEvent;
import javax.swing.SwingUtilities;
import javax.swing.Timer;

/** A tool tip for the components of ImageJ's dialogs, which are AWT's and have none. */
final class ToolTip extends MouseAdapter {
    private static final int DELAY_MILLIS = 700;
    private static final Color PAPER = new Color(255, 255, 225);

    private final String text;
    private final Timer timer;
    private Component under;
    private Window shown;

    private ToolTip(String text) {
        this.text = text;
        this.timer = new Timer(DELAY_MILLIS, event -> open());
        timer.setRepeats(false);
    }

    /** Shows a text while the mouse rests on one of the components; nulls are left out. */
    static void show(String text, Component... components) {
        if (text.isEmpty()) {
            return;
        }
        ToolTip tip = new ToolTip(text);
        for (Component component : components) {
            if (component != null) {
                component.addMouseListener(tip);
                component.addFocusListener(new FocusAdapter() {
                    @Override
                    public void focusLost(FocusEvent event) {
                        tip.close();
                    }
                });
            }
        }
    }

    @Override
    public void mouseEntered(MouseEvent event) {
        under = event.getComponent();
        timer.restart();
    }

    @Override
    public void mouseExited(MouseEvent event) {
        close();
    }

    @Override
    public void mousePressed(MouseEvent event) {
        close();
    }

    private void open() {
        if (!under.isShowing() || shown != null) {
            return;
        }
        String[] lines = Lines.broken(text).split("\n");
        shown = new Window(SwingUtilities.getWindowAncestor(under));
        shown.setFocusableWindowState(false);
        shown.setBackground(PAPER);
        shown.setLayout(new GridLayout(lines.length, 1));
        for (String line : lines) {
            shown.add(new Label(line));
        }
        shown.pack();
        Point place = under.getLocationOnScreen();
        shown.setLocation(place.x, place.y + under.getHeight() + 2);
        shown.setVisible(true);
    }

    private void close() {
        timer.stop();
        if (shown != null) {
            shown.dispose();
            shown = null;
        }
    }
}
