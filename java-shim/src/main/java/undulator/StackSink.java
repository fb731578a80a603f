package undulator;

/** Takes the planes of a new image from the native library, in the order of {@link StackSource}. */
public interface StackSink {
    /**
     * Called once, before the first plane. Fails if the memory does not suffice.
     *
     * @param width voxels along x
     * @param height voxels along y
     * @param planes slices of all channels and frames
     * @param bits 8, 16 or 32
     * @param voxel edges of a voxel along x, y and z in the image's unit
     * @param greyScale offset and slope of the straight line from stored numbers to grey values
     */
    void begin(int width, int height, int planes, int bits, double[] voxel, double[] greyScale);

    /**
     * Takes a plane and keeps the array.
     *
     * @param plane from zero
     * @param pixels a fresh byte[], short[] or float[]
     */
    void write(int plane, Object pixels);

    /**
     * Gives back a plane that was written.
     *
     * @param plane from zero
     * @return its grey values, which the reader never writes to
     */
    Object read(int plane);

    /**
     * Which stored numbers to show as black and white.
     *
     * @param min shown black
     * @param max shown white
     */
    void displayRange(double min, double max);

    /**
     * A property that the image is to carry.
     *
     * @param key without spaces
     * @param value any text
     */
    void property(String key, String value);
}
