package undulator.training;

/** One epoch as the native library told it; see {@link undulator.Host#epoch}. */
final class EpochRow {
    final int epoch;
    final double loss;
    final double validationLoss;
    final double psnr;
    final double rate;
    final boolean best;
    final double imagesPerSecond;
    final double secondsLeft;
    final long memoryBytes;

    EpochRow(int epoch, double loss, double validationLoss, double psnr, double rate, boolean best,
            double imagesPerSecond, double secondsLeft, long memoryBytes) {
        this.epoch = epoch;
        this.loss = loss;
        this.validationLoss = validationLoss;
        this.psnr = psnr;
        this.rate = rate;
        this.best = best;
        this.imagesPerSecond = imagesPerSecond;
        this.secondsLeft = secondsLeft;
        this.memoryBytes = memoryBytes;
    }
}
