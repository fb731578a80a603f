package undulator.image;

import ij.ImagePlus;
import ij.ImageStack;
import ij.io.FileInfo;
import ij.io.TiffDecoder;
import ij.plugin.FileInfoVirtualStack;
import java.io.File;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import undulator.CommandException;
import undulator.StackSink;

/** Gathers the slices of a new image. The image is made and shown later, when all went well. */
public final class NewStack {
    private final String name;
    private final int channels;
    private final int frames;
    private final Map<String, String> properties = new LinkedHashMap<>();
    private String advice = "";
    private FileInfo file;
    private ImageStack stack;
    private int slices;
    private double[] voxel;
    private double[] displayRange;

    /**
     * A stack of one volume, or of all slices in stack order.
     *
     * @param name what it is called in messages
     */
    public NewStack(String name) {
        this(name, 1, 1);
    }

    /**
     * A hyperstack that is filled volume by volume.
     *
     * @param name what it is called in messages
     * @param channels how many channels
     * @param frames how many frames
     */
    public NewStack(String name, int channels, int frames) {
        this.name = name;
        this.channels = channels;
        this.frames = frames;
    }

    /**
     * The same, for a command that could write to a file: it says so where the memory does not suffice.
     *
     * @return this
     */
    public NewStack orFile() {
        advice = ". Or let the result go to a file: output=[/data/result.tif]";
        return this;
    }

    /**
     * Takes the slices of a file that was written instead of filling volumes. They stay in the file.
     *
     * @param path a TIFF of this plugin
     * @param labels of the slices, one for each; null for none
     * @param edges of a voxel along x, y and z, which the file holds as fractions only
     */
    public void open(String path, String[] labels, double... edges) {
        File tiff = new File(path).getAbsoluteFile();
        try {
            file = new TiffDecoder(tiff.getParent() + File.separator, tiff.getName()).getTiffInfo()[0];
        } catch (IOException unreadable) {
            throw new CommandException(path + " was written but cannot be opened: " + unreadable.getMessage());
        }
        file.sliceLabels = labels;
        stack = new FileInfoVirtualStack(file, false);
        slices = stack.getSize() / (channels * frames);
        voxel = edges.clone();
    }

    /**
     * Takes the only volume.
     *
     * @return where its slices go
     */
    public StackSink sink() {
        return volume(1, 1);
    }

    /**
     * Takes one volume of a hyperstack.
     *
     * @param channel from one
     * @param frame from one
     * @return where its slices go
     */
    public StackSink volume(int channel, int frame) {
        return new VolumeSink(channel, frame);
    }

    private final class VolumeSink implements StackSink {
        private final int channel;
        private final int frame;

        VolumeSink(int channel, int frame) {
            this.channel = channel;
            this.frame = frame;
        }

        @Override
        public void begin(int width, int height, int slices, int bits, double voxelX, double voxelY, double voxelZ) {
            if (stack == null) {
                create(width, height, slices, bits);
                voxel = new double[] {voxelX, voxelY, voxelZ};
            }
        }

        @Override
        public void write(int slice, Object pixels) {
            // ImageJ's order of a hyperstack: channels fastest, then slices, then frames.
            int index = ((frame - 1) * slices + slice) * channels + channel;
            stack.setPixels(pixels, index);
        }

        @Override
        public void displayRange(double min, double max) {
            displayRange = new double[] {min, max};
        }

        @Override
        public void property(String key, String value) {
            properties.put(key, value);
        }
    }

    private void create(int width, int height, int slices, int bits) {
        long total = (long) slices * channels * frames;
        if (total > Integer.MAX_VALUE || (long) width * height > Integer.MAX_VALUE) {
            throw new CommandException(name + " would be " + width + " x " + height + " x " + total
                    + " voxels: ImageJ holds at most 2147483647 voxels a slice and as many slices");
        }
        FreeMemory.require(total * width * height * (bits / 8), name, advice);
        this.slices = slices;
        stack = new ImageStack(width, height, (int) total);
    }

    /** The new image, bare, with its properties. */
    ImagePlus image() {
        ImagePlus image = new ImagePlus(name, stack);
        carryProperties(image);
        return image;
    }

    void carryProperties(ImagePlus image) {
        properties.forEach(image::setProp);
    }

    ImageStack stack() {
        return stack;
    }

    /** The file that holds the slices, or null. */
    FileInfo file() {
        return file;
    }

    int channels() {
        return channels;
    }

    int slices() {
        return slices;
    }

    double[] voxel() {
        return voxel;
    }

    /** Black and white as the library asked for, or null. */
    double[] displayRange() {
        return displayRange;
    }
}
