package undulator.image;

import ij.ImagePlus;
import ij.ImageStack;
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
        FreeMemory.require(total * width * height * (bits / 8), name);
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
