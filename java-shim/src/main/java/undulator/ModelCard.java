package undulator;

/** Takes what a model file says of itself. Everything but {@link #check} may be called not at all. */
public interface ModelCard {
    /**
     * A line of the card.
     *
     * @param name what it is about
     * @param value in words; everything in it comes from whoever made the file
     */
    void fact(String name, String value);

    /**
     * PSNR in dB of the validation slices, if there were any.
     *
     * @param restored after the network
     * @param raw as they are
     * @param matched after the best straight line through the grey values
     * @param filtered after the best Gaussian filter and the best straight line
     */
    void scores(double restored, double raw, double matched, double filtered);

    /**
     * An epoch of its training.
     *
     * @param epoch from one
     * @param psnr of the validation slices in dB; NaN when none validated
     * @param trainingLoss mean over the training slices
     */
    void epoch(int epoch, double psnr, double trainingLoss);

    /**
     * Its cover.
     *
     * @param width pixels along x
     * @param height pixels along y
     * @param rgb red, green and blue of each pixel, row by row
     */
    void cover(int width, int height, byte[] rgb);

    /**
     * Its README.
     *
     * @param markdown the text
     */
    void readme(String markdown);

    /**
     * Something to look at before the model is used on the open image.
     *
     * @param words for the user
     */
    void warning(String words);

    /**
     * Called last.
     *
     * @param runs whether the model runs here and reproduces its test image
     * @param words how closely, or why not
     */
    void check(boolean runs, String words);
}
