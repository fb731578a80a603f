package undulator.image;

import ij.ImageStack;
import ij.io.FileInfo;
import ij.io.TiffDecoder;
import ij.plugin.FileInfoVirtualStack;
import java.io.File;
import java.io.IOException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import undulator.CommandException;
import undulator.StackSink;

/** Gathers the planes of a new image. Its stack is made when the first plane is known to come. */
final class NewStack implements StackSink {
    private final String name;
    private final String memoryAdvice;
    private final Map<String, String> properties = new LinkedHashMap<>();
    private FileInfo file;
    private ImageStack stack;
    private double[] voxel;
    private double[] greyScale;
    private double[] displayRange;

    /** With what it is called in messages, and what else can be done where the memory does not suffice. */
    NewStack(String name, String memoryAdvice) {
        this.name = name;
        this.memoryAdvice = memoryAdvice;
    }

    /** Takes the planes of a file that was written instead. They stay in the file; it may have labels for them. */
    void open(String path, String[] labels, double[] edges, double[] scale) {
        File tiff = new File(path).getAbsoluteFile();
        try {
            file = new TiffDecoder(tiff.getParent() + File.separator, tiff.getName()).getTiffInfo()[0];
        } catch (IOException unreadable) {
            throw new CommandException(CommandException.FILE, path + " was written but cannot be opened",
                    unreadable.getMessage());
        }
        file.sliceLabels = labels;
        stack = new FileInfoVirtualStack(file, false);
        voxel = edges.clone();
        greyScale = scale.clone();
    }

    @Override
    public void begin(int width, int height, int planes, int bits, double[] edges, double[] scale) {
        if ((long) width * height > Integer.MAX_VALUE) {
            throw new CommandException(CommandException.IMAGE, name + " would be " + width + " x " + height + " x "
                    + planes + " voxels", "ImageJ holds at most 2147483647 voxels a slice");
        }
        FreeMemory.require((long) planes * width * height * (bits / 8), name, memoryAdvice);
        stack = new ImageStack(width, height, planes);
        voxel = edges.clone();
        greyScale = scale.clone();
    }

    @Override
    public void write(int plane, Object pixels) {
        stack.setPixels(pixels, plane + 1);
    }

    @Override
    public Object read(int plane) {
        return stack.getPixels(plane + 1);
    }

    @Override
    public void displayRange(double min, double max) {
        displayRange = new double[] {min, max};
    }

    @Override
    public void property(String key, String value) {
        properties.put(key, value);
    }

    Map<String, String> properties() {
        return Collections.unmodifiableMap(properties);
    }

    /** The planes; null before the first is known to come. */
    ImageStack stack() {
        return stack;
    }

    /** The file that holds the planes, or null. */
    FileInfo file() {
        return file;
    }

    double[] voxel() {
        return voxel;
    }

    /** Offset and slope of the grey values. */
    double[] greyScale() {
        return greyScale;
    }

    /** Black and white as the library asked for, or null. */
    double[] displayRange() {
        return displayRange;
    }
}
