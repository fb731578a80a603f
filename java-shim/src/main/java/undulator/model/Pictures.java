package undulator.model;

import java.awt.image.BufferedImage;

/** Pictures from the native library as Java's. */
public final class Pictures {
    private Pictures() {
    }

    /**
     * A picture in colours.
     *
     * @param width pixels along x
     * @param height pixels along y
     * @param rgb red, green and blue of each pixel, row by row
     * @return the picture
     */
    public static BufferedImage image(int width, int height, byte[] rgb) {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        int[] pixels = new int[width * height];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (rgb[3 * i] & 255) << 16 | (rgb[3 * i + 1] & 255) << 8 | rgb[3 * i + 2] & 255;
        }
        image.setRGB(0, 0, width, height, pixels, 0, width);
        return image;
    }
}
