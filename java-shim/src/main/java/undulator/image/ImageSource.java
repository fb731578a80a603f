package undulator.image;

import ij.ImagePlus;
import ij.ImageStack;
import ij.measure.Calibration;
import ij.plugin.FileInfoVirtualStack;
import ij.process.ImageProcessor;
import java.io.File;
import undulator.CommandException;
import undulator.StackSource;

/**
 * Reads the planes of an image without copying them.
 *
 * <p>It holds the planes' own arrays from the start, so the image may be closed meanwhile. Virtual stacks are read
 * plane by plane.</p>
 */
final class ImageSource implements StackSource {
    private final String title;
    private final int[] size;
    private final double[] voxel;
    private final String unit;
    private final int channels;
    private final int frames;
    private final PlaneReader planes;

    private interface PlaneReader {
        Object read(int plane);
    }

    ImageSource(ImagePlus image) {
        Calibration calibration = image.getCalibration();
        title = image.getTitle();
        size = new int[] {image.getWidth(), image.getHeight(), image.getStackSize(), image.getBitDepth()};
        voxel = new double[] {calibration.pixelWidth, calibration.pixelHeight, calibration.pixelDepth};
        unit = calibration.getUnit();
        channels = image.getNChannels();
        frames = image.getNFrames();
        planes = reader(image.getStack());
    }

    private static PlaneReader reader(ImageStack stack) {
        if (stack.isVirtual()) {
            return plane -> readVirtual(stack, plane + 1);
        }
        Object[] pixels = new Object[stack.getSize()];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = stack.getPixels(i + 1);
        }
        return plane -> pixels[plane];
    }

    /** Virtual stacks read files and keep state: one thread at a time. */
    private static Object readVirtual(ImageStack stack, int index) {
        synchronized (stack) {
            ImageProcessor processor = isGone(stack, index) ? null : stack.getProcessor(index);
            if (processor == null) {
                throw new CommandException(CommandException.FILE,
                        "Slice " + index + " of the virtual stack could not be read", "are its files still there?");
            }
            return processor.getPixels();
        }
    }

    /** ImageJ makes a black slice of a TIFF that was deleted. */
    private static boolean isGone(ImageStack stack, int index) {
        if (!(stack instanceof FileInfoVirtualStack)) {
            return false;
        }
        FileInfoVirtualStack tiff = (FileInfoVirtualStack) stack;
        String folder = tiff.getDirectory();
        return folder != null && !new File(folder, tiff.getFileName(index)).isFile();
    }

    @Override
    public String name() {
        return title;
    }

    @Override
    public int[] size() {
        return size.clone();
    }

    @Override
    public double[] voxel() {
        return voxel.clone();
    }

    @Override
    public String unit() {
        return unit;
    }

    @Override
    public int channels() {
        return channels;
    }

    @Override
    public int frames() {
        return frames;
    }

    @Override
    public Object read(int plane) {
        return planes.read(plane);
    }
}
