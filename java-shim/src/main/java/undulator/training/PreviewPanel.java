package undulator.training;

import ij.process.ByteProcessor;
import ij.process.ImageProcessor;
import java.awt.Dimension;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.Graphics;
import java.awt.Image;
import java.awt.RenderingHints;
import java.util.Locale;
import javax.swing.JPanel;
import undulator.chart.ChartStyle;

/** A validation slice three times: the laboratory's, after the network now, and the synchrotron's. */
final class PreviewPanel extends JPanel {
    private static final long serialVersionUID = 1L;

    private final String[] captions;
    private transient Preview preview;
    private transient Image[] images = {};
    /** Their size on the screen. */
    private Dimension size = new Dimension();
    private String instead = "";

    PreviewPanel(String input, String reference) {
        captions = new String[] {"input: " + input, "now", "reference: " + reference};
        setBackground(ChartStyle.BACKGROUND);
        setPreferredSize(new Dimension(ChartStyle.pixels(960), ChartStyle.pixels(300)));
        setMinimumSize(new Dimension(ChartStyle.pixels(240), ChartStyle.pixels(120)));
    }

    /** What to show from now on, or null, with the words to show while there is none. */
    void show(Preview shown, String score, String otherwise) {
        instead = otherwise;
        if (shown != preview) {
            preview = shown;
            captions[1] = shown == null ? "now" : "now: epoch " + shown.epoch + score;
            size = new Dimension();
        }
        repaint();
    }

    @Override
    protected void paintComponent(Graphics plain) {
        super.paintComponent(plain);
        Graphics2D graphics = ChartStyle.smooth(plain);
        try {
            graphics.setFont(ChartStyle.font(Font.BOLD, 12));
            graphics.setColor(ChartStyle.TEXT);
            String title = preview == null ? "Validation slice"
                    : String.format(Locale.ROOT, "Validation slice %d, by the best model", preview.slice + 1);
            FontMetrics metrics = graphics.getFontMetrics();
            graphics.drawString(title, 0, metrics.getAscent() + ChartStyle.pixels(2));
            graphics.setFont(ChartStyle.font(Font.PLAIN, 11));
            if (preview == null) {
                graphics.setColor(ChartStyle.FAINT_TEXT);
                int width = graphics.getFontMetrics().stringWidth(instead);
                graphics.drawString(instead, (getWidth() - width) / 2, getHeight() / 2);
            } else {
                paintImages(graphics, metrics.getHeight() + ChartStyle.pixels(8));
            }
        } finally {
            graphics.dispose();
        }
    }

    private void paintImages(Graphics2D graphics, int top) {
        int gap = ChartStyle.pixels(10);
        FontMetrics metrics = graphics.getFontMetrics();
        int column = (getWidth() - 2 * gap) / 3;
        int bottom = metrics.getHeight() + ChartStyle.pixels(4);
        Dimension fits = fit(preview.width, preview.height, column, getHeight() - top - bottom);
        if (fits.width < 1 || fits.height < 1) {
            return;
        }
        if (!fits.equals(size)) {
            images = new Image[] {scaled(preview.input, fits), scaled(preview.restored, fits),
                scaled(preview.reference, fits)};
            size = fits;
        }
        graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION,
                RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR);
        for (int i = 0; i < images.length; i++) {
            int left = i * (column + gap) + (column - fits.width) / 2;
            graphics.drawImage(images[i], left, top, null);
            graphics.setColor(ChartStyle.TEXT);
            String caption = shortened(captions[i], metrics, column);
            graphics.drawString(caption, left + (fits.width - metrics.stringWidth(caption)) / 2,
                    top + fits.height + ChartStyle.pixels(3) + metrics.getAscent());
        }
    }

    /** The largest size in a box; small images grow by whole factors, so that all pixels look alike. */
    static Dimension fit(int width, int height, int boxWidth, int boxHeight) {
        double factor = Math.min((double) boxWidth / width, (double) boxHeight / height);
        if (factor >= 2) {
            factor = Math.floor(factor);
        }
        return new Dimension((int) Math.floor(width * factor + 1e-9), (int) Math.floor(height * factor + 1e-9));
    }

    private Image scaled(byte[] pixels, Dimension wanted) {
        ImageProcessor image = new ByteProcessor(preview.width, preview.height, pixels);
        boolean grows = wanted.width >= preview.width;
        image.setInterpolationMethod(grows && wanted.width % preview.width == 0 ? ImageProcessor.NONE
                : ImageProcessor.BILINEAR);
        return image.resize(wanted.width, wanted.height, !grows).createImage();
    }

    private static String shortened(String text, FontMetrics metrics, int width) {
        String whole = text;
        for (int end = text.length() - 1; metrics.stringWidth(whole) > width && end > 0; end--) {
            whole = text.substring(0, end) + "\u2026";
        }
        return whole;
    }
}
