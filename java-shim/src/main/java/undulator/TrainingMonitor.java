package undulator;

/** Hears from a running training and steers it. */
public interface TrainingMonitor extends Monitor {
    /** {@link #request()}: go on. */
    int GO_ON = 0;

    /** {@link #request()}: write a checkpoint at the end of this epoch. */
    int SAVE_CHECKPOINT = 1;

    /** {@link #request()}: stop now and keep the best model so far. */
    int FINISH = 2;

    /** {@link #request()}: stop now and write no model. */
    int CANCEL = 3;

    /**
     * Everything is prepared. Called before the first epoch, of a comparison before that of each network.
     *
     * @param facts name, value, name, value and so on: what trains on what
     * @param epochs number of the last epoch
     * @param baselines PSNR in dB of the validation slices as they are, grey-matched, and Gaussian-filtered and
     *     matched; empty when none validate
     */
    void begin(String[] facts, int epochs, double[] baselines);

    /**
     * An epoch is done, or was done by the training that this one goes on from: those come first, with NaN for the
     * speed and the time left.
     *
     * @param epoch from one
     * @param trainingLoss mean over the training slices
     * @param validationLoss mean over the validation slices; NaN when none validate
     * @param psnr of the validation slices in dB; NaN when none validate
     * @param rate learning rate
     * @param best whether it is the best so far
     * @param imagesPerSecond training images a second
     * @param secondsLeft to the last epoch
     * @param memoryBytes that the whole program uses; -1 when unknown
     */
    void epoch(int epoch, double trainingLoss, double validationLoss, double psnr, double rate, boolean best,
            double imagesPerSecond, double secondsLeft, long memoryBytes);

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
    void preview(int epoch, int slice, int width, int height, byte[] input, byte[] restored, byte[] reference);

    /**
     * What the user asks for now; each request is given once. The training asks after every step.
     *
     * @return {@link #GO_ON}, {@link #SAVE_CHECKPOINT}, {@link #FINISH} or {@link #CANCEL}
     */
    int request();
}
