package undulator;

/** A stack that the native library reads, slice by slice, from any thread. */
public interface StackSource {
    /**
     * What the stack is called in messages.
     *
     * @return the image's title
     */
    String name();

    /**
     * Size and grey type.
     *
     * @return width, height, slices, bits (8, 16 or 32)
     */
    int[] size();

    /**
     * Edges of a voxel in the image's unit.
     *
     * @return x, y, z
     */
    double[] voxel();

    /**
     * Grey values of one slice, row by row. It may be the image's own array: the reader never writes to it.
     *
     * @param slice from zero
     * @return a byte[], short[] or float[], as {@link #size()} says
     */
    Object read(int slice);
}
