package undulator;

/**
 * What a command needs from whoever runs it: images by name, room for new ones, and somebody who listens.
 *
 * <p>The native library calls it from any thread. What a method throws stops the command and comes back unchanged from
 * {@link Native#run}.</p>
 */
public interface Host {
    /** {@link #request()}: go on. */
    int GO_ON = 0;

    /** {@link #request()}: write a checkpoint at the end of this epoch. */
    int SAVE_CHECKPOINT = 1;

    /** {@link #request()}: stop now and keep the best model so far. */
    int FINISH = 2;

    /** {@link #request()}: stop now and write no model. */
    int CANCEL = 3;

    /**
     * The image that an option names. The command reads it until it ends.
     *
     * @param key the option
     * @param name its value: a title, {@code active} or {@code none}
     * @return all planes of the image
     */
    StackSource image(String key, String name);

    /**
     * Makes room for a new image.
     *
     * @param image what it is
     * @return takes its planes
     */
    StackSink create(NewImage image);

    /**
     * A file was written in place of a new image; the host opens it as what {@link #create} would have made.
     *
     * @param image what it is
     * @param path the TIFF file
     * @param voxel edges of a voxel along x, y and z, which the file holds as fractions only
     * @param greyScale offset and slope of the straight line from stored numbers to grey values
     */
    void open(NewImage image, String path, double[] voxel, double[] greyScale);

    /**
     * A file was written beside the images: a model, a table, a figure.
     *
     * @param path the file
     */
    void written(String path);

    /**
     * Whether a file that is there already may be replaced. Asked before long work.
     *
     * @param path the file
     * @return false to leave it, which cancels the command
     */
    default boolean mayReplace(String path) {
        return true;
    }

    /**
     * The file of a model.
     *
     * @param name a path, or the name of a model that the host knows
     * @return the path
     */
    String model(String name);

    /**
     * Where the host keeps models.
     *
     * @return a folder, which may not exist yet
     */
    String models();

    /**
     * A row of a table. Rows come as soon as they are known.
     *
     * @param table the table; most commands have one, {@code results}
     * @param columns headings
     * @param units units of the numbers; empty for none
     * @param numbers the values
     * @param texts null for a number, else the value in its place
     */
    void row(String table, String[] columns, String[] units, double[] numbers, String[] texts);

    /**
     * A picture that belongs to the rows, such as the cover of a model.
     *
     * @param name what it shows
     * @param width pixels along x
     * @param height pixels along y
     * @param rgb red, green and blue of each pixel, row by row
     */
    void picture(String name, int width, int height, byte[] rgb);

    /**
     * What is being done from now on.
     *
     * @param name for a status line
     */
    void phase(String name);

    /**
     * How much of the whole work is done.
     *
     * @param fraction 0 to 1
     */
    void fraction(double fraction);

    /**
     * A line for the log.
     *
     * @param line without a line break at its end
     */
    void message(String line);

    /**
     * A line for the log about something that the user should look at.
     *
     * @param line without a line break at its end
     */
    void warning(String line);

    /**
     * Whether the user asked to stop. Asked at least once a slice or training step.
     *
     * @return true to stop
     */
    boolean cancelled();

    /**
     * A training is prepared. Comes before the first epoch, in a comparison before that of each network.
     *
     * @param facts name, value, name, value and so on: what trains on what
     * @param epochs number of the last epoch
     * @param baselines PSNR in dB of the validation slices as they are, grey-matched, and Gaussian-filtered and
     *     matched; empty when there are none
     */
    default void trainingStarted(String[] facts, int epochs, double[] baselines) {
    }

    /**
     * An epoch is done, or was done by the training that this one goes on from: those come first, with NaN for the
     * speed and the time left.
     *
     * @param epoch from one
     * @param trainingLoss mean over the training slices
     * @param validationLoss mean over the validation slices; NaN when there are none
     * @param psnr of the validation slices in dB; NaN when there are none
     * @param rate learning rate
     * @param best whether it is the best so far
     * @param imagesPerSecond training images a second
     * @param secondsLeft to the last epoch
     * @param memoryBytes that the whole program uses; -1 when unknown
     */
    default void epoch(int epoch, double trainingLoss, double validationLoss, double psnr, double rate, boolean best,
            double imagesPerSecond, double secondsLeft, long memoryBytes) {
    }

    /**
     * The best model so far restored a validation slice; comes before that epoch's {@link #epoch}.
     *
     * @param epoch from one
     * @param slice from zero
     * @param width pixels along x
     * @param height pixels along y
     * @param input the laboratory's grey values in 8 bits, row by row
     * @param restored after the network
     * @param reference the synchrotron's
     */
    default void preview(int epoch, int slice, int width, int height, byte[] input, byte[] restored,
            byte[] reference) {
    }

    /**
     * What the user asks of a training now; each request is given once. Asked after every step.
     *
     * @return {@link #GO_ON}, {@link #SAVE_CHECKPOINT}, {@link #FINISH} or {@link #CANCEL}
     */
    default int request() {
        return GO_ON;
    }
}
