package undulator;

/** What a new image is, beyond its size and its grey values. The native library makes it. */
public final class NewImage {
    /** Where its source's voxels lie; slices keep their labels. */
    public static final String SAME = "same";
    /** In the field of its source, from the same corner. */
    public static final String RESAMPLED = "resampled";
    /** In the field of another image. */
    public static final String WITHIN = "within";

    /** Grey values of its source, shown as they are shown there. */
    public static final String SOURCE = "source";
    /** Other grey values, shown by {@link StackSink#displayRange}. */
    public static final String OTHER = "other";
    /** 8 bits for the eye: grey for one channel, red and green for two. */
    public static final String OVERLAY = "overlay";

    private final String name;
    private final String source;
    private final String grid;
    private final String field;
    private final double[] corner;
    private final String greys;
    private final String valueUnit;
    private final int channels;
    private final int frames;
    private final boolean main;

    /**
     * All that is known before the first plane.
     *
     * @param name with a source the ending of its title, else the whole of it
     * @param source the option that names the image it was made from, or null for one that is made from nothing
     * @param grid {@link #SAME}, {@link #RESAMPLED} or {@link #WITHIN}
     * @param field for {@link #WITHIN}, the option that names the other image
     * @param corner for {@link #WITHIN}, how far the grid's corner lies from the field's along x, y and z
     * @param greys {@link #SOURCE}, {@link #OTHER} or {@link #OVERLAY}
     * @param valueUnit what its grey values are measured in, or empty
     * @param channels how many channels
     * @param frames how many frames
     * @param main whether it is the one to look at
     */
    public NewImage(String name, String source, String grid, String field, double[] corner, String greys,
            String valueUnit, int channels, int frames, boolean main) {
        this.name = name;
        this.source = source;
        this.grid = grid;
        this.field = field;
        this.corner = corner == null ? null : corner.clone();
        this.greys = greys;
        this.valueUnit = valueUnit;
        this.channels = channels;
        this.frames = frames;
        this.main = main;
    }

    /**
     * What it is called.
     *
     * @return with a source the ending of its title, else the whole of it
     */
    public String name() {
        return name;
    }

    /**
     * What it was made from.
     *
     * @return the option that names the image; null for none
     */
    public String source() {
        return source;
    }

    /**
     * Where its voxels lie.
     *
     * @return {@link #SAME}, {@link #RESAMPLED} or {@link #WITHIN}
     */
    public String grid() {
        return grid;
    }

    /**
     * In whose field its voxels lie.
     *
     * @return the option that names the image; null unless {@link #WITHIN}
     */
    public String field() {
        return field;
    }

    /**
     * How far the grid's corner lies from the field's, in the field's unit.
     *
     * @return along x, y and z; null unless {@link #WITHIN}
     */
    public double[] corner() {
        return corner == null ? null : corner.clone();
    }

    /**
     * What its grey values are.
     *
     * @return {@link #SOURCE}, {@link #OTHER} or {@link #OVERLAY}
     */
    public String greys() {
        return greys;
    }

    /**
     * What its grey values are measured in.
     *
     * @return a unit; empty if that is unknown
     */
    public String valueUnit() {
        return valueUnit;
    }

    /**
     * How many channels it has.
     *
     * @return from one
     */
    public int channels() {
        return channels;
    }

    /**
     * How many frames in time it has.
     *
     * @return from one
     */
    public int frames() {
        return frames;
    }

    /**
     * Whether it is the one to look at.
     *
     * @return true for one of a command's new images
     */
    public boolean isMain() {
        return main;
    }
}
