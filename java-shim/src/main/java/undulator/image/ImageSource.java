package undulator.image;

import ij.ImagePlus;
import ij.ImageStack;
import ij.VirtualStack;
import ij.io.FileInfo;
import ij.measure.Calibration;
import ij.plugin.FileInfoVirtualStack;
import ij.process.ImageProcessor;
import java.io.File;
import java.util.Arrays;
import undulator.CommandException;
import undulator.StackSource;

/**
 * Reads the planes of an image without copying them.
 *
 * <p>It holds the planes' own arrays from the start, so the image may be closed meanwhile. Virtual stacks are read
 * plane by plane.</p>
 */
final class ImageSource implements StackSource {
    /** The core's mark of filler. */
    private static final String FILLER = "undulator.filler";
    private static final String FILLER_VALUE = "lowest";

    private final String title;
    private final int[] size;
    private final double[] voxel;
    private final String[] units;
    private final double[] greyScale;
    private final String valueUnit;
    private final int channels;
    private final int frames;
    private final boolean hasFiller;
    private final PlaneReader planes;

    private interface PlaneReader {
        Object read(int plane);
    }

    ImageSource(ImagePlus image) {
        Calibration calibration = image.getCalibration();
        title = image.getTitle();
        float[] table = GreyScale.table(image);
        int bits = table == null ? image.getBitDepth() : 32;
        size = new int[] {image.getWidth(), image.getHeight(), image.getStackSize(), bits};
        voxel = new double[] {calibration.pixelWidth, calibration.pixelHeight, calibration.pixelDepth};
        units = new String[] {calibration.getXUnit(), calibration.getYUnit(), calibration.getZUnit()};
        greyScale = GreyScale.of(image);
        valueUnit = GreyScale.unit(image);
        channels = image.getNChannels();
        frames = image.getNFrames();
        hasFiller = hasFiller(image);
        PlaneReader stored = reader(image.getStack());
        planes = table == null ? stored : plane -> GreyScale.calibrated(stored.read(plane), table);
    }

    /** By the property of an image, or by the description of a file that was written in place of one. */
    private static boolean hasFiller(ImagePlus image) {
        if (FILLER_VALUE.equals(image.getProp(FILLER))) {
            return true;
        }
        FileInfo file = image.getOriginalFileInfo();
        return file != null && file.description != null
                && Arrays.asList(file.description.split("\\R")).contains(FILLER + "=" + FILLER_VALUE);
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
            File file = file(stack, index);
            // ImageJ makes a blank slice of a file that is not there.
            if (file != null && !file.isFile()) {
                throw new CommandException(CommandException.FILE, "Slice " + index + " of the virtual stack could not be "
                        + "read: the file " + file + " is missing", "put it back, or open the stack again");
            }
            ImageProcessor processor = stack.getProcessor(index);
            if (processor == null) {
                throw new CommandException(CommandException.FILE,
                        "Slice " + index + " of the virtual stack could not be read", "are its files still there?");
            }
            return processor.getPixels();
        }
    }

    /** The file that a slice is read from; null for virtual stacks of other kinds. */
    private static File file(ImageStack stack, int index) {
        boolean isSequence = stack.getClass() == VirtualStack.class;
        if (!isSequence && !(stack instanceof FileInfoVirtualStack)) {
            return null;
        }
        VirtualStack files = (VirtualStack) stack;
        String folder = files.getDirectory();
        String name = folder == null ? null : files.getFileName(isSequence ? files.translate(index) : index);
        return name == null ? null : new File(folder, name);
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
    public String unit(int axis) {
        return units[axis];
    }

    @Override
    public double[] greyScale() {
        return greyScale.clone();
    }

    @Override
    public String valueUnit() {
        return valueUnit;
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
    public boolean hasFiller() {
        return hasFiller;
    }

    @Override
    public Object read(int plane) {
        return planes.read(plane);
    }
}
