package undulator;

/**
 * The functions of the native library. Load it with {@link undulator.nativelib.NativeLibrary#load()} first.
 *
 * <p>Options are key, value, key, value and so on: the macro keys that do not name images, all of them, always; a flag
 * is "true" or "false". Whatever the library refuses comes back as an exception whose message is ready for the user;
 * cancelled work throws {@link java.util.concurrent.CancellationException}.</p>
 */
public final class Native {
    private Native() {
    }

    /**
     * The version of the native library.
     *
     * @return the version, which must be that of this jar
     */
    public static native String version();

    /**
     * What there is to compute with, and what is missing.
     *
     * @return rows of three, one after the other: item, state, detail or advice
     */
    public static native String[] devices();

    /**
     * Makes a pair of stacks of one sample.
     *
     * @param laboratory takes the laboratory scan
     * @param synchrotron takes the synchrotron scan
     * @param options keys and values
     * @param monitor hears of progress
     */
    public static native void sampleData(StackSink laboratory, StackSink synchrotron, String[] options,
            Monitor monitor);

    /**
     * Brings a stack to isotropic voxels.
     *
     * @param image the stack
     * @param result takes the new stack, unless the option output names a file for it
     * @param options keys and values, and of the image: unit, channels, frames
     * @param monitor hears of progress
     */
    public static native void resample(StackSource image, StackSink result, String[] options, Monitor monitor);

    /**
     * Brings a stack onto another's grid, or onto another grid in its field.
     *
     * @param moving the laboratory scan
     * @param reference the synchrotron scan
     * @param result takes the moving stack on the grid
     * @param matched takes the reference on the grid, or null
     * @param options keys and values
     * @param monitor hears of progress and takes the row of the transform
     * @return how far the grid's corner lies from the reference's along x, y and z, in the reference's unit
     */
    public static native double[] align(StackSource moving, StackSource reference, StackSink result,
            StackSink matched, String[] options, Monitor monitor);

    /**
     * Draws two stacks of one grid into one image. A checkerboard goes to the first stack; of red and green, red goes to
     * the first and green to the second.
     *
     * @param aligned the aligned stack
     * @param reference the stack that it was aligned to
     * @param first takes slices of 8 bits
     * @param second takes slices of 8 bits, or nothing
     * @param options keys and values
     * @param monitor hears of progress
     */
    public static native void overlay(StackSource aligned, StackSource reference, StackSink first, StackSink second,
            String[] options, Monitor monitor);

    /**
     * Trains a network and writes the model file.
     *
     * @param low the laboratory scan
     * @param reference the synchrotron scan on the same grid
     * @param options keys and values
     * @param monitor hears of the epochs, takes a row of each, and may steer the training
     */
    public static native void train(StackSource low, StackSource reference, String[] options,
            TrainingMonitor monitor);

    /**
     * Trains several networks on one pair of stacks.
     *
     * @param low the laboratory scan
     * @param reference the synchrotron scan on the same grid
     * @param options keys and values
     * @param monitor hears of each training in turn, takes a row a network, and may steer the training
     * @return the figure's file
     */
    public static native String compare(StackSource low, StackSource reference, String[] options,
            TrainingMonitor monitor);

    /**
     * Applies a trained model.
     *
     * @param image the stack to restore
     * @param reference a stack to compare the result with, or null
     * @param result takes the restored stack, unless the option output names a file for it
     * @param options keys and values, and of the image: unit, channels, frames
     * @param monitor hears of progress and takes the row of scores
     */
    public static native void apply(StackSource image, StackSource reference, StackSink result, String[] options,
            Monitor monitor);

    /**
     * Reads a model file and runs it on its test image.
     *
     * @param options keys and values: the file is {@code model}
     * @param image a stack that the model may be meant for, or null
     * @param card takes what the file says of itself
     */
    public static native void inspectModel(String[] options, StackSource image, ModelCard card);

    /**
     * Runs a model on its test image, however long that takes.
     *
     * @param options keys and values: the file is {@code model}
     * @return how closely it reproduces it; a model that does not is refused
     */
    public static native String verifyModel(String[] options);

    /**
     * Copies a model file into the folder of models, checked and whole.
     *
     * @param options keys and values: {@code model}, {@code folder}, {@code force}
     * @return the copy
     */
    public static native String installModel(String[] options);

    /**
     * Writes the network or the weights of a model for other programs.
     *
     * @param options keys and values: {@code model}, {@code format}, {@code folder}, {@code force}
     * @return the file
     */
    public static native String exportModel(String[] options);

    /**
     * Compares two stacks.
     *
     * @param test the stack to measure
     * @param reference the stack that it should equal
     * @param options keys and values
     * @param monitor hears of progress and takes the rows of scores
     */
    public static native void measure(StackSource test, StackSource reference, String[] options, Monitor monitor);
}
