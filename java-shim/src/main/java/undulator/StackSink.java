package undulator;

/** Takes a new stack from the native library, slice by slice. */
public interface StackSink {
    /**
     * Called once, before the first slice. Fails if the memory does not suffice.
     *
     * @param width voxels along x
     * @param height voxels along y
     * @param slices voxels along z
     * @param bits 8, 16 or 32
     * @param voxelX edge of a voxel along x
     * @param voxelY edge of a voxel along y
     * @param voxelZ edge of a voxel along z
     */
    void begin(int width, int height, int slices, int bits, double voxelX, double voxelY, double voxelZ);

    /**
     * Takes a slice and keeps the array.
     *
     * @param slice from zero, in rising order
     * @param pixels a fresh byte[], short[] or float[]
     */
    void write(int slice, Object pixels);

    /**
     * Which grey values to show as black and white.
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
