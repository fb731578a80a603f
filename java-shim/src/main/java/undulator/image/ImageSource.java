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
 * Reads the slices of an image without copying them.
 *
 * <p>It holds the slices' own arrays from the start, so the image may be closed meanwhile. Virtual stacks are read
 * slice by slice.</p>
 */
public final class ImageSource implements StackSource {
    private final String title;
    private final int[] size;
    private final double[] voxel;
    private final SliceReader slices;

    private interface SliceReader {
        Object read(int slice);
    }

    private ImageSource(ImagePlus image, int[] stackIndices) {
        Calibration calibration = image.getCalibration();
        title = image.getTitle();
        size = new int[] {image.getWidth(), image.getHeight(), stackIndices.length, image.getBitDepth()};
        voxel = new double[] {calibration.pixelWidth, calibration.pixelHeight, calibration.pixelDepth};
        slices = reader(image.getStack(), stackIndices);
    }

    private static SliceReader reader(ImageStack stack, int[] indices) {
        if (stack.isVirtual()) {
            return slice -> readVirtual(stack, indices[slice]);
        }
        Object[] pixels = new Object[indices.length];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = stack.getPixels(indices[i]);
        }
        return slice -> pixels[slice];
    }

    /** Virtual stacks read files and keep state: one thread at a time. */
    private static Object readVirtual(ImageStack stack, int index) {
        synchronized (stack) {
            ImageProcessor processor = isGone(stack, index) ? null : stack.getProcessor(index);
            if (processor == null) {
                throw new CommandException("Slice " + index + " of the virtual stack could not be read: "
                        + "are its files still there?");
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

    /**
     * All slices of an image in the order of its stack; channels and frames of a hyperstack count as slices.
     *
     * @param image the image, or null
     * @return its slices; null for null
     */
    public static ImageSource ofAll(ImagePlus image) {
        if (image == null) {
            return null;
        }
        int[] indices = new int[image.getStackSize()];
        for (int i = 0; i < indices.length; i++) {
            indices[i] = i + 1;
        }
        return new ImageSource(image, indices);
    }

    /**
     * The slices of one channel at one time.
     *
     * @param image a stack or hyperstack
     * @param channel from one
     * @param frame from one
     * @return its slices
     */
    public static ImageSource ofVolume(ImagePlus image, int channel, int frame) {
        int[] indices = new int[image.getNSlices()];
        for (int i = 0; i < indices.length; i++) {
            indices[i] = image.getStackIndex(channel, i + 1, frame);
        }
        return new ImageSource(image, indices);
    }

    /**
     * The slices of an image that holds one volume.
     *
     * @param image a stack
     * @return its slices
     * @throws CommandException if it is a hyperstack of several channels or of several volumes in time
     */
    public static ImageSource ofOneVolume(ImagePlus image) {
        boolean channels = image.getNChannels() > 1;
        boolean frames = image.getNFrames() > 1 && image.getNSlices() > 1;
        if (channels || frames) {
            throw new CommandException("\"" + image.getTitle() + "\" is a hyperstack of " + image.getNChannels()
                    + " channels and " + image.getNFrames() + " frames, and this command needs one volume: "
                    + "take it out first (Image > Duplicate... or Image > Color > Split Channels)");
        }
        return ofAll(image);
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
    public Object read(int slice) {
        return slices.read(slice);
    }
}
