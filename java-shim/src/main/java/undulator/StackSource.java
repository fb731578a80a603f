package undulator;

/**
 * An image that the native library reads, plane by plane, from any thread. The planes are all slices of all channels
 * and frames, in the order of ImageJ's stacks: channels first, then slices, then frames.
 */
public interface StackSource {
    /**
     * What the image is called in messages.
     *
     * @return its title
     */
    String name();

    /**
     * Size and grey type.
     *
     * @return width, height, planes, bits (8, 16 or 32)
     */
    int[] size();

    /**
     * Edges of a voxel, each in its axis's unit.
     *
     * @return x, y, z
     */
    double[] voxel();

    /**
     * The unit of the voxel size.
     *
     * @param axis 0 for x, 1 for y, 2 for z
     * @return as the image has it
     */
    String unit(int axis);

    /**
     * The straight line from the numbers of {@link #read} to the grey values that users see.
     *
     * @return offset and slope; 0 and 1 where numbers are grey values
     */
    double[] greyScale();

    /**
     * What the grey values are measured in.
     *
     * @return as the image has it; empty if that is unknown
     */
    String valueUnit();

    /**
     * How many channels it has.
     *
     * @return from one
     */
    int channels();

    /**
     * How many frames in time it has.
     *
     * @return from one
     */
    int frames();

    /**
     * Whether what holds the lowest grey value and is connected to the border of its slice was not measured. An image
     * that Undulator made says so by a property.
     *
     * @return false if nothing is known
     */
    default boolean hasFiller() {
        return false;
    }

    /**
     * Stored numbers of one plane, row by row. It may be the image's own array: the reader never writes to it.
     *
     * @param plane from zero
     * @return a byte[], short[] or float[], as {@link #size()} says
     */
    Object read(int plane);
}
