package undulator.training;

/** A validation slice as {@link undulator.Host#preview} gives it. */
final class Preview {
    final int epoch;
    final int slice;
    final int width;
    final int height;
    final byte[] input;
    final byte[] restored;
    final byte[] reference;

    Preview(int epoch, int slice, int width, int height, byte[] input, byte[] restored, byte[] reference) {
        this.epoch = epoch;
        this.slice = slice;
        this.width = width;
        this.height = height;
        this.input = input;
        this.restored = restored;
        this.reference = reference;
    }
}
